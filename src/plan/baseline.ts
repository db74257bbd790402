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

/** A part of the past; `slower` has the requests beyond each tested bucket edge, where durations are judged. */
export interface PastPart extends PastBatch {
  readonly slower?: readonly number[];
}

/** Sums up the past, oldest first, as far as there is any. */
export function baselineOf(past: readonly PastPart[]): Baseline {
  const { requests, failures } = sumOf(past);
  if (requests === 0) return NO_BASELINE;
  const lastAt = past.at(-1)?.at ?? 0;
  const spanMs = lastAt - (past[0]?.at ?? 0);
  const recent = sumOf(past.filter(({ at }) => at > lastAt - RECENT_MS));
  return {
    dispersion: Math.max(measureDispersion(past).measured, ...edgesOf(past).map((edge) => dispersionAt(past, edge))),
    failureRatio: failures / requests,
    requests,
    requestRate: spanMs < SHORTEST_PAST_MS ? 0 : (requests * 1000) / spanMs,
    recentRatio: recent.requests === 0 ? null : recent.failures / recent.requests,
  };
}

function edgesOf(past: readonly PastPart[]): readonly number[] {
  return [...(past.find(({ slower }) => slower !== undefined)?.slower ?? []).keys()];
}

/** Every tested edge may trip the test, so the burstiest counts: a pause of one pod shows at a fast edge and not at the objective's. */
function dispersionAt(past: readonly PastPart[], edge: number): number {
  const slow = past.flatMap(({ at, requests, slower }) => {
    const failures = slower?.[edge];
    return failures === undefined ? [] : [{ at, requests, failures }];
  });
  const { requests, failures } = sumOf(slow);
  // Beyond half, the rarer ones are the fast ones.
  const rarer =
    failures * 2 <= requests ? slow : slow.map((part) => ({ ...part, failures: part.requests - part.failures }));
  return measureDispersion(rarer).measured;
}

function sumOf(past: readonly PastBatch[]): Pick<PastBatch, 'requests' | 'failures'> {
  return past.reduce(
    (sum, batch) => ({ requests: sum.requests + batch.requests, failures: sum.failures + batch.failures }),
    { requests: 0, failures: 0 },
  );
}
