import { type ArmCounts, addCounts, type Batch, cleanCounts, NO_COUNTS } from './counts.ts';
import { capped, EMPTY_MIXTURE, grow, lnEvidence, type Mixture } from './mixture.ts';
import { breachFactors, breachGrid } from './objective.ts';
import { type JudgeParameters, safeParameters } from './parameters.ts';
import { ratioGrid, twoArmFactors } from './two-arm.ts';
import { type Evidence, mustRollBack, weigh } from './weigh.ts';

/** Everything the judge remembers of one release: running sums only, exact through JSON, the same for the same batches in the same order. */
export interface JudgeState {
  /** End of the newest batch, milliseconds since the epoch; null before the first. */
  readonly lastAt: number | null;
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
  /** Batches in which the canary answered something. */
  readonly canaryBatches: number;
  /** Batches since the canary last answered anything. */
  readonly canarySilent: number;
  /** Batches since stable last answered anything. */
  readonly stableSilent: number;
  /** Canary fails more than `margin` times as often as stable. */
  readonly harm: Mixture;
  /** Canary fails more often than the objective allows while stable does not. */
  readonly canaryBreach: Mixture;
  /** Stable fails more often than the objective allows. */
  readonly stableBreach: Mixture;
  /** The batch that decided for a rollback, with what was known then; later batches change nothing. */
  readonly rollback: Evidence | null;
}

/** Returns the judge of a release that has answered nothing. */
export function beginJudging(): JudgeState {
  return {
    lastAt: null,
    canary: NO_COUNTS,
    stable: NO_COUNTS,
    canaryBatches: 0,
    canarySilent: 0,
    stableSilent: 0,
    harm: EMPTY_MIXTURE,
    canaryBreach: EMPTY_MIXTURE,
    stableBreach: EMPTY_MIXTURE,
    rollback: null,
  };
}

/**
 * Takes one batch into account. A batch that does not end after the newest one changes nothing, so that a repeat is harmless; what
 * came late belongs in the next batch. After a decision to roll back nothing changes any more.
 */
export function addBatch(state: JudgeState, given: Batch, parameters: JudgeParameters): JudgeState {
  if (state.rollback !== null || !Number.isFinite(given.at) || (state.lastAt !== null && given.at <= state.lastAt)) {
    return state;
  }
  const safe = safeParameters(parameters);
  const batch: Batch = { at: given.at, canary: cleanCounts(given.canary), stable: cleanCounts(given.stable) };
  const next: JudgeState = {
    ...state,
    lastAt: batch.at,
    canary: addCounts(state.canary, batch.canary),
    stable: addCounts(state.stable, batch.stable),
    canaryBatches: state.canaryBatches + (batch.canary.requests > 0 ? 1 : 0),
    canarySilent: batch.canary.requests > 0 ? 0 : state.canarySilent + 1,
    stableSilent: batch.stable.requests > 0 ? 0 : state.stableSilent + 1,
    harm: grownHarm(state, batch, safe),
    ...grownBreaches(state, batch, safe),
  };
  const evidence = weigh(next, safe);
  return mustRollBack(evidence, safe) ? { ...next, rollback: evidence } : next;
}

function grownHarm(state: JudgeState, batch: Batch, safe: JudgeParameters): Mixture {
  const factors = twoArmFactors(batch, ratioGrid(safe.margin), safe.margin);
  return factors === null ? state.harm : grow(state.harm, temper(factors, safe.dispersion), safe.plannedBatches);
}

/**
 * Canary and stable against the objective. While stable breaches too, the canary's evidence is held at nothing: a dependency that
 * fails both must not be held against the canary, nor be remembered against it when stable recovers first. Both are capped so
 * that a breach which has ended is forgotten after a bounded number of good requests.
 */
function grownBreaches(
  state: JudgeState,
  batch: Batch,
  safe: JudgeParameters,
): Pick<JudgeState, 'canaryBreach' | 'stableBreach'> {
  const stableBreach = grownBreach(state.stableBreach, batch.stable, safe);
  const blameless = lnEvidence(stableBreach, safe.plannedBatches) >= LN_BREACHING && batch.stable.requests > 0;
  const canaryBreach = grownBreach(state.canaryBreach, batch.canary, safe);
  return { stableBreach, canaryBreach: blameless ? capped(canaryBreach, 0) : canaryBreach };
}

function grownBreach(mixture: Mixture, counts: ArmCounts, safe: JudgeParameters): Mixture {
  if (safe.sloFailureRatio === null) return mixture;
  const factors = breachFactors(counts, breachGrid(safe.sloFailureRatio), safe.sloFailureRatio);
  if (factors === null) return mixture;
  const grown = grow(mixture, temper(factors, safe.dispersion), safe.plannedBatches);
  return capped(grown, CAP_SQUARES * -Math.log(safe.falseRollback));
}

function temper(lnFactors: readonly number[], dispersion: number): readonly number[] {
  return dispersion === 1 ? lnFactors : lnFactors.map((lnFactor) => lnFactor / dispersion);
}

/** Stable counts as breaching from odds of 3 on: a wrong hold costs a few batches, a wrong blame costs a release. */
export const LN_BREACHING: number = Math.log(3);

/** Evidence against the objective is kept up to 1/α³: above the 1/α² that decides in one batch, low enough to be forgotten. */
const CAP_SQUARES = 3;
