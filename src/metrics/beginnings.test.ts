import { afterEach, describe, expect, it } from 'vitest';
import { Callers, MemorySource } from '../../test/support/metrics-source.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import { AppError } from '../lib/errors.ts';
import type { Evidence, Subject } from './port.ts';
import { createSampler } from './sampler.ts';

const HOUR = 3_600_000;
const noon = Date.parse('2026-01-01T12:00:00Z');
const subject: Subject = { namespace: 'shop', service: 'checkout', stable: 'aa', canary: 'bb', since: noon };
const running: AbortController[] = [];

afterEach(() => {
  for (const abort of running.splice(0)) abort.abort();
});

interface Past {
  readonly clock: SteppedClock;
  readonly source: MemorySource;
}

/** Three hours of a release, each minute with 9 requests to stable and 1 to the canary, by callers of which each is scraped for its hours. */
async function threeHours(callersOf: Readonly<Record<string, readonly [from: number, to: number]>>): Promise<Past> {
  const clock = new SteppedClock(noon);
  const source = new MemorySource(clock);
  const callers = new Callers(source);
  for (let at = noon - HOUR; at <= noon + 3 * HOUR; at += 60_000) {
    for (const [pod, [from, to]] of Object.entries(callersOf)) {
      if (at < noon + from * HOUR || at > noon + to * HOUR) continue;
      callers.serve(pod, 'checkout-aa', 9);
      if (at > noon) callers.serve(pod, 'checkout-bb', 1);
      callers.scrape(pod, at);
    }
  }
  await clock.advance(3 * HOUR);
  return { clock, source };
}

/** What a controller that starts now finds. */
async function restarted({ clock, source }: Past, log?: { warn(details: object): void }): Promise<() => Evidence> {
  const sampler = createSampler({
    provider: source,
    clock,
    staleAfterMs: 180_000,
    ...(log !== undefined && { log: { info: () => undefined, ...log } }),
  });
  const abort = new AbortController();
  running.push(abort);
  sampler.follow('k', subject);
  sampler.start(abort.signal);
  await clock.advance(1000);
  return () => sampler.read('k');
}

const canaryRequests = ({ batches }: Evidence) => batches.reduce((sum, { canary }) => sum + canary.requests, 0);

describe('the beginning of a release after a restart', () => {
  it('is said to be lost where the source keeps less than the release took, and what is left counts', async () => {
    const past = await threeHours({ web: [-1, 3] });
    past.source.keepsMs = HOUR;
    const warnings: object[] = [];
    const evidence = (await restarted(past, { warn: (details) => warnings.push(details) }))();
    expect(evidence.state).toBe('fresh');
    const why =
      'Prometheus at memory:9090 has no samples left from before 2026-01-01 14:01:00 UTC, so that requests until then do not count';
    expect(evidence.lacks).toContain(why);
    expect(evidence.message).toContain(`, but ${why}`);
    expect(warnings).toEqual([{ key: 'k', why: evidence.lacks }]);
    // The first scrape that is left is only what later ones are measured from.
    expect(canaryRequests(evidence)).toBe(59);
  });

  it('is whole where the source keeps it all, and none is lost', async () => {
    const evidence = (await restarted(await threeHours({ web: [-1, 3] })))();
    expect(evidence.lacks).toBeUndefined();
    expect(canaryRequests(evidence)).toBe(180);
  });

  it('is not lost where callers of this service came later than others of their job', async () => {
    const past = await threeHours({ late: [1, 3] });
    const others = new Callers(past.source);
    for (let at = noon - HOUR; at <= noon; at += 60_000) others.scrape('other', at);
    expect((await restarted(past))().lacks).toBeUndefined();
  });

  it('is not said to be lost by a source that has no `up` at all', async () => {
    const past = await threeHours({ web: [-1, 3] });
    past.source.keepsMs = HOUR;
    const { samples } = past.source;
    past.source.samples = async (query, signal) =>
      query.selector.startsWith('up{')
        ? { series: [], warnings: [], clockOffsetMs: 0 }
        : await samples.call(past.source, query, signal);
    expect((await restarted(past))().lacks).toBeUndefined();
  });

  it('is asked for again while the source does not answer', async () => {
    const past = await threeHours({ web: [-1, 3] });
    past.source.keepsMs = HOUR;
    past.source.fails = ({ selector }) =>
      selector.startsWith('up{')
        ? new AppError('TransientError', 'METRICS_UNREACHABLE', 'x', { details: { reason: 'connection refused' } })
        : undefined;
    const read = await restarted(past);
    expect(read()).toMatchObject({ state: 'down', batches: [] });
    past.source.fails = undefined;
    await past.clock.advance(15_000);
    expect(read().lacks).toContain('has no samples left from before');
  });
});
