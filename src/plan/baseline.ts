import { measureDispersion, type PastBatch } from '../../machines/judge/index.ts';

/** What stable's past says of one objective; fixed when a release begins, so that a restart judges in the same way. */
export interface Baseline {
  /** φ as measured, from 1; above `MOST_DISPERSION` failures are too bursty to compare two versions by them. */
  readonly dispersion: number;
  /** Share of failures, from 0 to 1. */
  readonly failureRatio: number;
  /** Requests counted. */
  readonly requests: number;
  /** Requests per second; 0 where none were seen. */
  readonly requestRate: number;
  /** Share of failures in the last minute; null where there were no requests, absent in records of older controllers. */
  readonly recentRatio?: number | null;
}

/** Nothing is known of the past. */
export const NO_BASELINE: Baseline = { dispersion: 1, failureRatio: 0, requests: 0, requestRate: 0, recentRatio: null };

/** What stable did so long before the release says whether an outage was there before it. */
const RECENT_MS = 60_000;

/** A service that began to get requests a moment ago has no rate yet. */
const SHORTEST_PAST_MS = 30_000;

/** Sums up the past, oldest first, as far as there is any. */
export function baselineOf(past: readonly PastBatch[]): Baseline {
  const { requests, failures } = sumOf(past);
  if (requests === 0) return NO_BASELINE;
  const lastAt = past.at(-1)?.at ?? 0;
  const spanMs = lastAt - (past[0]?.at ?? 0);
  const recent = sumOf(past.filter(({ at }) => at > lastAt - RECENT_MS));
  return {
    dispersion: measureDispersion(past).measured,
    failureRatio: failures / requests,
    requests,
    requestRate: spanMs < SHORTEST_PAST_MS ? 0 : (requests * 1000) / spanMs,
    recentRatio: recent.requests === 0 ? null : recent.failures / recent.requests,
  };
}

function sumOf(past: readonly PastBatch[]): Pick<PastBatch, 'requests' | 'failures'> {
  return past.reduce(
    (sum, batch) => ({ requests: sum.requests + batch.requests, failures: sum.failures + batch.failures }),
    { requests: 0, failures: 0 },
  );
}
