import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addBatch, beginJudging, DEFAULT_PARAMETERS, verdictOf } from '../../machines/judge/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Inspection } from '../../src/metrics/inspection.ts';
import { createInspector } from '../../src/metrics/inspector.ts';
import type { Batch, Measure, Sampler, Subject } from '../../src/metrics/port.ts';
import type { MetricsClient } from '../../src/metrics/provider.ts';
import { createPrometheus } from '../../src/metrics/providers/prometheus.ts';
import { createSampler } from '../../src/metrics/sampler.ts';
import { eventually } from '../support/eventually.ts';
import { type ExposedHistogram, histogramFamily, PROTOBUF_TYPE } from '../support/metrics-protobuf.ts';
import { findPrometheus, freePort, RealPrometheus, WITHOUT_PROMETHEUS } from '../support/real-prometheus.ts';

const SCRAPE_MS = 250;
const METRIC = 'istio_request_duration_milliseconds';
const POWERS = Array.from({ length: 11 }, (_, index) => 2 ** (index + 3));
const ISTIO = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];
const PATIENCE = { withinMs: 20_000 };
const binary = findPrometheus();
/** The first that keeps custom buckets. */
const isThree = binary !== undefined && !/version 2\./.test(String(spawnSync(binary, ['--version']).stdout));

type Form = Pick<ExposedHistogram, 'edges' | 'schema'>;

/** A caller's proxy that shows the same requests to several services, of each in another form. */
class Exporter {
  readonly forms: Map<string, Form>;
  readonly #durations = new Map<string, number[]>();
  readonly #server: Server;

  constructor(forms: Readonly<Record<string, Form>>) {
    this.forms = new Map(Object.entries(forms));
    this.#server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': PROTOBUF_TYPE });
      // One family each: whether it is native is told by its first histogram.
      response.end(Buffer.concat([...this.forms].map(([service, form]) => this.#family(service, form))));
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The same requests to this revision of every service, in ms. */
  serve(revision: string, durations: readonly number[]): void {
    this.#durations.set(revision, [...(this.#durations.get(revision) ?? []), ...durations]);
  }

  restart(): void {
    this.#durations.clear();
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #family(service: string, form: Form): Buffer {
    const histograms = [...this.#durations].map(([revision, durations]): ExposedHistogram => {
      const host = revision === '' ? service : `${service}-${revision}`;
      const of = { destination_service_name: host, destination_service_namespace: 'shop', response_flags: '-' };
      return { labels: { reporter: 'source', ...of }, durations, ...form };
    });
    return histograms.length === 0 ? Buffer.alloc(0) : histogramFamily(METRIC, histograms);
  }
}

let folder: string;
let prometheus: RealPrometheus;
let provider: MetricsClient;
const classic = { edges: POWERS, schema: null };
const web = new Exporter({ fine: { edges: [], schema: 3 }, coarse: { edges: [], schema: 0 }, classic });
const customized = new Exporter({ custom: { edges: ISTIO, schema: null } });
const both = new Exporter({ both: { edges: POWERS, schema: 3 } });

function job(name: string, exporter: Exporter, settings: object): object {
  const scraped = isThree ? { scrape_native_histograms: true, scrape_protocols: ['PrometheusProto'], ...settings } : {};
  return { job_name: name, static_configs: [{ targets: [exporter.address], labels: { pod: name } }], ...scraped };
}

beforeAll(async () => {
  if (binary === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'sluice-native-'));
  for (const exporter of [web, customized, both]) await exporter.start();
  const jobs = [
    job('web', web, {}),
    job('customized', customized, { convert_classic_histograms_to_nhcb: true }),
    job('both', both, { always_scrape_classic_histograms: true }),
  ];
  const global = { scrape_interval: `${SCRAPE_MS}ms`, scrape_timeout: `${SCRAPE_MS}ms` };
  // JSON is YAML.
  writeFileSync(
    join(folder, 'prometheus.yml'),
    JSON.stringify({ global, scrape_configs: isThree ? jobs : jobs.slice(0, 1) }),
  );
  prometheus = new RealPrometheus({ binary, folder, port: await freePort(), features: ['native-histograms'] });
  await prometheus.start();
  provider = createPrometheus({ url: prometheus.url, now: Date.now });
  await scraped();
}, 60_000);

afterAll(async () => {
  if (binary === undefined) return;
  await prometheus.kill();
  for (const exporter of [web, customized, both]) exporter.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach((context) => {
  if (binary !== undefined) return;
  if (process.env['CI'] === 'true') throw new Error(WITHOUT_PROMETHEUS);
  context.skip(WITHOUT_PROMETHEUS);
});

/** Every caller was scraped once more. */
async function scraped(): Promise<void> {
  const from = Date.now();
  await eventually(
    'one more scrape of all callers',
    async () => {
      const { series } = await provider.samples({ selector: 'up', windowMs: 5000 });
      const isUp = series.every(({ samples }) => samples.at(-1)?.value === 1 && (samples.at(-1)?.at ?? 0) > from);
      return series.length === (isThree ? 3 : 1) && isUp;
    },
    PATIENCE,
  );
}

async function releaseOf(services: Readonly<Record<string, number>>): Promise<Sampler> {
  const options = { pollMs: 100, windowMs: 5000, staleAfterMs: 2000, cellMs: 250, ingestDelayMs: 250 };
  const sampler = createSampler({ provider, clock: systemClock, ...options });
  const abort = new AbortController();
  aborts.push(abort);
  sampler.start(abort.signal);
  const since = Date.now();
  for (const [service, underMs] of Object.entries(services)) {
    sampler.follow(service, { ...subjectOf(service, { kind: 'durations', underMs }), since });
  }
  return sampler;
}

const aborts: AbortController[] = [];
afterAll(() => {
  for (const abort of aborts) abort.abort();
});

function subjectOf(service: string, measure: Measure): Subject {
  return { namespace: 'shop', service, stable: 'aa', canary: 'bb', since: null, measure };
}

function totals(batches: readonly Batch[]): readonly number[] {
  const sum = (of: (batch: Batch) => number) => batches.reduce((all, batch) => all + of(batch), 0);
  return [sum(({ stable }) => stable.requests), sum(({ stable }) => stable.failures)].concat([
    sum(({ canary }) => canary.requests),
    sum(({ canary }) => canary.failures),
  ]);
}

/** Until all have counted so much; gives their batches. */
async function counted(
  sampler: Sampler,
  services: readonly string[],
  wanted: readonly number[],
): Promise<readonly (readonly Batch[])[]> {
  const now = () => services.map((service) => totals(sampler.read(service).batches));
  const isThere = () => now().every((one) => JSON.stringify(one) === JSON.stringify(wanted));
  const lastSeen = () => ({ counted: now(), states: services.map((service) => sampler.read(service).message) });
  await eventually(`${JSON.stringify(wanted)} of all`, isThere, { ...PATIENCE, lastSeen });
  return services.map((service) => sampler.read(service).batches);
}

function verdict(batches: readonly Batch[], latencyEdge: number) {
  const parameters = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.1, latencyEdge };
  return verdictOf(
    batches.reduce((state, batch) => addBatch(state, batch, parameters), beginJudging()),
    parameters,
  );
}

/** `amount` durations, of which every tenth is slower than 256 ms, or each but every tenth. */
function durations(amount: number, isSlow: boolean): number[] {
  return Array.from({ length: amount }, (_, index) => ((index % 10 === 0) === isSlow ? 40 + index / 7 : 300 + index));
}

function inspectMeasure(service: string, measure: Measure): Promise<Inspection> {
  const inspector = createInspector({ clientOf: () => provider, clock: systemClock });
  return inspector.inspect(subjectOf(service, measure), Date.now());
}

const inspect = (service: string, underMs: number) => inspectMeasure(service, { kind: 'durations', underMs });

const all = isThree ? [web, customized, both] : [web];
const serve = (revision: string, of: readonly number[]) => {
  for (const exporter of all) exporter.serve(revision, of);
};

describe('native histograms of a real Prometheus', () => {
  it('count the same requests as classic ones, through a restart, to the same verdict', async () => {
    for (const revision of ['', 'aa']) serve(revision, durations(50, false));
    await scraped();
    const services = { fine: 256, coarse: 256, classic: 256, ...(isThree ? { both: 256 } : {}) };
    const sampler = await releaseOf(services);
    const names = Object.keys(services);
    for (let round = 1; round <= 4; round++) {
      serve('aa', durations(90, false));
      serve('bb', durations(20, true));
      await counted(sampler, names, [90 * round, 9 * round, 20 * round, 18 * round]);
    }
    for (const exporter of all) exporter.restart();
    serve('aa', durations(10, false));
    serve('bb', durations(10, true));
    const batches = await counted(sampler, names, [370, 37, 90, 81]);
    const [fine, coarse, classic] = batches.map((one) => ({ batches: one, verdict: verdict(one, 256) }));
    expect(classic?.verdict).toMatchObject({ kind: 'Rollback' });
    expect(fine).toEqual(classic);
    expect(coarse).toEqual(classic);
  }, 60_000);

  it('are refused at a threshold that is no edge, and show the past at one that is', async () => {
    for (let round = 0; round < 3; round++) {
      serve('', durations(100, false));
      await scraped();
    }
    expect((await inspect('fine', 250)).problem?.message).toMatch(
      /exponential buckets.*the next are 128 ms and 256 ms/,
    );
    // Parts are cut 15 s apart, and the last one is not over.
    const { problem, past } = await eventually(
      'a part of the past',
      async () => {
        const inspection = await inspect('fine', 256);
        return inspection.problem !== null || inspection.past.length > 0 ? inspection : undefined;
      },
      PATIENCE,
    );
    expect(problem).toBeNull();
    expect(past.reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThan(0);
    expect(past.reduce((sum, { failures }) => sum + failures, 0)).toBe(
      past.reduce((sum, { requests }) => sum + requests, 0) / 10,
    );
  }, 60_000);

  it('whose resolution is lowered are not counted any more, and that is said', async () => {
    const sampler = await releaseOf({ fine: 128, classic: 128 });
    web.serve('aa', durations(50, false));
    web.serve('bb', durations(50, true));
    await counted(sampler, ['fine', 'classic'], [50, 5, 50, 45]);
    web.forms.set('fine', { edges: [], schema: -3 });
    web.serve('bb', durations(10, true));
    await counted(sampler, ['classic'], [50, 5, 60, 54]);
    const told = () => sampler.read('fine');
    await eventually('evidence that is stale', () => told().state === 'stale', { ...PATIENCE, lastSeen: told });
    expect(told().message).toContain('a native histogram of web has not told requests of at most');
    expect(totals(told().batches)).toEqual([50, 5, 50, 45]);
    web.restart();
    web.forms.set('fine', { edges: [], schema: 3 });
    web.serve('bb', durations(20, true));
    await counted(sampler, ['fine'], [50, 5, 70, 63]);
    expect(told().state).toBe('fresh');
  }, 60_000);

  it('with custom buckets count the same at every edge of the classic ones they are made of', async (context) => {
    context.skip(!isThree, 'this Prometheus is older than 3 and keeps no custom buckets');
    serve('', durations(200, false));
    await scraped();
    expect((await inspect('custom', 300)).problem?.message).toMatch(/native buckets; the next are 250 ms and 500 ms/);
    expect((await inspect('custom', 250)).problem).toBeNull();
    const sampler = await releaseOf({ custom: 250 });
    customized.serve('aa', durations(100, false));
    customized.serve('bb', durations(100, true));
    const [batches = []] = await counted(sampler, ['custom'], [100, 10, 100, 90]);
    expect(batches.at(-1)?.latency?.edges).toEqual([25, 50, 100, 250, 500]);
  }, 60_000);

  it('are no counters', async () => {
    await scraped();
    const selector = `${METRIC}{destination_service_name="fine-{{revision}}"}`;
    const { problem } = await inspectMeasure('fine', { kind: 'counters', bad: selector, total: selector });
    expect(problem).toMatchObject({ reason: 'NotACounter' });
  });
});
