import type { ArmCounts } from './counts.ts';
import { logSumExp } from './log-space.ts';
import { lnEvidence } from './mixture.ts';
import type { JudgeParameters } from './parameters.ts';
import type { JudgeState } from './state.ts';

/** What is known after one batch, as numbers; ln is natural. */
export interface Evidence {
  /** End of the newest batch, milliseconds since the epoch; null before the first. */
  readonly at: number | null;
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
  readonly canaryBatches: number;
  /** ln of the evidence that the canary fails more than `margin` times as often as stable. */
  readonly lnHarm: number;
  /** ln of the evidence that the canary breaches the objective; 0 where there is none. */
  readonly lnSlo: number;
  /** ln of the evidence that stable breaches the objective; 0 where there is none. */
  readonly lnStableSlo: number;
  /** ln of the weighted average that decides; its exponent is the odds against a harmless release. */
  readonly lnTotal: number;
  /** Share of the total that each test contributes; they sum to 1. */
  readonly blame: { readonly harm: number; readonly slo: number };
}

/** Relative errors weigh twice as much as the objective: analysis.md 2d.7, without the metrics that are not measured. */
const WEIGHT_HARM = 2 / 3;
const WEIGHT_SLO = 1 / 3;

/** Batches without stable traffic after which stable no longer speaks for or against the canary. */
const STABLE_GONE = 3;

/** Reads the evidence off the running sums. The parameters must be safe ones. */
export function weigh(state: JudgeState, safe: JudgeParameters): Evidence {
  const lnHarm = lnEvidence(state.harm, safe.plannedBatches);
  const lnSlo = lnEvidence(state.canaryBreach, safe.plannedBatches);
  const lnStableSlo = stableIsGone(state) ? 0 : lnEvidence(state.stableBreach, safe.plannedBatches);
  const harmPart = safe.sloFailureRatio === null ? lnHarm : Math.log(WEIGHT_HARM) + lnHarm;
  const sloPart = Math.log(WEIGHT_SLO) + lnSlo;
  // The objective alone cannot tell whose fault a breach is: it counts where stable cannot answer, or does not contradict.
  const sloCounts = safe.sloFailureRatio !== null && (stableIsGone(state) || lnHarm >= 0);
  const lnTotal = sloCounts ? logSumExp([harmPart, sloPart]) : harmPart;
  const slo = sloCounts ? Math.exp(sloPart - lnTotal) : 0;
  return {
    at: state.lastAt,
    canary: state.canary,
    stable: state.stable,
    canaryBatches: state.canaryBatches,
    lnHarm,
    lnSlo,
    lnStableSlo,
    lnTotal,
    blame: { harm: 1 - slo, slo },
  };
}

/** True when the evidence decides: odds of 1/α, enough failures, and a second batch unless the odds are 1/α². */
export function mustRollBack(evidence: Evidence, safe: JudgeParameters): boolean {
  const lnNeeded = -Math.log(safe.falseRollback);
  if (evidence.canary.failures < safe.minFailures) return false;
  if (evidence.canaryBatches < safe.minBatches) return evidence.lnTotal >= 2 * lnNeeded;
  return evidence.lnTotal >= lnNeeded;
}

/** True when stable has had no traffic for so long that only the objective is left: at weight 100 %. */
export function stableIsGone(state: JudgeState): boolean {
  return state.stable.requests === 0 || state.stableSilent >= STABLE_GONE;
}
