/** Requests and failures of one version in one batch or since the start. */
export interface ArmCounts {
  /** Requests answered. */
  readonly requests: number;
  /** Requests among them that the objective calls failed. */
  readonly failures: number;
}

/** What both versions answered in the same time. */
export interface TwoArms {
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
}

/** Nothing was asked. */
export const NO_COUNTS: ArmCounts = { requests: 0, failures: 0 };

/**
 * Makes counts usable: what is no count becomes 0, and a failure whose request was scraped later still counts as a request, so that
 * failures never exceed requests.
 */
export function cleanCounts(counts: ArmCounts): ArmCounts {
  const failures = countOf(counts.failures);
  return { requests: Math.max(countOf(counts.requests), failures), failures };
}

/** Adds two counts. */
export function addCounts(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}

function countOf(value: number): number {
  if (!(value > 0)) return 0;
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}
