import type { NativeBucket, NativeSample } from '../../src/metrics/provider.ts';

/** `hasLower`: its lower edge is in it too. */
export function bucket(lower: number, upper: number, count: number, hasLower = false): NativeBucket {
  return { lower, upper, count, hasLower };
}

/** A histogram of these buckets; `at` is 1000 ms. */
export function histogram(...buckets: readonly NativeBucket[]): NativeSample {
  return { at: 1000, count: buckets.reduce((sum, { count }) => sum + count, 0), buckets };
}

/** Exponential buckets of these durations, as a client library keeps them. */
export function exponential(schema: number, durations: readonly number[], zeroTo = 1e-9): NativeSample {
  const counts = bucketCounts(
    schema,
    durations.filter((ms) => ms > zeroTo),
  );
  const zeros = durations.filter((ms) => ms <= zeroTo).length;
  return histogram(
    ...(zeros > 0 ? [bucket(-zeroTo, zeroTo, zeros, true)] : []),
    ...[...counts].map(([index, count]) => bucket(edgeOf(schema, index - 1), edgeOf(schema, index), count)),
  );
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
