import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelsOf, type MemorySource, target } from '../../test/support/metrics-source.ts';
import { type Publication, type Story, sampleTwice, type Told } from '../../test/support/sampled-twice.ts';
import { growthAfter, type Life, lives, outages, type Scrape, scrapesOf } from '../../test/support/scraped-lives.ts';
import type { Batch, Measure, Subject } from './port.ts';

const since = Date.parse('2026-01-01T12:00:00Z');
const subject: Subject = { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since };
/** Pods are known this long before the release begins. */
const frame = { since, leadMs: 130_000 };
const runs = 40;
const PROMPT_MS = 20;

/** How the samples of one scrape look in the source, each at the time when it becomes visible. */
type Exposition = (scrape: Scrape) => readonly Publication[];

function ups({ at, pod }: Scrape): Publication {
  return { at: at + PROMPT_MS, publish: (source) => source.add('up', target(pod), at, 1) };
}

interface Case {
  readonly pods: readonly Life[];
  readonly outages: Story['outages'];
  readonly startMs: number;
}

function cases(counters: number): fc.Arbitrary<Case> {
  return fc.record({ pods: lives(counters, frame), outages, startMs: fc.nat(60_000) });
}

interface Telling {
  readonly measure?: Measure;
  readonly expose: Exposition;
  readonly restartsShow?: boolean;
  /** Scrapes of one more pod. */
  readonly goesOn?: readonly Scrape[];
}

interface ToldAndScraped extends Told {
  readonly scraped: readonly (readonly Scrape[])[];
}

async function told(
  one: Case,
  { measure, expose, restartsShow = false, goesOn = [] }: Telling,
): Promise<ToldAndScraped> {
  const scraped = one.pods.map((life, index) => scrapesOf(life, `pod-${index}`, { ...frame, restartsShow }));
  const publications = [...scraped, goesOn].flat().flatMap((scrape) => [ups(scrape), ...expose(scrape)]);
  const followed = { ...subject, ...(measure && { measure }) };
  const all = await sampleTwice({ ...frame, ...one, subject: followed, publications });
  return { ...all, scraped };
}

const LAST_GOOD = 10_000;

/** At last, long after all else, come so many good requests that no failure waits for its request any more. */
function lastGood(): readonly Scrape[] {
  return [-100_000, 0, 100_000, 230_000].map((afterMs, index) => ({
    at: since + afterMs,
    pod: 'last',
    values: new Map([0, 2].map((kind) => [kind, index < 3 ? 1 : 1 + LAST_GOOD])),
    visibleAt: () => since + afterMs + PROMPT_MS,
  }));
}

/** Each pair of counters as all and the bad among them. */
function badIsPartOfAll({ steps, ...life }: Life): Life {
  const paired = (growth: readonly number[]) =>
    growth.map((amount, kind) => (kind % 2 === 0 ? amount + (growth[kind + 1] ?? 0) : amount));
  return { ...life, steps: steps.map((step) => ({ ...step, growth: paired(step.growth) })) };
}

function provenOf(scraped: ToldAndScraped['scraped'], kind: number): number {
  return scraped.reduce((sum, pod) => sum + growthAfter(since, pod, kind), 0);
}

function expectSoundDurations({ latency, ...batch }: Batch, underMs: number): void {
  if (latency === undefined) return;
  for (const arm of ['canary', 'stable'] as const) {
    const { requests, within } = latency[arm];
    const rising = [0, ...within, requests, batch[arm].requests];
    expect(rising).toEqual(rising.toSorted((a, b) => a - b));
    if (requests < batch[arm].requests) continue;
    expect(requests - (within[latency.edges.indexOf(underMs)] ?? 0)).toBe(batch[arm].failures);
  }
}

/** Lists only grow, and by batches that end at rising times. */
function expectAppendOnly({ live, onTheWay }: Told): void {
  let seen: readonly Batch[] = [];
  for (const batches of [...onTheWay, live]) {
    expect(batches.slice(0, seen.length)).toEqual(seen);
    seen = batches;
  }
  const borders = live.map(({ at }) => at);
  expect(borders).toEqual([...new Set(borders)].sort((a, b) => a - b));
}

function sumOf(batches: readonly Batch[], of: (batch: Batch) => number | undefined): number {
  return batches.reduce((all, batch) => all + (of(batch) ?? 0), 0);
}

/** Requests and failures of canary and stable. */
function totalsOf(batches: readonly Batch[]): readonly number[] {
  const of = (arm: 'canary' | 'stable', what: 'requests' | 'failures') => sumOf(batches, (batch) => batch[arm][what]);
  return [of('canary', 'requests'), of('canary', 'failures'), of('stable', 'requests'), of('stable', 'failures')];
}

describe('whatever pods, scrapes, delays and outages do, batches hold what the counters prove, and the same from the start', () => {
  it('of requests', async () => {
    const kinds = [
      ['pay-aa', '200'],
      ['pay-aa', '503'],
      ['pay-bb', '200'],
      ['pay-bb', '500'],
    ] as const;
    const expose: Exposition = ({ at, pod, values, visibleAt }) =>
      [...values].map(([kind, value]) => ({
        at: visibleAt(kind),
        publish: (source: MemorySource) => {
          const [host = '', code = ''] = kinds[kind] ?? [];
          source.add('istio_requests_total', labelsOf(pod, host, code, '-'), at, value);
        },
      }));
    await fc.assert(
      fc.asyncProperty(cases(kinds.length), async (one) => {
        const all = await told(one, { expose });
        const [stableOk = 0, stableFailed = 0, canaryOk = 0, canaryFailed = 0] = kinds.map((_, kind) =>
          provenOf(all.scraped, kind),
        );
        const expected = [canaryOk + canaryFailed, canaryFailed, stableOk + stableFailed, stableFailed];
        expectAppendOnly(all);
        expect(totalsOf(all.live)).toEqual(expected);
        expect(totalsOf(all.again)).toEqual(expected);
      }),
      { numRuns: runs },
    );
  }, 120_000);

  it('of durations, also where answers tear a histogram apart', async () => {
    const edges = [50, 250, Number.POSITIVE_INFINITY];
    const hosts = ['pay-aa', 'pay-bb'];
    const kindOf = (host: number, interval: number) => host * edges.length + interval;
    const bucket = (scrape: Scrape, host: number, interval: number): Publication => {
      const { at, pod, values, visibleAt } = scrape;
      const within = edges
        .slice(0, interval + 1)
        .reduce((sum, _, part) => sum + (values.get(kindOf(host, part)) ?? 0), 0);
      const le = edges[interval] === Number.POSITIVE_INFINITY ? '+Inf' : String(edges[interval]);
      const labels = { ...labelsOf(pod, hosts[host] ?? '', '200', '-'), le };
      return {
        at: visibleAt(kindOf(host, interval)),
        publish: (source) => source.add('istio_request_duration_milliseconds_bucket', labels, at, within),
      };
    };
    const expose: Exposition = (scrape) =>
      hosts.flatMap((_, host) =>
        edges.some((__, part) => scrape.values.has(kindOf(host, part)))
          ? edges.map((__, interval) => bucket(scrape, host, interval))
          : [],
      );
    await fc.assert(
      fc.asyncProperty(cases(hosts.length * edges.length), async (one) => {
        const measure = { kind: 'durations', underMs: 250 } as const;
        const all = await told(one, { measure, expose, restartsShow: true });
        const proven = (host: number, intervals: readonly number[]) =>
          intervals.reduce((sum, part) => sum + provenOf(all.scraped, kindOf(host, part)), 0);
        const expected = [1, 0].flatMap((host) => [proven(host, [0, 1, 2]), proven(host, [2])]);
        expectAppendOnly(all);
        expect(totalsOf(all.live)).toEqual(expected);
        expect(totalsOf(all.again)).toEqual(expected);
        for (const batch of [...all.live, ...all.again]) expectSoundDurations(batch, measure.underMs);
      }),
      { numRuns: runs },
    );
  }, 120_000);

  it("of a user's counters, where failures and requests come at different times", async () => {
    const measure = {
      kind: 'counters',
      bad: 'bad{version="{{revision}}"}',
      total: 'all{version="{{revision}}"}',
    } as const;
    const names = ['all', 'bad'];
    const versions = ['aa', 'bb'];
    const expose: Exposition = ({ at, pod, values, visibleAt }) =>
      [...values].map(([kind, value]) => ({
        at: visibleAt(kind),
        publish: (source: MemorySource) => {
          const labels = { ...target(pod), version: versions[Math.floor(kind / 2)] ?? '' };
          source.add(names[kind % 2] ?? '', labels, at, value);
        },
      }));
    await fc.assert(
      fc.asyncProperty(cases(4), async ({ pods, ...one }) => {
        const all = await told({ ...one, pods: pods.map(badIsPartOfAll) }, { measure, expose, goesOn: lastGood() });
        const [stable = 0, stableBad = 0, canary = 0, canaryBad = 0] = [0, 1, 2, 3].map((kind) =>
          provenOf(all.scraped, kind),
        );
        const expected = [canary + LAST_GOOD, canaryBad, stable + LAST_GOOD, stableBad];
        expectAppendOnly(all);
        expect(totalsOf(all.live)).toEqual(expected);
        expect(totalsOf(all.again)).toEqual(expected);
      }),
      { numRuns: runs },
    );
  }, 120_000);
});
