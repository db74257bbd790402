import type { NativeBucket, NativeSample, RawSeries } from '../provider.ts';
import { isLabels } from './known-series.ts';
import type { MatrixText } from './matrix-text.ts';

/** How the answer says that a bucket's lower edge is in it: `1` with, `3` with both; `0` is without, and `2` with none. */
const WITH_LOWER: readonly unknown[] = [1, 3];

/** Reads the native histograms of a matrix. Undefined for any other answer, and where one of them cannot be read. */
export function readNativeMatrix(body: unknown): MatrixText | undefined {
  const { status, data } = (body ?? {}) as { status?: unknown; data?: { resultType?: unknown; result?: unknown } };
  if (status !== 'success' || data?.resultType !== 'matrix' || !Array.isArray(data.result)) return undefined;
  const series = whole((data.result as unknown[]).map(readSeries));
  return series && { series, body: { ...(body as object), data: { ...data, result: [] } } };
}

/** Values beside the histograms are of a time when this name was another kind of metric: they count nothing. */
function readSeries(entry: unknown): RawSeries | undefined {
  const { metric, histograms = [] } = (entry ?? {}) as { metric?: unknown; histograms?: unknown };
  if (!isLabels(metric) || !Array.isArray(histograms)) return undefined;
  const samples = whole((histograms as unknown[]).map(readSample));
  const { __name__: _, ...labels } = metric;
  return samples && { labels, samples: [], histograms: samples };
}

function readSample(entry: unknown): NativeSample | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [seconds, histogram] = entry as unknown[];
  const { count, sum, buckets = [] } = (histogram ?? {}) as { count?: unknown; sum?: unknown; buckets?: unknown };
  // Cut to whole ms, as those of counters are.
  const at = Math.trunc(Number(seconds) * 1000);
  if (!(at > 0) || typeof count !== 'string' || !Array.isArray(buckets)) return undefined;
  const read = whole((buckets as unknown[]).map(readBucket));
  return read && { at, count: Number(count), sum: Number(sum), buckets: read.filter((bucket) => bucket.count !== 0) };
}

function readBucket(entry: unknown): NativeBucket | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [rule, lower, upper, count] = entry as unknown[];
  if (typeof lower !== 'string' || typeof upper !== 'string' || typeof count !== 'string') return undefined;
  return { lower: limit(lower), upper: limit(upper), hasLower: WITH_LOWER.includes(rule), count: Number(count) };
}

/** Go writes `+Inf` and `-Inf`. */
function limit(text: string): number {
  return Number(text.replace(/Inf$/, 'Infinity'));
}

/** All entries, unless one of them could not be read. */
function whole<T>(entries: readonly (T | undefined)[]): readonly T[] | undefined {
  const read = entries.filter((entry) => entry !== undefined);
  return read.length === entries.length ? read : undefined;
}
