/** How a release is judged; every value has a meaning to an operator. */
export interface JudgeParameters {
  /** α: the share of harmless releases that may be rolled back by mistake, at most. */
  readonly falseRollback: number;
  /** β: the share of harmful releases that may be promoted early by mistake, at most. */
  readonly falseAccept: number;
  /** r0: how many times stable's failure ratio the canary may have before it counts as harmful. */
  readonly margin: number;
  /** p0 = 1 − objective: the failure ratio that the objective allows; null where there is no objective. */
  readonly sloFailureRatio: number | null;
  /** Fewer canary failures than this never roll a release back. */
  readonly minFailures: number;
  /** A rollback needs this many batches with canary requests, unless the evidence is as strong as 1/α². */
  readonly minBatches: number;
  /** The release does not go on before the canary has answered this many requests. */
  readonly minRequests: number;
  /** N: batches over which a late fault is expected; doubling it costs ln 2 of evidence. */
  readonly plannedBatches: number;
  /** φ: how many times more the failures vary than independent ones would; evidence is divided by it. */
  readonly dispersion: number;
}

/** Defaults of analysis.md 2f; an objective is the user's to state. */
export const DEFAULT_PARAMETERS: JudgeParameters = {
  falseRollback: 0.01,
  falseAccept: 0.05,
  margin: 1.5,
  sloFailureRatio: null,
  minFailures: 3,
  minBatches: 2,
  minRequests: 50,
  plannedBatches: 240,
  dispersion: 1,
};

const SMALLEST_RATIO = 1e-9;
const LARGEST_RATIO = 0.98;
const LARGEST_MARGIN = 1e6;

/**
 * Brings each value into the range where every formula is finite. Wrong values are refused at the API; this only keeps a value
 * that came round it from turning evidence into NaN.
 */
export function safeParameters(given: JudgeParameters): JudgeParameters {
  const { sloFailureRatio } = given;
  return {
    falseRollback: between(given.falseRollback, 1e-12, 0.5, DEFAULT_PARAMETERS.falseRollback),
    falseAccept: between(given.falseAccept, 1e-12, 0.5, DEFAULT_PARAMETERS.falseAccept),
    margin: between(given.margin, 1, LARGEST_MARGIN, DEFAULT_PARAMETERS.margin),
    sloFailureRatio: sloFailureRatio === null ? null : between(sloFailureRatio, SMALLEST_RATIO, LARGEST_RATIO, null),
    minFailures: between(given.minFailures, 1, 1e9, DEFAULT_PARAMETERS.minFailures),
    minBatches: between(given.minBatches, 1, 1e9, DEFAULT_PARAMETERS.minBatches),
    minRequests: between(given.minRequests, 0, 1e12, DEFAULT_PARAMETERS.minRequests),
    plannedBatches: between(given.plannedBatches, 1, 1e9, DEFAULT_PARAMETERS.plannedBatches),
    dispersion: between(given.dispersion, 1, 1e6, DEFAULT_PARAMETERS.dispersion),
  };
}

function between<T>(value: number, low: number, high: number, otherwise: T): number | T {
  return Number.isNaN(value) ? otherwise : Math.min(high, Math.max(low, value));
}
