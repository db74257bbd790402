import type { ArmIncrement } from './cells.ts';
import { takeIncrements } from './counters.ts';
import { assemble, chooseEdges, type Histogram, lacks, pendingSince } from './histogram.ts';
import type { Tracker } from './tracked.ts';

/** Growth of counters up to `until` that was not given before. */
export function countedGrowth(tracker: Tracker, until: number): ArmIncrement[] {
  const grown: ArmIncrement[] = [];
  for (const { arm, counts, pod, target, counter } of tracker.series.values()) {
    for (const { at, amount } of takeIncrements(counter, until, target.firstScrapeAt)) {
      if (arm === 'plain' || counts === 'excluded') continue;
      const requests = counts === 'bad' ? 0 : amount;
      const failures = counts === 'bad' || counts === 'failure' ? amount : 0;
      grown.push({ at, arm, requests, failures, pod });
    }
  }
  return grown;
}

/** The same of histograms: requests slower than the objective are failures. */
export function timedGrowth(tracker: Tracker, underMs: number, until: number): ArmIncrement[] {
  if (tracker.edges.length === 0) settleEdges(tracker, underMs, until);
  const grown: ArmIncrement[] = [];
  for (const { arm, target, histogram } of tracker.histograms.values()) {
    assemble(histogram, { chosen: tracker.edges, underMs, until });
    if (arm === 'plain' || histogram.counter === undefined) continue;
    const wholeAt = histogram.counter.at.at(-1) ?? 0;
    if (wholeAt > (tracker.lastSampleAt ?? 0)) tracker.lastSampleAt = wholeAt;
    for (const { at, since, parts = [] } of takeIncrements(histogram.counter, until, target.firstScrapeAt)) {
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
  const old = [...tracker.histograms.values()].map(({ histogram }) => histogram);
  const settled = old.filter((histogram) => pendingSince(histogram) <= until);
  tracker.edges = chooseEdges(settled, underMs);
  tracker.edgesAsked = undefined;
  if (tracker.edges.length === 0) for (const { pending } of settled) pending.clear();
}

/** A caller whose durations cannot be counted because its buckets are not those of the others. */
export interface OddCaller {
  /** Its pod, or else its address. */
  readonly name: string;
  /** In ms; it has no bucket there. */
  readonly edge: number;
  /** In ms. */
  readonly since: number;
}

/** The caller whose durations have not been counted for the longest time; undefined where all are. */
export function oddCaller(tracker: Tracker): OddCaller | undefined {
  let odd: OddCaller | undefined;
  for (const { target, histogram } of tracker.histograms.values()) {
    const lacking = lacks(histogram);
    if (lacking === undefined || lacking.since >= (odd?.since ?? Number.POSITIVE_INFINITY)) continue;
    odd = { name: target.name.pod ?? target.name.instance, edge: lacking.edge, since: lacking.since };
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
