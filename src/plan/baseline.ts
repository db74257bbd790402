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
}

/** Nothing is known of the past. */
export const NO_BASELINE: Baseline = { dispersion: 1, failureRatio: 0, requests: 0, requestRate: 0 };

/** A service that began to get requests a moment ago has no rate yet. */
const SHORTEST_PAST_MS = 30_000;

/** Sums up the past, oldest first, as far as there is any. */
export function baselineOf(past: readonly PastBatch[]): Baseline {
  const requests = past.reduce((sum, batch) => sum + batch.requests, 0);
  const failures = past.reduce((sum, batch) => sum + batch.failures, 0);
  if (requests === 0) return NO_BASELINE;
  const spanMs = (past.at(-1)?.at ?? 0) - (past[0]?.at ?? 0);
  return {
    dispersion: measureDispersion(past).measured,
    failureRatio: failures / requests,
    requests,
    requestRate: spanMs < SHORTEST_PAST_MS ? 0 : (requests * 1000) / spanMs,
  };
}
