import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import type { Batch, Sampler, Subject } from '../../src/metrics/port.ts';
import type { MetricsProvider } from '../../src/metrics/provider.ts';
import { createPrometheus } from '../../src/metrics/providers/prometheus.ts';
import { createSampler } from '../../src/metrics/sampler.ts';
import { eventually } from '../support/eventually.ts';
import { findPrometheus, freePort, RealPrometheus, WITHOUT_PROMETHEUS } from '../support/real-prometheus.ts';

const scrapeMs = 250;
const binary = findPrometheus();

/** A program that is scraped: what a caller's proxy exposes, as far as this test needs it. */
class Exporter {
  readonly counts = new Map<string, number>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Exporter> {
    const server = createServer((_, response) => {
      const lines = [...exporter.counts].map(([labels, value]) => `istio_requests_total{${labels}} ${value}`);
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
      response.end(['# TYPE istio_requests_total counter', ...lines, 'broken_gauge NaN', ''].join('\n'));
    });
    const exporter = new Exporter(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return exporter;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  serve(host: string, amount: number, code = '200'): void {
    const labels = `reporter="source",destination_service_name="${host}",destination_service_namespace="shop",response_code="${code}",response_flags="-"`;
    this.counts.set(labels, (this.counts.get(labels) ?? 0) + amount);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let folder: string;
let web: Exporter;
let other: Exporter;
let prometheus: RealPrometheus;
let provider: MetricsProvider;

beforeAll(async () => {
  if (binary === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'));
  web = await Exporter.start();
  other = await Exporter.start();
  const targets = [web, other].map(({ address }, index) => ({
    targets: [address],
    labels: { pod: `caller-${index}` },
  }));
  // JSON is YAML.
  writeFileSync(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: `${scrapeMs}ms`, scrape_timeout: `${scrapeMs}ms` },
      scrape_configs: [{ job_name: 'mesh', static_configs: targets }],
    }),
  );
  prometheus = new RealPrometheus({ binary, folder, port: await freePort() });
  await prometheus.start();
  provider = createPrometheus({ url: prometheus.url, now: Date.now });
  await eventually('both callers to be scraped', async () => {
    const { series } = await provider.samples({ selector: 'up', windowMs: 30_000 });
    return series.filter(({ samples }) => samples.some(({ value }) => value === 1)).length === 2;
  });
}, 60_000);

afterAll(async () => {
  if (binary === undefined) return;
  await prometheus.kill();
  web.stop();
  other.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach((context) => {
  if (binary !== undefined) return;
  if (process.env['CI'] === 'true') throw new Error(WITHOUT_PROMETHEUS);
  context.skip(WITHOUT_PROMETHEUS);
});

describe('a real Prometheus', () => {
  it('gives the raw samples of a counter with their scrape times', async () => {
    web.serve('raw', 7);
    const before = Date.now();
    const series = await eventually('three samples', async () => {
      const answer = await provider.samples({ selector: selectorOf('raw'), windowMs: 30_000 });
      return (answer.series[0]?.samples.length ?? 0) >= 3 ? answer.series : undefined;
    });
    expect(series).toHaveLength(1);
    expect(series[0]?.labels).toMatchObject({ job: 'mesh', pod: 'caller-0', response_code: '200' });
    expect(series[0]?.samples.every(({ at, value }) => value === 7 && at > before - 1000 && at <= Date.now())).toBe(
      true,
    );
    const gaps = series[0]?.samples.slice(1).map(({ at }, index) => at - (series[0]?.samples[index]?.at ?? 0)) ?? [];
    expect(gaps.every((gap) => gap > 0)).toBe(true);
  });

  it('gives no series for a counter that nobody has', async () => {
    expect(await provider.samples({ selector: selectorOf('nobody'), windowMs: 30_000 })).toMatchObject({
      series: [],
      warnings: [],
    });
  });

  it('gives NaN as NaN', async () => {
    const samples = await eventually('a sample', async () => {
      const { series } = await provider.samples({ selector: 'broken_gauge', windowMs: 30_000 });
      return series[0]?.samples;
    });
    expect(samples[0]?.value).toBeNaN();
  });

  it('agrees with our clock, as both run here', async () => {
    const { clockOffsetMs } = await provider.samples({ selector: 'up', windowMs: 1000 });
    expect(Math.abs(clockOffsetMs ?? Number.NaN)).toBeLessThan(1000);
  });

  it('answers a query that is too long for an address', async () => {
    web.serve('long', 1);
    const names = Array.from({ length: 2000 }, (_, index) => `host-${index}`).join('|');
    const series = await eventually('the series', async () => {
      const selector = `istio_requests_total{destination_service_name=~"${names}|long"}`;
      const answer = await provider.samples({ selector, windowMs: 30_000 });
      return answer.series[0];
    });
    expect(series.labels['destination_service_name']).toBe('long');
  });

  it('answers for a window that ends at a fixed time', async () => {
    web.serve('fixed', 1);
    const newest = await eventually('four samples', async () => {
      const { series } = await provider.samples({ selector: selectorOf('fixed'), windowMs: 30_000 });
      return series[0]?.samples[3]?.at;
    });
    const { series } = await provider.samples({ selector: selectorOf('fixed'), windowMs: 30_000, endAtMs: newest - 1 });
    expect(series[0]?.samples).toHaveLength(3);
  });

  it('refuses a wrong query', async () => {
    await expect(provider.samples({ selector: 'up{', windowMs: 1000 })).rejects.toMatchObject({
      class: 'ConfigError',
      code: 'METRICS_BAD_QUERY',
      details: { said: expect.stringContaining('parse error') as string },
    });
  });

  it('is reported when it is not there', async () => {
    const absent = createPrometheus({ url: `http://127.0.0.1:${await freePort()}`, now: Date.now });
    await expect(absent.samples({ selector: 'up', windowMs: 1000 })).rejects.toMatchObject({
      class: 'TransientError',
      code: 'METRICS_UNREACHABLE',
    });
  });
});

describe('a sampler on a real Prometheus', () => {
  const aborts: AbortController[] = [];
  afterEach(() => {
    for (const abort of aborts.splice(0)) abort.abort();
  });

  function startSampler(): Sampler {
    const abort = new AbortController();
    aborts.push(abort);
    const options = { pollMs: 100, windowMs: 5000, staleAfterMs: 2000, cellMs: 250, ingestDelayMs: 250 };
    const sampler = createSampler({ provider, clock: systemClock, ...options });
    sampler.start(abort.signal);
    return sampler;
  }

  function reaches(
    sampler: Sampler,
    canary: readonly [requests: number, failures: number],
    stable: number,
  ): Promise<unknown> {
    const now = () => totals(sampler.read('k').batches);
    const wanted = { canary, stable };
    return eventually(`totals ${JSON.stringify(wanted)}`, () => JSON.stringify(now()) === JSON.stringify(wanted), {
      withinMs: 20_000,
      lastSeen: () => ({ ...now(), state: sampler.read('k').message }),
    });
  }

  async function everyCallerIsScraped(): Promise<void> {
    const from = Date.now();
    await eventually('one more scrape of every caller', async () => {
      const { series } = await provider.samples({ selector: 'up', windowMs: 5000 });
      return series.length === 2 && series.every(({ samples }) => (samples.at(-1)?.at ?? 0) > from);
    });
  }

  it('counts every request once, through a reset and a kill of Prometheus, and the same again from the start', async () => {
    web.serve('pay-aa', 12_345);
    other.serve('pay-aa', 999);
    await everyCallerIsScraped();
    const sampler = startSampler();
    const subject: Subject = { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since: Date.now() };
    sampler.follow('k', subject);

    web.serve('pay-aa', 90);
    web.serve('pay-bb', 9);
    web.serve('pay-bb', 1, '503');
    other.serve('pay-bb', 2, '500');
    await reaches(sampler, [12, 3], 90);
    expect(sampler.read('k').state).toBe('fresh');

    web.counts.clear();
    web.serve('pay-aa', 10);
    web.serve('pay-bb', 4);
    await reaches(sampler, [16, 3], 100);

    await prometheus.kill();
    web.serve('pay-bb', 5, '500');
    await eventually('the source to be down', () => sampler.read('k').state === 'down');
    expect(sampler.read('k').message).toMatch(
      /^Prometheus at 127\.0\.0\.1:\d+ has not answered for \d+ s: connection refused$/,
    );
    const before = sampler.read('k').batches;
    await prometheus.start();
    await reaches(sampler, [21, 8], 100);
    expect(sampler.read('k').state).toBe('fresh');
    expect(sampler.read('k').batches.slice(0, before.length)).toEqual(before);

    const second = startSampler();
    second.follow('k', subject);
    await reaches(second, [21, 8], 100);
  }, 60_000);

  it('tells the split of traffic', async () => {
    web.serve('split', 1);
    await everyCallerIsScraped();
    const sampler = startSampler();
    const from = Date.now();
    sampler.follow('k', { namespace: 'shop', service: 'split', stable: 'aa', canary: 'bb', since: null });
    await everyCallerIsScraped();
    await everyCallerIsScraped();
    web.serve('split-aa', 30);
    web.serve('split-bb', 10);
    await eventually('the split', () => sampler.traffic('k', from)?.canary === 10, {
      lastSeen: () => sampler.traffic('k', from),
    });
    expect(sampler.traffic('k', from)).toMatchObject({ plain: 0, stable: 30, canary: 10 });
  });
});

function selectorOf(host: string): string {
  return `istio_requests_total{destination_service_name="${host}"}`;
}

function totals(batches: readonly Batch[]): { canary: readonly [number, number]; stable: number } {
  const sum = (of: (batch: Batch) => number) => batches.reduce((all, batch) => all + of(batch), 0);
  return {
    canary: [sum(({ canary }) => canary.requests), sum(({ canary }) => canary.failures)],
    stable: sum(({ stable }) => stable.requests),
  };
}
