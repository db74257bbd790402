import type { NativeBucket, NativeSample } from '../../src/metrics/provider.ts';

/** `hasLower`: its lower edge is in it too. */
export function bucket(lower: number, upper: number, count: number, hasLower = false): NativeBucket {
  return { lower, upper, count, hasLower };
}

/** A histogram of these buckets, of unknown sum; `at` is 1000 ms. */
export function histogram(...buckets: readonly NativeBucket[]): NativeSample {
  return { at: 1000, count: buckets.reduce((sum, { count }) => sum + count, 0), sum: Number.NaN, buckets };
}

/** Exponential buckets of these durations, as a client library keeps them. */
export function exponential(schema: number, durations: readonly number[], zeroTo = 1e-9): NativeSample {
  const counts = bucketCounts(
    schema,
    durations.filter((ms) => ms > zeroTo),
  );
  const zeros = durations.filter((ms) => ms <= zeroTo).length;
  const buckets = [...counts].map(([index, count]) => bucket(edgeOf(schema, index - 1), edgeOf(schema, index), count));
  return {
    ...histogram(...(zeros > 0 ? [bucket(-zeroTo, zeroTo, zeros, true)] : []), ...buckets),
    sum: durations.reduce((sum, ms) => sum + ms, 0),
  };
}

/** Lower edge of the bin, in ms, and count: what Envoy 1.39.3 said it had seen, in whose `detailed` form. */
const SEEN_BY_ENVOY = [
  [29, 1],
  [34, 5],
  [140, 2],
  [200, 1],
  [220, 1],
  [230, 4],
  [240, 2],
  [250, 1],
  [260, 3],
  [270, 1],
  [280, 1],
  [300, 2],
  [310, 1],
  [320, 3],
  [400, 2],
] as const;
const ENVOY_SUM = 6669.590578;

/** What the same Envoy gave as native histogram of this schema: each request is one bucket too low. */
export function ofEnvoy(schema: number): NativeSample {
  const durations = SEEN_BY_ENVOY.flatMap(([lower, count]) => Array.from({ length: count }, () => lower));
  const buckets = [...bucketCounts(schema, durations)].map(([index, count]) =>
    bucket(edgeOf(schema, index - 2), edgeOf(schema, index - 1), count),
  );
  return { ...histogram(bucket(-0.5, 0.5, 2, true), ...buckets), sum: ENVOY_SUM };
}

/** By index of the bucket, rising: how many of these durations, above 0, are in it. */
export function bucketCounts(schema: number, durations: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const ms of durations) {
    const index = indexOf(schema, ms);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a], [b]) => a - b));
}

/** Custom buckets of these durations, as Prometheus makes them of classic ones. */
export function custom(edges: readonly number[], durations: readonly number[]): NativeSample {
  const limits = [Number.NEGATIVE_INFINITY, ...edges, Number.POSITIVE_INFINITY];
  const all = limits.slice(1).map((upper, index) => {
    const lower = limits[index] ?? Number.NEGATIVE_INFINITY;
    return bucket(lower, upper, durations.filter((ms) => ms > lower && ms <= upper).length, index === 0);
  });
  return histogram(...all.filter(({ count }) => count > 0));
}

function edgeOf(schema: number, index: number): number {
  return 2 ** (index * 2 ** -schema);
}

/** Corrects what the logarithm rounds. */
function indexOf(schema: number, ms: number): number {
  const index = Math.ceil(Math.log2(ms) * 2 ** schema);
  if (edgeOf(schema, index - 1) >= ms) return index - 1;
  return edgeOf(schema, index) < ms ? index + 1 : index;
}
