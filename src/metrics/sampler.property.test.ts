import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelsOf, MemorySource, target } from '../../test/support/metrics-source.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import { AppError } from '../lib/errors.ts';
import type { Batch, Evidence, Subject } from './port.ts';
import { createSampler } from './sampler.ts';

const since = Date.parse('2026-01-01T12:00:00Z');
const subject: Subject = { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since };
/** Callers are known this long before the release begins. */
const leadMs = 130_000;
/** Samples become visible at most this late; below the window that each query looks back. */
const latestMs = 9000;
const runs = 40;

const kinds = [
  { host: 'pay-aa', code: '200' },
  { host: 'pay-aa', code: '503' },
  { host: 'pay-bb', code: '200' },
  { host: 'pay-bb', code: '500' },
] as const;

/** How one caller lives: what happens between two of its scrapes, and when the scrape becomes visible. */
const step = fc.record({
  requests: fc.tuple(...kinds.map(() => fc.oneof(fc.constant(0), fc.nat(40)))),
  restarts: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
  isMissed: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
  lateMs: fc.oneof(fc.constant(20), fc.nat(latestMs)),
});
const caller = fc.record({
  joinsAfterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: leadMs + 60_000 })),
  everyMs: fc.integer({ min: 1000, max: 40_000 }),
  steps: fc.array(step, { minLength: 1, maxLength: 80 }),
});
const outages = fc.array(fc.record({ at: fc.nat(150_000), forMs: fc.nat(40_000) }), { maxLength: 2 });

interface Scrape {
  readonly at: number;
  readonly visibleAt: number;
  readonly pod: string;
  readonly values: ReadonlyMap<number, number>;
}

interface Life {
  readonly scrapes: readonly Scrape[];
  /** By kind. */
  readonly proven: readonly number[];
}

interface Totals {
  readonly canary: readonly [requests: number, failures: number];
  readonly stable: readonly [requests: number, failures: number];
}

type Caller = typeof caller extends fc.Arbitrary<infer T> ? T : never;

/** All scrapes of a caller, and what its counters prove to have happened after `since`. */
function liveOf({ joinsAfterMs, everyMs, steps }: Caller, pod: string): Life {
  const values = new Map<number, number>();
  const scrapes: Scrape[] = [];
  for (const [index, { requests, restarts, isMissed, lateMs }] of steps.entries()) {
    if (restarts) values.clear();
    for (const [kind, amount] of requests.entries()) if (amount > 0) values.set(kind, (values.get(kind) ?? 0) + amount);
    const at = since - leadMs + joinsAfterMs + (index + 1) * everyMs;
    // A late sample that shows growth to be older than the evidence, or its caller's first, comes after it was counted: see `cutBatches`.
    const visibleAt = at + (at > since && scrapes.length > 0 ? lateMs : 20);
    if (!isMissed && at < since + 200_000) scrapes.push({ at, visibleAt, pod, values: new Map(values) });
  }
  return { scrapes, proven: kinds.map((_, kind) => growthAfterSince(scrapes, kind)) };
}

/** What a caller's very first scrape shows may be old; all others count from 0 or from what was shown before. */
function growthAfterSince(scrapes: readonly Scrape[], kind: number): number {
  let shown = 0;
  let proven = 0;
  for (const [index, { at, values }] of scrapes.entries()) {
    const value = values.get(kind);
    if (value === undefined) continue;
    if (at > since && index > 0) proven += growth(shown, value);
    shown = value;
  }
  return proven;
}

function growth(before: number, value: number): number {
  return value < before ? value : value - before;
}

function publish(source: MemorySource, { at, pod, values }: Scrape): void {
  source.add('up', target(pod), at, 1);
  for (const [kind, value] of values) {
    const { host = '', code = '' } = kinds[kind] ?? {};
    source.add('istio_requests_total', labelsOf(pod, host, code, '-'), at, value);
  }
}

function totalsOf({ batches }: Evidence): Totals {
  const sum = (of: (batch: Batch) => number) => batches.reduce((all, batch) => all + of(batch), 0);
  return {
    canary: [sum(({ canary }) => canary.requests), sum(({ canary }) => canary.failures)],
    stable: [sum(({ stable }) => stable.requests), sum(({ stable }) => stable.failures)],
  };
}

function provenBy(lives: readonly Life[]): Totals {
  const of = (kind: number) => lives.reduce((sum, { proven }) => sum + (proven[kind] ?? 0), 0);
  return { canary: [of(2) + of(3), of(3)], stable: [of(0) + of(1), of(1)] };
}

describe('whatever callers, scrapes, delays and outages do', () => {
  it('batches hold what the counters prove, never change, and come out the same from the start', async () => {
    const cases = fc.record({
      callers: fc.array(caller, { minLength: 1, maxLength: 3 }),
      outages,
      startMs: fc.nat(60_000),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ callers, outages: planned, startMs }) => {
        const lives = callers.map((one, index) => liveOf(one, `caller-${index}`));
        const clock = new SteppedClock(since - leadMs);
        const source = new MemorySource(clock);
        for (const scrape of lives.flatMap(({ scrapes }) => scrapes)) {
          clock.after(scrape.visibleAt - clock.now(), () => publish(source, scrape));
        }
        source.fails = () => {
          const isDown = planned.some(({ at, forMs }) => clock.now() >= since + at && clock.now() < since + at + forMs);
          return isDown ? new AppError('TransientError', 'METRICS_UNREACHABLE', 'down') : undefined;
        };
        const abort = new AbortController();
        const sampler = createSampler({ provider: source, clock, random: () => 0.5 });
        sampler.start(abort.signal);
        await clock.advance(leadMs + startMs);
        sampler.follow('k', subject);
        let seen: readonly Batch[] = [];
        for (let i = 0; i < 26; i++) {
          await clock.advance(10_000);
          const { batches } = sampler.read('k');
          expect(batches.slice(0, seen.length)).toEqual(seen);
          seen = batches;
        }
        const second = createSampler({ provider: source, clock, random: () => 0.5 });
        second.start(abort.signal);
        second.follow('k', subject);
        await clock.advance(2000);
        abort.abort();
        const borders = seen.map(({ at }) => at);
        expect(borders).toEqual([...new Set(borders)].sort((a, b) => a - b));
        expect(totalsOf(sampler.read('k'))).toEqual(provenBy(lives));
        expect(totalsOf(second.read('k'))).toEqual(provenBy(lives));
      }),
      { numRuns: runs },
    );
  }, 120_000);
});
