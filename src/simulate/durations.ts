import { normalBelow } from './statistics.ts';

/** Upper edges of the buckets that Istio's proxies keep, in milliseconds, up to what a request may take. */
const PROXY_EDGES: readonly number[] = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/** Durations of the modelled service are log-normal, as most are. */
const SIGMA = 0.8;
const USUAL_MEDIAN_MS = 50;

/** A service keeps its objectives with room: a quarter of what they allow is slow. */
const PART_USED = 0.25;

/** How a version is slower: everything by a factor, or a share of the requests by a time. */
export type Slowness = { readonly factor: number } | { readonly stuckShare: number; readonly stuckMs: number };

/** As fast as ever. */
export const USUAL: Slowness = { factor: 1 };

/** How long the requests of a service take, and what its histograms tell of it. */
export interface Durations {
  /** Upper edges of the buckets, in ms, ascending. */
  readonly edges: readonly number[];
  readonly medianMs: number;
}

/** An objective on durations: this share of the requests may take longer than that. */
export interface DurationGoal {
  readonly underMs: number;
  readonly allowedRatio: number;
}

/** A service that keeps all these objectives while nothing is wrong, with buckets that can show it. */
export function durationsKeeping(goals: readonly DurationGoal[]): Durations {
  const edges = [...new Set([...PROXY_EDGES, ...goals.map(({ underMs }) => underMs)])].sort((a, b) => a - b);
  const medians = goals.map(
    ({ underMs, allowedRatio }) => underMs / Math.exp(SIGMA * upperQuantile(allowedRatio * PART_USED)),
  );
  return { edges, medianMs: Math.min(USUAL_MEDIAN_MS, ...medians) };
}

/** Share of the requests in each bucket; the last one has no upper edge. */
export function bucketShares({ edges, medianMs }: Durations, slowness: Slowness): readonly number[] {
  const within = (ms: number) => (ms <= 0 ? 0 : normalBelow(Math.log(ms / medianMs) / SIGMA));
  const slowed = (edge: number) => {
    if ('factor' in slowness) return within(edge / slowness.factor);
    const { stuckShare, stuckMs } = slowness;
    return (1 - stuckShare) * within(edge) + stuckShare * within(edge - stuckMs);
  };
  const below = [...edges.map(slowed), 1];
  return below.map((share, i) => share - (below[i - 1] ?? 0));
}

/** The z that a standard normal number exceeds with this probability, by halving. */
function upperQuantile(probability: number): number {
  let [low, high] = [-10, 10];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalBelow(-middle) > probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
