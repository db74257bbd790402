import { afterAll, describe, expect, it } from 'vitest';
import { labelsOf, MemorySource, target } from '../../test/support/metrics-source.ts';
import { custom, exponential } from '../../test/support/native-histograms.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import type { Batch, Sampler, Subject } from './port.ts';
import type { NativeSample } from './provider.ts';
import { createSampler } from './sampler.ts';
import { createTracker, cut, ingest } from './tracker.ts';

const NOON = Date.parse('2026-01-01T12:00:00Z');
const LEAD_MS = 120_000;
const SCRAPE_MS = 5000;
/** Minutes of many polls take a while where other tests run. */
const PATIENCE = { timeout: 60_000 };
const POWERS = Array.from({ length: 11 }, (_, index) => 2 ** (index + 3));
const ISTIO = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];
const stop = new AbortController();

afterAll(() => stop.abort());

/** What a caller shows of the durations that it has seen. */
type Form = (durations: readonly number[]) => NativeSample | readonly number[];

const powers: Form = () => POWERS;
const istio: Form = () => ISTIO;
const ofSchema =
  (schema: number): Form =>
  (durations) =>
    exponential(schema, durations);
const istioAsCustom: Form = (durations) => custom(ISTIO, durations);

/** Callers whose proxies time requests, and a source that scrapes them. */
class World {
  readonly clock = new SteppedClock(NOON - LEAD_MS);
  readonly source = new MemorySource(this.clock);
  /** By caller. */
  readonly forms: Map<string, readonly Form[]>;
  readonly #seen = new Map<string, number[]>();
  #dice = 1;

  constructor(forms: Readonly<Record<string, readonly Form[]>>) {
    this.forms = new Map(Object.entries(forms));
  }

  /** Requests to a host, of about so many ms. */
  serve(caller: string, host: string, amount: number, aboutMs: number): void {
    const seen = this.#seen.get(`${caller} ${host}`) ?? [];
    for (let i = 0; i < amount; i++) {
      this.#dice = (this.#dice * 48_271) % 2_147_483_647;
      seen.push(Math.round(aboutMs * 10 ** (this.#dice / 2_147_483_647 - 0.5)));
    }
    this.#seen.set(`${caller} ${host}`, seen);
  }

  restart(caller: string): void {
    for (const key of this.#seen.keys()) if (key.startsWith(`${caller} `)) this.#seen.delete(key);
  }

  scrape(): void {
    const at = this.clock.now();
    for (const [caller, forms] of this.forms) {
      this.source.add('up', target(caller), at, 1);
      for (const [key, seen] of this.#seen) {
        const [of, host = ''] = key.split(' ');
        if (of === caller) for (const form of forms) this.#show(labelsOf(caller, host, '200', '-'), form(seen), seen);
      }
    }
  }

  #show(labels: Record<string, string>, shown: NativeSample | readonly number[], seen: readonly number[]): void {
    const at = this.clock.now();
    const name = 'istio_request_duration_milliseconds';
    if (!Array.isArray(shown)) {
      this.source.addNative(name, labels, { ...(shown as NativeSample), at });
      return;
    }
    for (const edge of [...(shown as readonly number[]), Number.POSITIVE_INFINITY]) {
      const le = edge === Number.POSITIVE_INFINITY ? '+Inf' : String(edge);
      this.source.add(`${name}_bucket`, { ...labels, le }, at, seen.filter((ms) => ms <= edge).length);
    }
  }

  follow(underMs: number): Sampler {
    const sampler = createSampler({ provider: this.source, clock: this.clock, random: () => 0.5 });
    sampler.start(stop.signal);
    const measure = { kind: 'durations', underMs } as const;
    sampler.follow('k', {
      namespace: 'shop',
      service: 'pay',
      stable: 'aa',
      canary: 'bb',
      since: NOON,
      measure,
    } satisfies Subject);
    return sampler;
  }

  async run(seconds: number, serve: (second: number) => void): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      serve(second);
      if (this.clock.now() % SCRAPE_MS === 0) this.scrape();
      await this.clock.advance(1000);
    }
  }
}

/** A release of two minutes that makes requests slower, with restarts of callers. */
async function released(
  forms: Readonly<Record<string, readonly Form[]>>,
  underMs: number,
  during?: (world: World, second: number) => void,
): Promise<{ world: World; sampler: Sampler; batches: readonly Batch[] }> {
  const world = new World(forms);
  const callers = Object.keys(forms);
  await world.run(LEAD_MS / 1000, () => {
    for (const caller of callers) world.serve(caller, 'pay', 3, 100);
  });
  const sampler = world.follow(underMs);
  await world.run(120, (second) => {
    for (const caller of callers) {
      world.serve(caller, 'pay-aa', 6, 100);
      world.serve(caller, 'pay-bb', 2, 180);
    }
    during?.(world, second);
  });
  return { world, sampler, batches: sampler.read('k').batches };
}

const totals = (batches: readonly Batch[]) => {
  const sum = (of: (batch: Batch) => number) => batches.reduce((all, batch) => all + of(batch), 0);
  return {
    canary: [sum(({ canary }) => canary.requests), sum(({ canary }) => canary.failures)],
    stable: [sum(({ stable }) => stable.requests), sum(({ stable }) => stable.failures)],
  };
};

const restarting = (world: World, second: number) => {
  if (second === 61) world.restart('web');
};

describe('evidence from native histograms', PATIENCE, () => {
  it.each([0, 3, 8])('of schema %i is that of classic ones with the same edges, batch by batch', async (schema) => {
    const classic = await released({ web: [powers], batch: [powers] }, 256, restarting);
    const native = await released({ web: [ofSchema(schema)], batch: [ofSchema(schema)] }, 256, restarting);
    expect(native.batches.length).toBeGreaterThan(10);
    expect(native.batches.at(-1)?.latency?.edges).toEqual(POWERS);
    expect(native.batches).toEqual(classic.batches);
    expect(native.sampler.read('k').state).toBe('fresh');
  });

  it('with the custom buckets of classic ones has the same counts, at all edges that requests had shown', async () => {
    const classic = await released({ web: [istio] }, 250, restarting);
    const native = await released({ web: [istioAsCustom] }, 250, restarting);
    const counts = ({ at, canary, stable }: Batch) => ({ at, canary, stable });
    expect(native.batches.map(counts)).toEqual(classic.batches.map(counts));
    const { edges = [] } = native.batches.at(-1)?.latency ?? {};
    expect(edges).toEqual([25, 50, 100, 250, 500]);
    const of = ({ latency }: Batch) => edges.map((edge) => latency?.canary.within[latency.edges.indexOf(edge)]);
    expect(native.batches.map(of)).toEqual(classic.batches.map(of));
  });

  it.each([
    ['exponential', ofSchema(3), 256],
    ['custom', istioAsCustom, 250],
  ])('is the same again from the start (%s)', async (_, form, underMs) => {
    const { world, sampler, batches } = await released({ web: [form], batch: [form] }, underMs, restarting);
    const again = world.follow(underMs);
    await world.clock.advance(1000);
    expect(again.read('k').batches).toEqual(batches);
    expect(again.read('k').state).toBe(sampler.read('k').state);
  });

  it('is asked for with one query', async () => {
    const { world } = await released({ web: [ofSchema(3)] }, 256);
    const before = world.source.queries.length;
    await world.clock.advance(1000);
    const asked = world.source.queries.slice(before).map(({ selector }) => selector.replace(/\{.*/, ''));
    expect(asked.sort()).toEqual(['istio_request_duration_milliseconds', 'istio_request_duration_milliseconds_bucket']);
    expect(world.source.queries.at(-1)?.selector).not.toContain('"pay"');
  });

  it('counts a caller that restarted and has seen as much since as before', async () => {
    const world = new World({ web: [ofSchema(3)] });
    const sampler = world.follow(256);
    await world.run(LEAD_MS / 1000 + 2, () => world.serve('web', 'pay', 1, 100));
    world.serve('web', 'pay-aa', 40, 50);
    await world.run(6, () => undefined);
    world.restart('web');
    world.serve('web', 'pay-aa', 30, 50);
    world.serve('web', 'pay-aa', 15, 5000);
    await world.run(8, () => undefined);
    expect(totals(sampler.read('k').batches).stable).toEqual([85, 15]);
  });
});

describe('where both forms are kept', PATIENCE, () => {
  it('classic ones are read, native ones are not asked for after a while, and nothing counts twice', async () => {
    const classic = await released({ web: [powers] }, 256);
    const both = await released({ web: [powers, ofSchema(3)] }, 256);
    expect(both.batches).toEqual(classic.batches);
    const before = both.world.source.queries.length;
    await both.world.clock.advance(1000);
    expect(both.world.source.queries.slice(before).filter(({ isNative }) => isNative)).toEqual([]);
  });

  it('native ones are read if they alone have the edge', async () => {
    const { batches } = await released({ web: [istio, ofSchema(3)] }, 256);
    const classic = await released({ web: [powers] }, 256);
    expect(batches).toEqual(classic.batches);
  });

  it('callers that keep another form than others are counted too', async () => {
    const classic = await released({ web: [istio], batch: [istio] }, 250);
    const mixed = await released({ web: [istio], batch: [istioAsCustom] }, 250);
    expect(totals(mixed.batches)).toEqual(totals(classic.batches));
  });

  it('a change from classic to native ones during a release makes no requests of old ones', async () => {
    const before = await released({ web: [powers] }, 256);
    const { batches, sampler } = await released({ web: [powers] }, 256, (world, second) => {
      if (second === 60) world.forms.set('web', [ofSchema(3)]);
    });
    expect(batches).toEqual(before.batches.slice(0, batches.length));
    expect(sampler.read('k')).toMatchObject({
      state: 'stale',
      message: expect.stringContaining('still scraped') as string,
    });
  });

  it('one that begins where the other had not the edge makes no requests of old ones either', async () => {
    const { batches } = await released({ web: [istio] }, 256, (world, second) => {
      if (second === 61) world.forms.set('web', [ofSchema(3)]);
    });
    expect(batches[0]?.at).toBeGreaterThan(NOON + 65_000);
    expect(totals(batches).canary[0]).toBe(2 * 50);
  });
});

describe('native histograms that cannot tell requests apart', PATIENCE, () => {
  it('at the threshold count nothing', async () => {
    const { sampler, batches } = await released({ web: [ofSchema(3)] }, 250);
    expect(batches).toEqual([]);
    expect(sampler.read('k')).toMatchObject({
      state: 'stale',
      message: expect.stringContaining('with reporter=source and a bucket edge at 250 ms for pay in shop') as string,
    });
  });

  it('since their resolution was lowered are not counted until they begin anew, and that is said', async () => {
    const lowered = (world: World, second: number) => {
      if (second === 41) world.forms.set('web', [ofSchema(-3)]);
    };
    const { world, sampler, batches } = await released({ web: [ofSchema(3)] }, 128, lowered);
    expect(batches.length).toBeGreaterThan(3);
    expect(batches.at(-1)?.at).toBeLessThanOrEqual(NOON + 42_000);
    const { state, message } = sampler.read('k');
    expect(state).toBe('stale');
    expect(message).toMatch(
      /a native histogram of web has not told requests of at most \d+ ms from slower ones since 12:00:45 UTC/,
    );
    expect(message).toContain('always_scrape_classic_histograms: true');
    world.restart('web');
    world.forms.set('web', [ofSchema(3)]);
    await world.run(11, () => world.serve('web', 'pay-bb', 3, 1e6));
    const after = sampler.read('k');
    expect(after.state).toBe('fresh');
    expect(after.batches.slice(0, batches.length)).toEqual(batches);
    const grown = totals(after.batches.slice(batches.length));
    expect(grown.canary[0]).toBe(grown.canary[1]);
    expect(grown.canary[0]).toBeGreaterThan(0);
  });
});

describe('native histograms of the plain host', () => {
  it('are held as far as the release began with them, however long nobody calls a version', () => {
    const measure = { kind: 'durations', underMs: 250 } as const;
    const subject: Subject = { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since: NOON, measure };
    const tracker = createTracker(subject, NOON - LEAD_MS);
    const labels = labelsOf('web', 'pay', '200', '-');
    for (let at = NOON - LEAD_MS; at < NOON + 3_600_000; at += SCRAPE_MS) {
      const histograms = [SCRAPE_MS, 0].map((late) => ({ ...custom(ISTIO, [40]), at: at - late }));
      ingest(tracker, { arm: 'plain', part: 'all' }, { labels, samples: [], histograms });
      cut(tracker, at, 1000);
    }
    const [{ histogram } = expect.fail('nothing is held')] = tracker.histograms.values();
    expect(histogram.pendingNative.length).toBe(LEAD_MS / SCRAPE_MS + 1);
  });
});
