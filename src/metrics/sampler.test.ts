import { afterEach, describe, expect, it } from 'vitest';
import { Callers, labelsOf, MemorySource, target } from '../../test/support/metrics-source.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import { AppError } from '../lib/errors.ts';
import type { Batch, Sampler, Subject } from './port.ts';
import { createSampler, type PollReport, type SamplerOptions } from './sampler.ts';

const noon = Date.parse('2026-01-01T12:00:00Z');
const subject: Subject = { namespace: 'shop', service: 'checkout', stable: 'aa', canary: 'bb', since: noon };
const running: AbortController[] = [];

afterEach(() => {
  for (const abort of running.splice(0)) abort.abort();
});

interface World {
  readonly clock: SteppedClock;
  readonly source: MemorySource;
  readonly callers: Callers;
  readonly sampler: Sampler;
  readonly polls: PollReport[];
  readonly announced: string[];
  readonly abort: AbortController;
  /** Scrapes pod `web` at each full 5 s while time goes on for `seconds`; `each` runs before each second. */
  run(seconds: number, each?: (second: number) => void): Promise<void>;
}

function worldAt(
  now: number,
  options: Partial<SamplerOptions> = {},
  shared?: { source: MemorySource; clock: SteppedClock; callers: Callers },
): World {
  const clock = shared?.clock ?? new SteppedClock(now);
  const source = shared?.source ?? new MemorySource(clock);
  const callers = shared?.callers ?? new Callers(source);
  const polls: PollReport[] = [];
  const announced: string[] = [];
  const sampler = createSampler({
    provider: source,
    clock,
    random: () => 0.5,
    onPoll: (poll) => polls.push(poll),
    ...options,
  });
  sampler.onEvidence((key) => announced.push(key));
  const abort = new AbortController();
  running.push(abort);
  sampler.start(abort.signal);
  return {
    clock,
    source,
    callers,
    sampler,
    polls,
    announced,
    abort,
    async run(seconds, each) {
      for (let i = 0; i < seconds; i++) {
        each?.(i);
        if (clock.now() % 5000 === 0) callers.scrape('web', clock.now());
        await clock.advance(1000);
      }
    },
  };
}

function sums(batches: readonly Batch[]): { canary: readonly number[]; stable: readonly number[] } {
  const sum = (of: (batch: Batch) => number) => batches.reduce((all, batch) => all + of(batch), 0);
  return {
    canary: [sum(({ canary }) => canary.requests), sum(({ canary }) => canary.failures)],
    stable: [sum(({ stable }) => stable.requests), sum(({ stable }) => stable.failures)],
  };
}

const minutesBefore = (minutes: number) => noon - minutes * 60_000;

/** A minute of old traffic to stable, then a release at noon under which the canary fails in one of ten. */
async function release(world: World, seconds = 30): Promise<void> {
  world.callers.serve('web', 'checkout-aa', 5000);
  await world.run((noon - world.clock.now()) / 1000, () => world.callers.serve('web', 'checkout-aa', 100));
  world.sampler.follow('shop/checkout', subject);
  await world.run(seconds, () => {
    world.callers.serve('web', 'checkout-aa', 90);
    world.callers.serve('web', 'checkout-bb', 9);
    world.callers.serve('web', 'checkout-bb', 1, '500');
  });
}

describe('the batches of a release', () => {
  it('hold all that callers sent since it began, also under a code that was first seen on failure', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world);
    const { batches, state } = world.sampler.read('shop/checkout');
    expect(state).toBe('fresh');
    // The scrape at 25 s shows the 26 s up to and with its own; the one at noon shows one second that came before the release.
    expect(sums(batches)).toEqual({ canary: [250, 25], stable: [2250, 0] });
  });

  it('end at whole seconds and come in rising order', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world);
    const borders = world.sampler.read('shop/checkout').batches.map(({ at }) => at);
    expect(borders).toEqual([5, 10, 15, 20, 25].map((second) => noon + second * 1000));
  });

  it('leave out what our own faults and rate limits answered', async () => {
    const world = worldAt(minutesBefore(1));
    world.callers.serve('web', 'checkout-bb', 1);
    await world.run(60);
    world.sampler.follow('k', subject);
    await world.run(10, () => {
      world.callers.serve('web', 'checkout-bb', 5, '555 FI');
      world.callers.serve('web', 'checkout-bb', 5, '429 RL');
      world.callers.serve('web', 'checkout-bb', 3, '0 DC');
      world.callers.serve('web', 'checkout-bb', 2, '200 DC');
    });
    expect(sums(world.sampler.read('k').batches)).toEqual({ canary: [10, 0], stable: [0, 0] });
  });

  it('know nothing of the same service in another namespace', async () => {
    const world = worldAt(minutesBefore(1));
    world.callers.serve('web', 'checkout-aa', 1);
    await world.run(60);
    world.sampler.follow('k', subject);
    await world.run(10, () => world.callers.serve('web', 'checkout-bb.other', 10, '500'));
    expect(world.sampler.read('k').batches).toEqual([]);
  });

  it('go on after a restart of a caller, without what it had not shown before', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    world.callers.restart('web');
    await world.run(6, () => world.callers.serve('web', 'checkout-bb', 3));
    await world.run(5);
    expect(sums(world.sampler.read('shop/checkout').batches).canary).toEqual([50 + 18, 5]);
  });

  it('do not hold the past of a caller that is seen for the first time', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    world.callers.serve('old', 'checkout-aa', 1_000_000, '500');
    world.callers.scrape('old', world.clock.now());
    await world.run(5);
    world.callers.serve('old', 'checkout-aa', 7);
    world.callers.scrape('old', world.clock.now());
    await world.run(5);
    expect(sums(world.sampler.read('shop/checkout').batches).stable).toEqual([810 + 7, 0]);
  });

  it('hold the first requests of a caller that was scraped before without any', async () => {
    const world = worldAt(minutesBefore(1));
    world.callers.scrape('idle', minutesBefore(0.5));
    await release(world, 10);
    world.callers.serve('idle', 'checkout-bb', 4, '503 UF');
    world.callers.scrape('idle', world.clock.now());
    await world.run(5);
    expect(sums(world.sampler.read('shop/checkout').batches).canary).toEqual([90 + 4, 9 + 4]);
  });

  it('are none while only the split is of interest', async () => {
    const world = worldAt(minutesBefore(1));
    world.sampler.follow('k', { ...subject, since: null });
    await world.run(30, () => world.callers.serve('web', 'checkout-aa', 10));
    expect(world.sampler.read('k')).toMatchObject({ state: 'fresh', batches: [] });
  });

  it('take samples that come late, once and in a later batch', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    const before = world.sampler.read('shop/checkout').batches;
    world.source.add('up', target('late'), noon - 5000, 1);
    await world.run(2);
    world.source.add('istio_requests_total', labelsOf('late', 'checkout-bb', '500', '-'), noon + 4000, 3);
    await world.run(6);
    const after = world.sampler.read('shop/checkout').batches;
    expect(after.slice(0, before.length)).toEqual(before);
    expect(sums(after.slice(before.length)).canary[1]).toBe(3 + 4);
  });

  it('stay as handed out when more come', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    const first = world.sampler.read('shop/checkout').batches;
    const { length } = first;
    await world.run(10, () => world.callers.serve('web', 'checkout-bb', 1));
    expect(first).toHaveLength(length);
    expect(world.sampler.read('shop/checkout').batches.length).toBeGreaterThan(length);
  });
});

describe('a sampler that starts in the middle of a release', () => {
  it.each([3, 7, 12, 29, 61, 240])('%i s later has the same batches', async (seconds) => {
    const world = worldAt(minutesBefore(4));
    world.callers.scrape('idle', minutesBefore(1));
    await release(world, seconds);
    world.callers.serve('idle', 'checkout-bb', 4, '503 UF');
    world.callers.scrape('idle', world.clock.now());
    await world.run(8, () => world.callers.serve('web', 'checkout-bb', 2, '500'));
    const second = worldAt(world.clock.now(), {}, world);
    second.sampler.follow('shop/checkout', subject);
    await second.run(2);
    expect(second.sampler.read('shop/checkout').batches).toEqual(world.sampler.read('shop/checkout').batches);
    expect(second.sampler.read('shop/checkout').batches.length).toBeGreaterThan(0);
  });

  it('reads hours of evidence in windows of at most an hour', async () => {
    const clock = new SteppedClock(noon);
    const source = new MemorySource(clock);
    const callers = new Callers(source);
    for (let at = noon - 3 * 3_600_000; at < noon + 3 * 3_600_000; at += 60_000) {
      callers.serve('web', 'checkout-aa', 10);
      if (at > noon) callers.serve('web', 'checkout-bb', 1);
      callers.scrape('web', at);
    }
    await clock.advance(3 * 3_600_000);
    const world = worldAt(clock.now(), { staleAfterMs: 180_000 }, { clock, source, callers });
    world.sampler.follow('k', subject);
    await world.clock.advance(1000);
    expect(sums(world.sampler.read('k').batches)).toEqual({ canary: [179, 0], stable: [1790, 0] });
    expect(source.queries.length).toBeGreaterThan(3);
    expect(Math.max(...source.queries.map(({ windowMs }) => windowMs))).toBeLessThanOrEqual(3_660_000);
  });
});

describe('queries', () => {
  it('are one for all followed subjects', async () => {
    const world = worldAt(noon);
    for (let i = 0; i < 100; i++) world.sampler.follow(`k${i}`, { ...subject, service: `svc${i}` });
    await world.run(10);
    expect(world.polls.length).toBeGreaterThan(5);
    expect(world.polls.every(({ queries }) => queries === 1)).toBe(true);
    expect(world.source.queries[0]?.selector).toContain('svc7|svc7-aa|svc7-bb');
  });

  it('are several when names are many, and each subject still has its evidence', async () => {
    const world = worldAt(minutesBefore(1));
    const services = Array.from({ length: 500 }, (_, index) => `a-service-with-a-long-name-${index}`);
    for (const service of services) world.callers.serve('web', `${service}-aa`, 1);
    await world.run(60);
    for (const service of services) world.sampler.follow(service, { ...subject, service });
    await world.run(7, (second) => {
      if (second === 1) for (const service of services) world.callers.serve('web', `${service}-bb`, 2);
    });
    expect(world.polls.at(-1)?.queries).toBe(2);
    expect(Math.max(...world.source.queries.map(({ selector }) => selector.length))).toBeLessThan(46_000);
    const totals = services.map((service) => sums(world.sampler.read(service).batches).canary[0]);
    expect(new Set(totals)).toEqual(new Set([2]));
  });

  it('look back a short time in the steady state and over the gap after an outage', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    expect(world.source.queries.at(-1)?.windowMs).toBeLessThanOrEqual(17_000);
    world.source.fails = () =>
      new AppError('TransientError', 'METRICS_UNREACHABLE', 'x', { details: { reason: 'connection refused' } });
    await world.run(60, () => world.callers.serve('web', 'checkout-bb', 1));
    world.source.fails = undefined;
    const { length } = world.source.queries;
    await world.run(15);
    expect(world.source.queries[length]?.windowMs).toBeGreaterThan(70_000);
    expect(sums(world.sampler.read('shop/checkout').batches).canary[0]).toBe(90 + 60);
  });

  it('are never two at a time', async () => {
    const world = worldAt(noon);
    world.source.hangsMs = 3500;
    world.sampler.follow('k', subject);
    await world.run(30);
    expect(world.source.queries.length).toBeGreaterThan(5);
    expect(world.source.mostInFlight).toBe(1);
  });

  it('are none while nothing is followed, and none after the end', async () => {
    const world = worldAt(noon);
    await world.run(10);
    expect(world.source.queries).toHaveLength(0);
    world.sampler.follow('k', subject);
    await world.run(3);
    world.sampler.unfollow('k');
    const { length } = world.source.queries;
    await world.run(5);
    expect(world.source.queries).toHaveLength(length);
    world.sampler.follow('k', subject);
    world.abort.abort();
    await world.run(5);
    expect(world.source.queries).toHaveLength(length);
  });

  it('come ever less often while the source fails, and not before it allows', async () => {
    const world = worldAt(noon);
    world.source.fails = () => new AppError('TransientError', 'METRICS_UNAVAILABLE', 'x', { details: { status: 500 } });
    world.sampler.follow('k', subject);
    await world.run(60);
    expect(world.source.queries.length).toBeLessThan(14);
    world.source.fails = () =>
      new AppError('TransientError', 'METRICS_THROTTLED', 'x', { retryAfterMs: 30_000, details: { status: 429 } });
    await world.run(15);
    const { length } = world.source.queries;
    await world.run(14);
    expect(world.source.queries).toHaveLength(length);
  });

  it('of one subject that fails do not hold up the others', async () => {
    const world = worldAt(minutesBefore(1));
    world.source.fails = ({ windowMs }) =>
      windowMs > 600_000
        ? new AppError('TransientError', 'METRICS_NOT_RUN', 'x', {
            details: { reason: 'too many samples', status: 422 },
          })
        : undefined;
    await release(world, 10);
    world.sampler.follow('old', { ...subject, service: 'cart', since: noon - 3_000_000 });
    await world.run(10);
    expect(world.sampler.read('shop/checkout').state).toBe('fresh');
    expect(world.sampler.read('old')).toMatchObject({ state: 'down' });
    expect(world.sampler.read('old').message).toMatch(/has given no usable answer for 10 s: too many samples/);
  });
});

describe('the state of evidence', () => {
  const refused = new AppError('TransientError', 'METRICS_UNREACHABLE', 'x', {
    details: { reason: 'connection refused' },
  });

  it('is starting before the first answer', async () => {
    const world = worldAt(noon);
    world.sampler.follow('k', subject);
    expect(world.sampler.read('k')).toEqual({
      state: 'starting',
      message: 'waiting for the first answer of Prometheus at memory:9090',
      lastSampleAt: null,
      batches: [],
    });
  });

  it('is down at once when the source never answered', async () => {
    const world = worldAt(noon);
    world.source.fails = () => refused;
    world.sampler.follow('k', subject);
    await world.run(2);
    expect(world.sampler.read('k')).toMatchObject({
      state: 'down',
      message: 'Prometheus at memory:9090 has not answered for 2 s: connection refused',
    });
  });

  it('is down after the staleness limit when the source went away, and fresh again when it is back', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    world.source.fails = () => refused;
    await world.run(15);
    expect(world.sampler.read('shop/checkout').state).toBe('fresh');
    await world.run(10);
    expect(world.sampler.read('shop/checkout').state).toBe('down');
    expect(world.sampler.read('shop/checkout').message).toMatch(/has not answered for 2\d s: connection refused/);
    world.source.fails = undefined;
    await world.run(12);
    expect(world.sampler.read('shop/checkout').state).toBe('fresh');
  });

  it('is down when a query hangs beyond the limit', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    world.source.hangsMs = 100_000;
    await world.run(30);
    expect(world.sampler.read('shop/checkout').message).toMatch(
      /has not answered for \d+ s: the query is still running/,
    );
    expect(world.announced.length).toBeGreaterThan(0);
  });

  it('is stale without any series, and says what to look at', async () => {
    const world = worldAt(noon);
    world.sampler.follow('k', subject);
    await world.run(3);
    expect(world.sampler.read('k')).toMatchObject({
      state: 'stale',
      lastSampleAt: null,
      message:
        "no samples of istio_requests_total with reporter=source for checkout in shop since 11:57:35 UTC: is the metric scraped from the callers' proxies?",
    });
  });

  it('is stale when samples stop, and says how old the newest is', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    await world.clock.advance(30_000);
    expect(world.sampler.read('shop/checkout')).toMatchObject({ state: 'stale', lastSampleAt: noon + 5000 });
    expect(world.sampler.read('shop/checkout').message).toMatch(/is 35 s old \(limit 20 s\)/);
  });

  it('is stale no sooner than three scrape intervals', async () => {
    const world = worldAt(minutesBefore(4));
    const scrape = (second: number) => {
      world.callers.serve('slow', 'checkout-aa', 1);
      if (second % 30 === 0) world.callers.scrape('slow', world.clock.now());
    };
    for (let second = 0; second < 240; second++) {
      scrape(second);
      await world.clock.advance(1000);
    }
    world.sampler.follow('k', subject);
    await world.clock.advance(50_000);
    expect(world.sampler.read('k')).toMatchObject({ state: 'fresh', lastSampleAt: noon - 30_000 });
    await world.clock.advance(15_000);
    expect(world.sampler.read('k').message).toMatch(/is 95 s old \(limit 90 s\)/);
  });

  it('is stale while the source answers only in part, and catches up afterwards', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    world.source.warnings = ['store b is unreachable'];
    await world.run(10, () => world.callers.serve('web', 'checkout-bb', 1));
    expect(world.sampler.read('shop/checkout')).toMatchObject({
      state: 'stale',
      message: 'Prometheus at memory:9090 answers only in part: store b is unreachable',
    });
    world.source.warnings = [];
    await world.run(15);
    expect(world.sampler.read('shop/checkout').state).toBe('fresh');
    expect(sums(world.sampler.read('shop/checkout').batches).canary[0]).toBe(90 + 10);
  });

  it.each([
    ['ahead', 300_000, true, /is 300 s ahead of ours/],
    ['ahead and does not tell its time', 300_000, false, /is \d+ s ahead of ours/],
    ['behind', -300_000, true, /is 300 s behind ours/],
    ['behind and does not tell its time', -300_000, false, /the newest sample .* is 30\d s old/],
  ])('is never fresh while the clock of the source is %s', async (_, skewMs, tellsTime, message) => {
    const world = worldAt(minutesBefore(1));
    world.source.skewMs = skewMs;
    world.source.tellsTime = tellsTime;
    world.sampler.follow('k', subject);
    for (let second = 0; second < 90; second++) {
      world.callers.serve('web', 'checkout-bb', 1, '500');
      if (second % 5 === 0) world.callers.scrape('web', world.clock.now() + skewMs);
      await world.clock.advance(1000);
      expect(['starting', 'stale']).toContain(world.sampler.read('k').state);
    }
    expect(world.sampler.read('k').state).toBe('stale');
    expect(world.sampler.read('k').message).toMatch(message);
    expect(world.sampler.read('k').batches).toEqual([]);
  });

  it('is starting for a key that is not followed', () => {
    expect(worldAt(noon).sampler.read('x')).toMatchObject({ state: 'starting', message: 'x is not followed' });
  });
});

describe('listeners', () => {
  it('hear of each change of state once', async () => {
    const world = worldAt(noon);
    world.sampler.follow('k', subject);
    await world.run(20);
    expect(world.announced).toEqual(['k']);
    world.source.fails = () => new Error('x');
    await world.run(60);
    expect(world.announced).toEqual(['k', 'k']);
  });

  it('hear of new batches once, and not of rounds without any', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 4);
    world.announced.length = 0;
    const before = world.sampler.read('shop/checkout').batches.length;
    await world.run(20, () => world.callers.serve('web', 'checkout-aa', 1));
    const added = world.sampler.read('shop/checkout').batches.length - before;
    expect(added).toBe(4);
    expect(world.announced).toHaveLength(added);
  });

  it('that throw keep nobody else from hearing', async () => {
    const world = worldAt(noon);
    const heard: string[] = [];
    world.sampler.onEvidence(() => {
      throw new Error('broken listener');
    });
    world.sampler.onEvidence((key) => heard.push(key));
    world.sampler.follow('k', subject);
    await world.run(3);
    expect(heard).toEqual(['k']);
  });
});

describe('following', () => {
  it('the same again keeps the evidence', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    const { batches } = world.sampler.read('shop/checkout');
    world.sampler.follow('shop/checkout', { ...subject });
    expect(world.sampler.read('shop/checkout').batches).toBe(batches);
  });

  it('with a later start drops the evidence before it', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 30);
    world.sampler.follow('shop/checkout', { ...subject, since: noon + 15_000 });
    expect(world.sampler.read('shop/checkout')).toMatchObject({ state: 'starting', batches: [] });
    await world.run(2);
    const { batches } = world.sampler.read('shop/checkout');
    expect(batches.map(({ at }) => at)).toEqual([noon + 20_000, noon + 25_000, noon + 30_000]);
  });

  it('no more forgets everything', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 10);
    world.sampler.unfollow('shop/checkout');
    expect(world.sampler.read('shop/checkout').batches).toEqual([]);
    expect(world.sampler.traffic('shop/checkout', noon)).toBeUndefined();
  });
});

describe('the split of traffic', () => {
  it('is unknown until a caller was scraped twice after the asked time', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 5);
    expect(world.sampler.traffic('shop/checkout', world.clock.now())).toBeUndefined();
    await world.run(5);
    expect(world.sampler.traffic('shop/checkout', noon + 4999)).toBeUndefined();
  });

  it('counts between the first and the last scrape of each caller after that time', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 30);
    expect(world.sampler.traffic('shop/checkout', noon)).toEqual({
      from: noon + 5000,
      to: noon + 25_000,
      plain: 0,
      stable: 1800,
      canary: 200,
    });
  });

  it('counts a host from 0 that a caller first called in between, and also what a fault answered', async () => {
    const world = worldAt(minutesBefore(1));
    await world.run(60, () => world.callers.serve('web', 'checkout', 10));
    world.sampler.follow('k', { ...subject, since: null });
    await world.run(6);
    await world.run(10, () => {
      world.callers.serve('web', 'checkout-aa', 8);
      world.callers.serve('web', 'checkout-bb', 2, '555 FI');
    });
    expect(world.sampler.traffic('k', noon)).toMatchObject({ plain: 0, stable: 80, canary: 20 });
  });

  it('leaves out callers that were scraped once', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 12);
    world.callers.serve('new', 'checkout-bb', 1000);
    world.callers.scrape('new', world.clock.now());
    await world.run(5);
    expect(world.sampler.traffic('shop/checkout', noon)?.canary).toBeLessThan(200);
  });

  it('is answered for the last minutes of a long release with bounded memory', async () => {
    const world = worldAt(minutesBefore(1));
    await release(world, 600);
    const split = world.sampler.traffic('shop/checkout', noon);
    expect(split?.to).toBe(noon + 595_000);
    expect(split?.from).toBeGreaterThanOrEqual(noon + 290_000);
    expect(split?.canary).toBe(((split?.to ?? 0) - (split?.from ?? 0)) / 100);
  });
});

describe('durations of callers whose buckets change under the same labels', () => {
  const timed: Subject = { ...subject, measure: { kind: 'durations', underMs: 250 } };

  /** Half of the requests took at most 100 ms, a tenth more than the objective. */
  function within(all: number, edge: number): number {
    if (edge < 250) return all / 2;
    return edge === 250 ? all * 0.9 : all;
  }

  interface Shown {
    readonly at: number;
    readonly all: number;
    readonly edges: readonly number[];
  }

  function scrape(source: MemorySource, pod: string, { at, all, edges }: Shown): void {
    source.add('up', target(pod), at, 1);
    for (const host of ['checkout-aa', 'checkout-bb']) {
      const labels = labelsOf(pod, host, '200', '-');
      const add = (le: string, value: number) =>
        source.add('istio_request_duration_milliseconds_bucket', { ...labels, le }, at, value);
      for (const edge of edges) add(String(edge), within(all, edge));
      add('+Inf', all);
    }
  }

  /** Minutes of scrapes, 100 requests each, of two pods of which one changes its edges after a minute. */
  async function withChange(edges: readonly number[], pods: readonly string[]) {
    const logged: unknown[] = [];
    const log = { info: () => undefined, warn: (details: object) => logged.push(details) };
    const world = worldAt(minutesBefore(1), { log });
    let all = 0;
    const live = async (seconds: number, changed: readonly number[]) => {
      for (let second = 0; second < seconds; second += 5) {
        all += 100;
        for (const [index, pod] of pods.entries()) {
          const shown = index === 0 ? changed : [100, 250];
          scrape(world.source, pod, { at: world.clock.now(), all, edges: shown });
        }
        await world.clock.advance(5000);
      }
    };
    await live(60, [100, 250]);
    world.sampler.follow('k', timed);
    await live(60, [100, 250]);
    const before = sums(world.sampler.read('k').batches);
    await live(60, edges);
    return { ...world, logged, before, live };
  }

  it('are stale with the reason where it is the only caller, and go on when the bucket is back', async () => {
    const world = await withChange([250], ['web']);
    expect(world.before.canary[0]).toBeGreaterThan(0);
    const { state, message, batches } = world.sampler.read('k');
    expect(state).toBe('stale');
    expect(message).toContain('web has had no bucket at 100 ms since 12:01:00 UTC');
    expect(message).toContain("give all callers' proxies the same buckets");
    expect(sums(batches)).toEqual(world.before);
    await world.live(30, [100, 250]);
    expect(world.sampler.read('k').state).toBe('fresh');
    // The first whole row holds what went before: 29 scrapes since noon.
    expect(sums(world.sampler.read('k').batches).canary).toEqual([2900, 290]);
  });

  it.each([
    ['another edge', [250], 'no bucket at 100 ms'],
    ['the edge of the objective', [100, 300], 'no bucket at 250 ms'],
  ])('are counted of the others, and it is said once, where one lost %s', async (_, edges, what) => {
    const world = await withChange(edges, ['odd', 'web']);
    const { state, message, batches } = world.sampler.read('k');
    expect(state).toBe('fresh');
    expect(message).toContain(`, but odd has had ${what}`);
    expect(world.logged).toEqual([{ key: 'k', why: expect.stringContaining(what) }]);
    const counted = sums(batches).canary[0] ?? 0;
    expect(counted - (world.before.canary[0] ?? 0)).toBe(1200);
  });
});
