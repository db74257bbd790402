import { afterEach, describe, expect, it } from 'vitest';
import {
  addBatch,
  beginJudging,
  DEFAULT_PARAMETERS,
  type JudgeParameters,
  type Verdict,
  verdictOf,
} from '../../machines/judge/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Evidence } from '../../src/metrics/port.ts';
import { createPrometheus } from '../../src/metrics/providers/prometheus.ts';
import { createSources } from '../../src/metrics/sources.ts';
import { eventually } from '../support/eventually.ts';
import { FaultyProxy, type SourceFault } from '../support/faulty-proxy.ts';
import { Callers } from '../support/metrics-source.ts';
import { ServedSource } from '../support/served-source.ts';
import { changesBody, changesValues, clockOffBy, frozen, says, slowBy } from '../support/source-faults.ts';

const TICK_MS = 100;
const PATIENCE = { withinMs: 60_000 };
const parameters: JudgeParameters = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What was seen while something was wrong with the source. */
interface Seen {
  readonly states: readonly Evidence['state'][];
  readonly verdicts: readonly Verdict[];
}

/** One release whose evidence comes through a proxy; a canary that answers everything unless told otherwise. */
class Release {
  readonly served = { stable: 0, canary: 0, failed: 0 };
  readonly #callers: Callers[] = [];
  readonly proxy: FaultyProxy;
  readonly #read: () => Evidence;

  private constructor(proxy: FaultyProxy, source: ServedSource, read: () => Evidence) {
    this.proxy = proxy;
    this.#callers.push(new Callers(source.memory));
    this.#read = read;
  }

  static async start(): Promise<Release> {
    const source = await ServedSource.start();
    const proxy = await FaultyProxy.start(source.url);
    const { sampler } = createSources({
      own: createPrometheus({ url: proxy.url, now: Date.now, timeoutMs: 1000, maxBytes: 2 ** 20 }),
      open: () => Promise.reject(new Error('no source is named')),
      sampler: {
        clock: systemClock,
        pollMs: TICK_MS,
        windowMs: 3000,
        ingestDelayMs: TICK_MS,
        staleAfterMs: 2500,
        cellMs: TICK_MS,
      },
    });
    const release = new Release(proxy, source, () => sampler.read('k'));
    // A caller that was scraped before the release, so that its counters are known to begin with it.
    release.#scrape();
    const abort = new AbortController();
    const ticker = setInterval(() => release.serve(9, 1), TICK_MS);
    sampler.start(abort.signal);
    sampler.follow('k', { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since: Date.now() });
    closing.push(
      () => source.stop(),
      () => proxy.kill(),
      () => abort.abort(),
      () => clearInterval(ticker),
    );
    await eventually('evidence', () => release.#read().batches.length >= 3, PATIENCE);
    expect(release.verdict().acceptance.reached).toBe(false);
    return release;
  }

  /** Requests of one moment, and the scrape that shows them. */
  serve(stable: number, canary: number, failed = 0): void {
    for (const callers of this.#callers) {
      callers.serve('web', 'pay-aa', stable);
      callers.serve('web', 'pay-bb', canary - failed);
      if (failed > 0) callers.serve('web', 'pay-bb', failed, '503');
    }
    this.served.stable += stable;
    this.served.canary += canary;
    this.served.failed += failed;
    this.#scrape();
  }

  /** A new source without history takes the place of the old one; the callers' counters go on. */
  async replace(): Promise<void> {
    const source = await ServedSource.start();
    closing.push(() => source.stop());
    const callers = new Callers(source.memory);
    callers.serve('web', 'pay-aa', this.served.stable);
    callers.serve('web', 'pay-bb', this.served.canary);
    this.#callers.splice(0, 1, callers);
    this.proxy.upstream = source.url;
  }

  verdict(): Verdict {
    return verdictOf(
      this.#read().batches.reduce((state, batch) => addBatch(state, batch, parameters), beginJudging()),
      parameters,
    );
  }

  /** Waits for evidence in this state, noting all states and, while it is fresh, the verdicts on the way. */
  async until(state: Evidence['state'], message: RegExp): Promise<Seen> {
    const states = new Set<Evidence['state']>();
    const verdicts = new Map<string, Verdict>();
    const hasReached = () => {
      const evidence = this.#read();
      states.add(evidence.state);
      const verdict = this.verdict();
      verdicts.set(`${verdict.kind} ${verdict.reason} ${verdict.acceptance.reached}`, verdict);
      return evidence.state === state && message.test(evidence.message);
    };
    await eventually(`${state} evidence that says ${message}`, hasReached, {
      ...PATIENCE,
      lastSeen: () => ({ ...this.#read(), batches: undefined }),
    });
    return { states: [...states], verdicts: [...verdicts.values()] };
  }

  /** Every request was counted, once. */
  async countsEverything(): Promise<void> {
    const sums = () => {
      const { batches } = this.#read();
      return {
        stable: batches.reduce((sum, { stable }) => sum + stable.requests, 0),
        canary: batches.reduce((sum, { canary }) => sum + canary.requests, 0),
        failed: batches.reduce((sum, { canary }) => sum + canary.failures, 0),
      };
    };
    // Requests go on: what was served by now is counted soon, and what is counted was served.
    const atLeast = { ...this.served };
    await eventually(
      'all requests to be counted',
      () => sums().canary >= atLeast.canary && sums().stable >= atLeast.stable,
      {
        ...PATIENCE,
        lastSeen: () => ({ ...sums(), atLeast }),
      },
    );
    const counted = sums();
    expect(counted.canary).toBeLessThanOrEqual(this.served.canary);
    expect(counted.stable).toBeLessThanOrEqual(this.served.stable);
    expect(counted.failed).toBe(this.served.failed);
  }

  #scrape(): void {
    for (const callers of this.#callers) callers.scrape('web', Date.now());
  }
}

/** Neither taken back nor shown to be good. */
function isUndecided({ kind, acceptance }: Verdict): boolean {
  return kind !== 'Rollback' && !acceptance.reached;
}

const drip: SourceFault = {
  answer: (response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(' '), 10);
    response.on('close', () => clearInterval(timer));
  },
};
const refusal = JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'parse error' });
const vector = JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } });
const noResult = changesBody((body) => ({ ...body, data: { resultType: 'matrix', result: [] } }));
const withoutCanary = changesBody(({ data, ...body }) => ({
  ...body,
  data: {
    resultType: 'matrix',
    result: (data?.result ?? []).filter(({ metric }) => metric['destination_service_name'] !== 'pay-bb'),
  },
  warnings: ['store gateway 2 did not answer'],
}));

const faults: Readonly<Record<string, readonly [SourceFault | 'killed' | 'replaced', Evidence['state'], RegExp]>> = {
  'is killed': ['killed', 'down', /connection refused/],
  'is killed and comes back without its history': ['replaced', 'down', /connection refused/],
  'answers 500': [says(500, refusal), 'down', /HTTP 500/],
  'is behind a proxy that answers 502': [says(502, '<html>Bad Gateway'), 'down', /HTTP 502/],
  'answers 503 and asks to wait a second': [says(503, '', { 'retry-after': '1' }), 'down', /HTTP 503/],
  'answers 429': [says(429, '{}'), 'down', /HTTP 429/],
  'answers 429 and asks to wait a second': [says(429, '{}', { 'retry-after': '1' }), 'down', /HTTP 429/],
  'answers 429 and asks to wait until a date long past': [
    says(429, '{}', { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }),
    'down',
    /HTTP 429/,
  ],
  'cannot run the query': [says(422, refusal), 'down', /HTTP 422/],
  'refuses the query': [says(400, refusal), 'down', /HTTP 400/],
  'refuses our token': [says(401, 'who are you?'), 'down', /HTTP 401/],
  'refuses our tenant': [says(403, refusal), 'down', /HTTP 403/],
  'has lost its API': [says(404, 'no such page'), 'down', /HTTP 404/],
  'sends us to a login': [says(302, '', { location: 'http://127.0.0.1:1/login' }), 'down', /HTTP 302/],
  'answers with a page of HTML': [says(200, '<html>Login</html>'), 'down', /cannot be read/],
  'answers with random bytes': [says(200, Buffer.from([0, 255, 17, 3, 128])), 'down', /cannot be read/],
  'answers what is no gzip as gzip': [says(200, 'plain', { 'content-encoding': 'gzip' }), 'down', /./],
  'answers half of its JSON': [
    { change: (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2) }) },
    'down',
    /cannot be read/,
  ],
  'answers nothing': [says(200, ''), 'down', /cannot be read/],
  'answers an error with status 200': [says(200, refusal), 'down', /cannot be read/],
  'answers with values instead of samples': [says(200, vector), 'down', /cannot be read/],
  'answers with a flood': [says(200, Buffer.alloc(2 ** 21, ' ')), 'down', /more than 1048576 bytes/],
  'hangs up': [{ answer: (response) => response.destroy() }, 'down', /./],
  'takes 30 s': [slowBy(30_000), 'down', /no answer within/],
  'answers in endless drops': [drip, 'down', /no answer within/],
  'has no series': [noResult, 'stale', /newest sample .* old/],
  'has no values but NaN': [changesValues(() => 'NaN'), 'stale', /newest sample .* old/],
  'has no values but +Inf': [changesValues(() => '+Inf'), 'stale', /newest sample .* old/],
  'has negative values': [changesValues((value) => `-${value}`), 'stale', /newest sample .* old/],
  // Its samples and the date of its answer grow old together: either may be what is said at the moment of a look.
  'gives the same old answer again and again': [frozen(), 'stale', /newest sample .* old|clock .* behind/],
  'has a clock 5 min ahead': [clockOffBy(300_000), 'stale', /clock .* ahead/],
  'has a clock 5 min behind': [clockOffBy(-300_000), 'stale', /clock .* behind/],
  'answers without the canary and warns': [withoutCanary, 'stale', /only in part: store gateway 2/],
  'answers in part, as VictoriaMetrics says it': [
    changesBody((body) => ({ ...body, isPartial: true })),
    'stale',
    /only in part/,
  ],
};

describe('neither a rollback nor a promotion, and all requests counted afterwards, when the source', () => {
  it.each(Object.entries(faults))(
    '%s',
    async (_, [fault, state, message]) => {
      const release = await Release.start();
      if (typeof fault === 'string') await release.proxy.kill();
      else release.proxy.fault = fault;
      const seen = await release.until(state, message);
      expect(seen.verdicts.filter((verdict) => !isUndecided(verdict))).toEqual([]);
      if (fault === 'replaced') await release.replace();
      release.proxy.fault = undefined;
      await release.proxy.revive();
      const recovering = await release.until('fresh', /./);
      expect(recovering.verdicts.filter(({ kind }) => kind === 'Rollback')).toEqual([]);
      await release.countsEverything();
      release.serve(9000, 3000);
      await eventually('the release to be shown good', () => release.verdict().acceptance.reached, PATIENCE);
      expect(release.verdict().kind).toBe('Advance');
    },
    120_000,
  );

  it('fails every second time, without so much as a hold', async () => {
    const release = await Release.start();
    let asked = 0;
    release.proxy.fault = {
      change: (answer) => (asked++ % 2 === 0 ? answer : { status: 500, headers: {}, body: '' }),
    };
    await eventually('twelve questions', () => asked >= 12, PATIENCE);
    expect(release.verdict().kind).not.toBe('Rollback');
    release.proxy.fault = undefined;
    await release.countsEverything();
  }, 120_000);
});

describe('a canary that fails meanwhile is taken back afterwards, not before, when the source', () => {
  it.each(['is killed', 'answers 500', 'has no values but NaN', 'has a clock 5 min ahead'])(
    '%s',
    async (name) => {
      const [fault, state, message] = faults[name] ?? expect.fail(`there is no fault ${name}`);
      const release = await Release.start();
      if (typeof fault === 'string') await release.proxy.kill();
      else release.proxy.fault = fault;
      await release.until(state, message);
      release.serve(900, 100, 50);
      await release.until(state, message);
      expect(isUndecided(release.verdict())).toBe(true);
      release.proxy.fault = undefined;
      await release.proxy.revive();
      await eventually('the verdict', () => release.verdict().kind === 'Rollback', {
        ...PATIENCE,
        lastSeen: () => release.verdict().message,
      });
    },
    120_000,
  );
});
