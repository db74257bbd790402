/** What the grid of the accept test costs over a test that knew the true ratio, in nats (measured in analysis.md 2d.8). */
const GRID_COST = 0.6;

/** What a prediction of the accept test starts from. */
export interface Outlook {
  /** β: share of harmful releases that may be accepted. */
  readonly falseAccept: number;
  /** Failure ratio that the canary is expected to have, in [0, 1). */
  readonly expectedRatio: number;
  /** p_tol, in (0, 1). */
  readonly tolerableRatio: number;
  /** ln of the evidence for acceptance so far; 0 before the first request. */
  readonly lnAccept: number;
}

/**
 * Returns how many more canary requests acceptance will need, 0 when it is there, and null when it will never come because the
 * expected ratio is not below the tolerable one.
 */
export function requestsToAccept({ falseAccept, expectedRatio, tolerableRatio, lnAccept }: Outlook): number | null {
  const lnNeeded = -Math.log(falseAccept);
  if (lnAccept >= lnNeeded) return 0;
  if (!(expectedRatio < tolerableRatio)) return null;
  const costLeft = lnAccept === 0 ? GRID_COST : 0;
  return Math.ceil((lnNeeded + costLeft - lnAccept) / divergence(expectedRatio, tolerableRatio));
}

/** Returns the requests without a failure that rule out a failure ratio of at least `ratio`: 300 for 1 % at β = 5 %. */
export function requestsToRuleOut(ratio: number, falseAccept: number): number {
  return Math.ceil(-Math.log(falseAccept) / ratio);
}

/** Kullback-Leibler divergence of two failure ratios: nats that one request yields on average. */
function divergence(p: number, q: number): number {
  const failing = p === 0 ? 0 : p * Math.log(p / q);
  return failing + (1 - p) * (Math.log1p(-p) - Math.log1p(-q));
}
