import type { ArmIncrement } from './cells.ts';
import { takeIncrements } from './counters.ts';
import {
  assemble,
  chooseEdges,
  chooseNativeEdges,
  dropPending,
  type Histogram,
  lacks,
  pendingSince,
  startOf,
} from './histogram.ts';
import { scrapeBefore, type Target } from './scrapes.ts';
import type { Tracker } from './tracked.ts';

/** All callers have been scraped by so long after the first. */
const LATEST_NATIVE_MS = 75_000;

/** Growth of counters up to `until` that was not given before. */
export function countedGrowth(tracker: Tracker, until: number): ArmIncrement[] {
  const grown: ArmIncrement[] = [];
  for (const { arm, counts, pod, target, counter } of tracker.series.values()) {
    for (const { at, since, amount } of takeIncrements(counter, until, target.firstScrapeAt)) {
      if (arm === 'plain' || counts === 'excluded') continue;
      const requests = counts === 'bad' ? 0 : amount;
      const failures = counts === 'bad' || counts === 'failure' ? amount : 0;
      grown.push({
        at,
        since: beganAt(since, target, at),
        arm,
        requests,
        failures,
        pod,
      });
    }
  }
  return grown;
}

/** A counter that is seen for the first time has grown since the scrape before. */
function beganAt(since: number, target: Target, at: number): number {
  return Number.isFinite(since) ? since : scrapeBefore(target, at);
}

/** The same of histograms: requests slower than the objective are failures. */
export function timedGrowth(tracker: Tracker, underMs: number, until: number): ArmIncrement[] {
  if (tracker.edges.length === 0) settleEdges(tracker, underMs, until);
  const grown: ArmIncrement[] = [];
  for (const { arm, target, histogram } of tracker.histograms.values()) {
    if (arm === 'plain') continue;
    assemble(histogram, { chosen: tracker.edges, underMs, until });
    if (histogram.counter === undefined) continue;
    if (histogram.form === 'native') tracker.nativeUntil = Number.POSITIVE_INFINITY;
    const wholeAt = histogram.counter.at.at(-1) ?? 0;
    if (wholeAt > (tracker.lastSampleAt ?? 0)) tracker.lastSampleAt = wholeAt;
    const startAt = startOf(histogram, target.firstScrapeAt);
    for (const { at, since, parts = [] } of takeIncrements(histogram.counter, until, startAt)) {
      grown.push({
        at,
        since,
        arm,
        ...countsOf(parts, histogram.edges.indexOf(underMs)),
        ...durationsOf(histogram, parts),
      });
    }
  }
  return grown;
}

/** Chooses the edges that are read. Histograms without an edge at `underMs` are not waited for. */
function settleEdges(tracker: Tracker, underMs: number, until: number): void {
  const all = [...tracker.histograms.values()];
  const [plain, own] = [all.filter(({ arm }) => arm === 'plain'), all.filter(({ arm }) => arm !== 'plain')];
  const settled = own.map(({ histogram }) => histogram).filter((histogram) => pendingSince(histogram) <= until);
  tracker.edges = chooseEdges(settled, underMs);
  if (tracker.edges.length === 0) {
    const others = plain.map(({ histogram }) => histogram);
    tracker.edges = chooseNativeEdges(settled, others, { underMs, knownBy: tracker.subject.since ?? 0 });
  }
  tracker.edgesAsked = undefined;
  for (const histogram of tracker.edges.length === 0 ? settled : plain.map((one) => one.histogram))
    dropPending(histogram);
  if (tracker.edges.length > 0) tracker.nativeUntil = until + LATEST_NATIVE_MS;
}

/** A caller whose durations cannot be counted because its buckets are not those of the others. */
export interface OddCaller {
  /** Its pod, or else its address. */
  readonly name: string;
  /** In ms; it has no bucket there, or native ones that do not tell. */
  readonly edge: number;
  readonly isNative: boolean;
  /** In ms. */
  readonly since: number;
}

/** The caller whose durations have not been counted for the longest time; undefined where all are. */
export function oddCaller(tracker: Tracker): OddCaller | undefined {
  let odd: OddCaller | undefined;
  for (const { target, histogram } of tracker.histograms.values()) {
    const lacking = lacks(histogram);
    if (lacking === undefined || lacking.since >= (odd?.since ?? Number.POSITIVE_INFINITY)) continue;
    const { edge, since, isNative } = lacking;
    odd = { name: target.name.pod ?? target.name.instance, edge, since, isNative };
  }
  return odd;
}

/** Requests beyond the edge with this index are failures. */
function countsOf(parts: readonly number[], index: number): { requests: number; failures: number } {
  let [requests, failures] = [0, 0];
  for (const [part, amount] of parts.entries()) {
    requests += amount;
    if (part > index) failures += amount;
  }
  return { requests, failures };
}

function durationsOf({ edges }: Histogram, parts: readonly number[]): Pick<ArmIncrement, 'durations'> {
  let sum = 0;
  const within = edges.map((_, index) => {
    sum += parts[index] ?? 0;
    return sum;
  });
  return { durations: { edges, within } };
}
