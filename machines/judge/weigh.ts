import { lnSlower } from './latency.ts';
import { logSumExp } from './log-space.ts';
import { FROM_THE_START, lnEvidence } from './mixture.ts';
import type { JudgeParameters, TestWeights } from './parameters.ts';
import { placeboReport } from './placebo.ts';
import { stableIsGone } from './silence.ts';
import type { JudgeState, RollbackReason } from './state.ts';
import { harmlessRatio } from './tolerance.ts';

/** What is known after a batch, as natural logarithms of evidence; 0 is none. */
export interface Evidence {
  /** The canary fails more than `margin` times as often as stable, and often enough to matter. */
  readonly lnHarm: number;
  /** The canary is slower than stable at some bucket edge. */
  readonly lnLatency: number;
  /** The canary breaches the objective. */
  readonly lnSlo: number;
  /** Stable breaches the objective. */
  readonly lnStableSlo: number;
  /** The weighted average of the canary's three; its exponent is the odds against a harmless release. */
  readonly lnTotal: number;
  /** Share of the average that each test contributes; they sum to 1. */
  readonly blame: TestWeights;
  /** The canary fails less often than can be tolerated. */
  readonly lnAccept: number;
}

/** Stable counts as breaching from odds of 3 on: a wrong hold costs a few batches, a wrong blame costs a release. */
export const LN_BREACHING: number = Math.log(3);

/** Reads the evidence off the running sums. The parameters must be safe ones. */
export function weigh(state: JudgeState, safe: JudgeParameters): Evidence {
  const lnHarm = lnHarmOf(state, safe);
  const lnLatency = lnSlower(state.latency, safe);
  const lnSlo = lnEvidence(state.canaryBreach, safe);
  const shares = sharesOf(state, safe);
  const parts = {
    harm: Math.log(shares.harm) + lnHarm,
    latency: Math.log(shares.latency) + lnLatency,
    slo: mayBlame(state, safe) ? Math.log(shares.slo) + lnSlo : Number.NEGATIVE_INFINITY,
  };
  const lnSum = logSumExp([parts.harm, parts.latency, parts.slo]);
  // Where no test that counts may speak there is no evidence, and none to share out.
  const isSilent = lnSum === Number.NEGATIVE_INFINITY;
  const lnTotal = isSilent ? 0 : lnSum;
  return {
    lnHarm,
    lnLatency,
    lnSlo,
    lnStableSlo: stableIsGone(state) ? 0 : lnEvidence(state.stableBreach, safe),
    lnTotal,
    blame: isSilent
      ? shares
      : {
          harm: Math.exp(parts.harm - lnTotal),
          latency: Math.exp(parts.latency - lnTotal),
          slo: Math.exp(parts.slo - lnTotal),
        },
    lnAccept: lnEvidence(state.accept, FROM_THE_START),
  };
}

/**
 * Two harms must both be shown: more failures than stable, and more than nobody minds. The smaller of two evidences is evidence
 * against either being absent. Without the second, a service that never fails would roll back for one request in a million.
 */
function lnHarmOf(state: JudgeState, safe: JudgeParameters): number {
  const lnMore = lnEvidence(state.harm, safe);
  return harmlessRatio(safe) === null ? lnMore : Math.min(lnMore, lnEvidence(state.noticeable, safe));
}

/** Why the release must be rolled back now, or null. */
export function reasonToRollBack(state: JudgeState, safe: JudgeParameters): RollbackReason | null {
  const evidence = weigh(state, safe);
  const enoughFailures = state.canary.failures >= safe.minFailures;
  const lnErrors = enoughFailures ? evidence.lnTotal : evidence.lnTotal + Math.log(evidence.blame.latency);
  return lnErrors >= lnNeeded(state, safe) && beatsPlacebo(state, evidence, safe) ? heaviest(evidence.blame) : null;
}

/** ln of the odds that decide: 1/α, or 1/α² before there are two batches. */
function lnNeeded(state: JudgeState, safe: JudgeParameters): number {
  return (state.canaryBatches < safe.minBatches ? -2 : -1) * Math.log(safe.falseRollback);
}

/** A test counts when it can ever speak: durations only once some were timed. */
function sharesOf(state: JudgeState, safe: JudgeParameters): TestWeights {
  const { harm, slo } = safe.weights;
  const latency = state.latency.edges.length > 0 ? safe.weights.latency : 0;
  const sum = harm + latency + slo;
  return { harm: harm / sum, latency: latency / sum, slo: slo / sum };
}

/**
 * The objective cannot tell whose fault a breach is. It counts against the canary where stable has no traffic to compare with, or
 * where the failures of the recent past fell on the canary rather than on stable, at odds of 1/α. "Stable does not breach" would
 * not do: at a weight near 100 % stable's few requests take longer to show an outage that both have.
 */
function mayBlame(state: JudgeState, safe: JudgeParameters): boolean {
  return (stableIsGone(state) && !isUncompared(state, safe)) || state.recentHarm >= -Math.log(safe.falseRollback);
}

/** True where the route gives stable nothing to compare the canary with, and can give it something. */
export function isUncompared(state: JudgeState, safe: JudgeParameters): boolean {
  return safe.stepsBack && state.silence.share === 1 && stableIsGone(state);
}

/** A canary must look worse than every stable pod that is judged in the same way. */
export function beatsPlacebo(state: JudgeState, evidence: Evidence, safe: JudgeParameters): boolean {
  return evidence.blame.harm < 0.5 || evidence.lnHarm > placeboReport(state.placebo, safe).lnPeak;
}

/**
 * True when stable kept the objective until the canary got more weight and surely breaks it since: both fail, but it is the
 * canary that fails them. Time is the only witness here, so α does not hold; where the canary's requests can be taken away this is a
 * suspicion only.
 */
export function brokeStable(state: JudgeState, safe: JudgeParameters): boolean {
  const { at, brokeBy, raisedAt } = state.stableCalm;
  if (at === null || brokeBy === null || raisedAt === null || state.canary.failures < safe.minFailures) return false;
  if (keepsObjective(state, safe)) return false;
  if (stableIsGone(state) || lnEvidence(state.stableBreach, safe) < -Math.log(safe.falseRollback)) return false;
  // It began after the last batch without a breach, and before the end of the first with one.
  return brokeBy >= raisedAt - safe.blameWindowMs && at <= raisedAt + safe.blameWindowMs;
}

/** True when the canary has been shown, at 1/β, to keep the objective that stable breaches meanwhile. */
export function keepsObjective({ keeps }: JudgeState, safe: JudgeParameters): boolean {
  return lnEvidence(keeps, FROM_THE_START) >= -Math.log(safe.falseAccept);
}

function heaviest({ harm, latency, slo }: TestWeights): RollbackReason {
  if (latency > harm && latency > slo) return 'SlowerThanStable';
  return slo > harm ? 'SloBreach' : 'HarmAgainstStable';
}
