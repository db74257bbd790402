import type { ArmCounts } from './counts.ts';
import type { JudgeParameters } from './parameters.ts';

/** Without an objective, a release may fail this often before it is worse than anybody would want. */
const ORDINARY_RATIO = 0.01;

/** A release is never asked to be better than this many times stable's own ratio. */
const TIMES_STABLE = 3;

const LARGEST = 0.5;

/** Far below the objective: a fiftieth of what it allows. */
const HARMLESS_PART = 50;

/** The failure ratio up to which no comparison with stable matters; null where none was stated and there is no objective. */
export function harmlessRatio(safe: JudgeParameters): number | null {
  const ratio = safe.harmlessRatio ?? (safe.sloFailureRatio === null ? null : safe.sloFailureRatio / HARMLESS_PART);
  return ratio === null || ratio <= 0 ? null : ratio;
}

/**
 * p_tol: the failure ratio below which a release is good enough to be promoted. It is the objective's, or three times what stable
 * certainly fails, whichever is more; a stable of which little is known does not widen it.
 */
export function tolerableRatio(stable: ArmCounts, safe: JudgeParameters): number {
  if (safe.tolerableFailureRatio !== null) return safe.tolerableFailureRatio;
  const atLeast = safe.sloFailureRatio ?? ORDINARY_RATIO;
  return Math.min(LARGEST, Math.max(atLeast, TIMES_STABLE * surelyAbove(stable)));
}

/**
 * The failure ratio allowed where stable has no traffic left to compare with: the objective's, or without one three times what
 * stable may have failed at most.
 */
export function allowedAlone(stable: ArmCounts, safe: JudgeParameters): number {
  if (safe.sloFailureRatio !== null) return safe.sloFailureRatio;
  if (stable.requests === 0) return ORDINARY_RATIO;
  return Math.min(LARGEST, Math.max(ORDINARY_RATIO, TIMES_STABLE * surelyBelow(stable)));
}

/** A ratio that the true one exceeds with about 97 %: two standard deviations of the count. */
function surelyAbove({ requests, failures }: ArmCounts): number {
  return requests === 0 ? 0 : Math.max(0, failures - 2 * Math.sqrt(failures)) / requests;
}

/** A ratio that the true one stays below with about 99 %, also where nothing failed (5 stands for Poisson's 4.6). */
function surelyBelow({ requests, failures }: ArmCounts): number {
  return (failures + 3 + 2 * Math.sqrt(failures + 1)) / requests;
}
