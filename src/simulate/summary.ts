import type { Result } from './result.ts';
import { type Mean, meanOf, quantileOf, type Share, shareOf } from './statistics.ts';

/** Many releases by one rule in one world. Times in seconds; null where nothing of the kind happened. */
export interface Summary {
  readonly runs: number;
  /** Releases that were taken back although nothing of their own was wrong, or not yet. */
  readonly falseRollback: Share;
  /** Releases with a fault of their own that were taken back because of it; null where the world has no such fault. */
  readonly detected: Share | null;
  /** From the fault's first request to the decision to take the release back. */
  readonly detectionS: { readonly median: number; readonly p95: number } | null;
  /** Requests that failed because of the release, over the time that was watched. */
  readonly failedRequests: Mean;
  readonly promoted: Share;
  /** From the change of the template to the promotion. */
  readonly promotionS: { readonly median: number; readonly p95: number } | null;
  readonly inconclusive: Share;
}

/** Sums up what many runs came to. */
export function summarise(results: readonly Result[], isCaused: boolean): Summary {
  const share = (holds: (result: Result) => boolean) => shareOf(results.filter(holds).length, results.length);
  const delays = results.filter(isDetected).map(({ endS, faultS }) => endS - (faultS ?? endS));
  const promotions = results.filter(({ end }) => end === 'Promoted').map(({ endS }) => endS);
  return {
    runs: results.length,
    falseRollback: share((result) => result.end === 'RolledBack' && !isDetected(result)),
    detected: isCaused ? share(isDetected) : null,
    detectionS: quantiles(delays),
    failedRequests: meanOf(results.map(({ caused }) => caused)),
    promoted: share(({ end }) => end === 'Promoted'),
    promotionS: quantiles(promotions),
    inconclusive: share(({ end }) => end === 'Inconclusive'),
  };
}

function isDetected({ end, endS, faultS }: Result): boolean {
  return end === 'RolledBack' && faultS !== null && endS >= faultS;
}

function quantiles(values: readonly number[]): { readonly median: number; readonly p95: number } | null {
  const [median, p95] = [quantileOf(values, 0.5), quantileOf(values, 0.95)];
  return median === null || p95 === null ? null : { median, p95 };
}
