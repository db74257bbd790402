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
  /** φ: how many times more the failures vary than independent ones would; each request yields so many times less evidence. */
  readonly dispersion: number;
}

/**
 * Returns how many more canary requests acceptance will need, 0 when it is there, and null when it will never come because the
 * expected ratio is not below the tolerable one.
 */
export function requestsToAccept(outlook: Outlook): number | null {
  const { falseAccept, expectedRatio, tolerableRatio, lnAccept, dispersion } = outlook;
  const lnNeeded = -Math.log(falseAccept);
  if (lnAccept >= lnNeeded) return 0;
  if (!(expectedRatio < tolerableRatio)) return null;
  const costLeft = lnAccept === 0 ? GRID_COST : 0;
  return Math.ceil(((lnNeeded + costLeft - lnAccept) * dispersion) / divergence(expectedRatio, tolerableRatio));
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

/** A fault whose detection is to be predicted. */
export interface FaultOutlook {
  /** α: share of harmless releases that may be rolled back. */
  readonly falseRollback: number;
  /** Requests per second of both versions. */
  readonly requestRate: number;
  /** Share of them that the canary gets, in (0, 1). */
  readonly canaryShare: number;
  /** Failure ratio of stable; where nothing has failed, the ratio below which nothing can be said. */
  readonly stableRatio: number;
  /** Failure ratio that the canary would have. */
  readonly canaryRatio: number;
  /** Seconds between two batches. */
  readonly batchSeconds: number;
}

/** Alternatives of the two-arm test without a margin. */
const GRID_SIZE = 13;

/**
 * Returns the seconds after which such a fault is expected to be rolled back, by the rate at which it yields evidence (analysis.md
 * 2a); never less than one batch, and null for a canary that is no worse than stable.
 */
export function secondsToDetect(outlook: FaultOutlook): number | null {
  const { requestRate, canaryShare, stableRatio, canaryRatio, batchSeconds } = outlook;
  if (!(canaryRatio > stableRatio) || !(requestRate > 0) || !(canaryShare > 0 && canaryShare < 1)) return null;
  const canaryFailures = canaryShare * canaryRatio;
  const stableFailures = (1 - canaryShare) * stableRatio;
  const canaryPart = canaryFailures / (canaryFailures + stableFailures);
  const stableTerm = stableFailures === 0 ? 0 : stableFailures * Math.log((1 - canaryPart) / (1 - canaryShare));
  const natsPerSecond = requestRate * (canaryFailures * Math.log(canaryPart / canaryShare) + stableTerm);
  return Math.max(batchSeconds, (Math.log(GRID_SIZE) - Math.log(outlook.falseRollback)) / natsPerSecond);
}
