import type { Batch } from './batch.ts';
import type { Calm } from './calm.ts';
import { comparable } from './comparable.ts';
import { addCounts, cleanCounts, NO_COUNTS, type TwoArms } from './counts.ts';
import { addLatencies } from './latency.ts';
import { capped, EMPTY_MIXTURE, FROM_THE_START, grow, lnEvidence, type Mixture, temper } from './mixture.ts';
import { acceptGrid, breachGrid, oneSampleFactors } from './one-sample.ts';
import { addToPace } from './pace.ts';
import { type JudgeParameters, safeParameters } from './parameters.ts';
import { addPlaceboBatch } from './placebo.ts';
import { shareAfter } from './settling.ts';
import { addToSilence, stableIsGone } from './silence.ts';
import type { JudgeState, RollbackReason } from './state.ts';
import { followSuspicion, suspect } from './suspicion.ts';
import { allowedAlone, harmlessRatio, tolerableRatio } from './tolerance.ts';
import { ratioGrid, twoArmFactors } from './two-arm.ts';
import { brokeStable, LN_BREACHING, reasonToRollBack } from './weigh.ts';

/** Evidence against the objective is kept up to 1/α³: above the 1/α² that decides in one batch, low enough to be forgotten. */
const CAP_POWER = 3;

/** What a canary shows while stable breaches is kept up to 1/β², for the same reason. */
const KEEPS_CAP_POWER = 2;

/** The recent past bets on this many times the margin: a fault that nobody would take for chance. */
const RECENT_RATIO = 10;

/** The onset of stable's breach is looked for at this many times the allowed ratio. */
const ONSET_RATIO = 5;

/** From these odds on stable counts as broken, and up to these it must be seen to be whole again; a longer breach is no worse. */
const LN_BROKEN = Math.log(30);
const LN_ONSET_CAP = Math.log(1000);

/**
 * Takes one batch into account. A batch that does not end after the newest one changes nothing, so that a repeat is harmless; what
 * came late belongs in the next batch. After a decision to roll back nothing changes any more.
 */
export function addBatch(state: JudgeState, given: Batch, parameters: JudgeParameters): JudgeState {
  if (state.decided !== null || !Number.isFinite(given.at) || (state.lastAt !== null && given.at <= state.lastAt)) {
    return state;
  }
  const safe = safeParameters(parameters);
  const batch: Batch = { ...given, canary: cleanCounts(given.canary), stable: cleanCounts(given.stable) };
  const { latency, ...arms } = comparable(batch);
  const next: JudgeState = {
    ...state,
    ...withTotals(state, batch),
    ...withHarm(state, arms, safe),
    noticeable: withNoticeable(state, batch, safe),
    ...withBreaches(state, batch, safe),
    accept: withAcceptance(state, batch, safe),
    latency: latency ? addLatencies(state.latency, latency, safe) : state.latency,
    placebo: given.stablePods ? addPlaceboBatch(state.placebo, given.stablePods, safe) : state.placebo,
  };
  return decided(next, batch, safe);
}

function decided(state: JudgeState, batch: Batch, safe: JudgeParameters): JudgeState {
  const rollBack = (reason: RollbackReason) => ({ ...state, decided: { at: batch.at, reason } });
  const reason = reasonToRollBack(state, safe);
  if (reason !== null) return rollBack(reason);
  if (state.suspicion === null) {
    if (!brokeStable(state, safe)) return state;
    const canTry = safe.stepsBack && !state.wasCleared;
    return canTry ? { ...state, suspicion: suspect(state.stableCalm) } : rollBack('BreachSinceStep');
  }
  const suspicion = followSuspicion(state.suspicion, batch, { allowed: allowedAlone(state.stable, safe), safe });
  if (suspicion === 'Confirmed') return rollBack('BreachSinceStep');
  return suspicion === 'Cleared' ? { ...state, suspicion: null, wasCleared: true } : { ...state, suspicion };
}

function withTotals(state: JudgeState, batch: Batch): Partial<JudgeState> {
  return {
    lastAt: batch.at,
    canary: addCounts(state.canary, batch.canary),
    stable: addCounts(state.stable, batch.stable),
    canaryBatches: state.canaryBatches + (batch.canary.requests > 0 ? 1 : 0),
    silence: addToSilence(state.silence, batch, state),
    canaryPace:
      state.lastAt === null
        ? state.canaryPace
        : addToPace(state.canaryPace, batch.canary.requests, (batch.at - state.lastAt) / 1000),
  };
}

function withHarm(state: JudgeState, arms: TwoArms, safe: JudgeParameters): Partial<JudgeState> {
  const ratios = ratioGrid(safe.margin);
  const factors = twoArmFactors(arms, [...ratios, safe.margin * RECENT_RATIO], safe.margin);
  if (factors === null) return {};
  const tempered = temper(factors, safe.dispersion);
  return {
    harm: grow(state.harm, tempered.slice(0, ratios.length), safe),
    recentHarm: Math.max(0, state.recentHarm + (tempered[ratios.length] ?? 0)),
  };
}

function withNoticeable(state: JudgeState, batch: Batch, safe: JudgeParameters): Mixture {
  const ratio = harmlessRatio(safe);
  const factors = ratio === null ? null : oneSampleFactors(batch.canary, breachGrid(ratio), ratio);
  return factors === null ? state.noticeable : grow(state.noticeable, temper(factors, safe.dispersion), safe);
}

/**
 * Canary and stable against the objective. While stable breaches too, the canary's evidence is held at nothing: a dependency that
 * fails both must not be held against the canary, nor be remembered against it when stable recovers first. Both are capped so
 * that a breach which has ended is forgotten after a bounded number of good requests.
 */
function withBreaches(state: JudgeState, batch: Batch, safe: JudgeParameters): Partial<JudgeState> {
  const silence = addToSilence(state.silence, batch, state);
  const alone = batch.stable.requests === 0 && stableIsGone({ ...state, silence });
  if (safe.sloFailureRatio === null && !alone) return {};
  const allowed = allowedAlone(state.stable, safe);
  const canaryBreach = grownBreach(state.canaryBreach, batch.canary, safe, allowed);
  if (alone) return { canaryBreach };
  const calm = calmAfter(state.stableCalm, batch, safe, allowed);
  const hasRecovered = state.stableCalm.isBroken && !calm.isBroken;
  const grown = grownBreach(state.stableBreach, batch.stable, safe, allowed);
  const stableBreach = hasRecovered ? capped(grown, 0) : grown;
  const isStableBreaching = lnEvidence(stableBreach, safe) >= LN_BREACHING;
  return {
    stableBreach,
    stableCalm: calm,
    keeps: isStableBreaching ? grownKeeps(state.keeps, batch, safe, allowed) : EMPTY_MIXTURE,
    canaryBreach: isStableBreaching || hasRecovered ? capped(canaryBreach, 0) : canaryBreach,
  };
}

function grownBreach(mixture: Mixture, counts: Batch['canary'], safe: JudgeParameters, allowed: number): Mixture {
  const factors = oneSampleFactors(counts, breachGrid(allowed), allowed);
  if (factors === null) return mixture;
  return capped(grow(mixture, temper(factors, safe.dispersion), safe), CAP_POWER * -Math.log(safe.falseRollback));
}

/** Capped, so that a canary that begins to fail with stable is not taken for a good one for long. */
function grownKeeps(mixture: Mixture, { canary }: Batch, safe: JudgeParameters, allowed: number): Mixture {
  const factors = oneSampleFactors(canary, acceptGrid(allowed), allowed);
  if (factors === null) return mixture;
  const lnCap = KEEPS_CAP_POWER * -Math.log(safe.falseAccept);
  return capped(grow(mixture, temper(factors, safe.dispersion), FROM_THE_START), lnCap);
}

/** Follows the onset and the end of a breach by stable, at a ratio that tells them within few requests. */
function calmAfter(calm: Calm, batch: Batch, safe: JudgeParameters, allowed: number): Calm {
  const ratio = Math.min(ONSET_RATIO * allowed, (1 + allowed) / 2);
  const [factor = 0] = oneSampleFactors(batch.stable, [ratio], allowed) ?? [];
  const lnSince = Math.min(LN_ONSET_CAP, Math.max(0, calm.lnSince + factor / safe.dispersion));
  const raisedAt = batch.isLowered === true ? null : (batch.raisedAt ?? calm.raisedAt);
  // Where a suspicion can be tried, nobody needs to know how stable was before; one that broke before did not break with a step.
  const mayHaveBroken = safe.calmBefore ?? safe.stepsBack;
  const before = calm.at ?? (mayHaveBroken ? raisedAt : null);
  const sinceStep = raisedAt === null ? 1 : shareAfter(batch, raisedAt);
  return {
    lnSince,
    at: lnSince === 0 ? batch.at : before,
    brokeBy: lnSince === 0 ? null : (calm.brokeBy ?? batch.at),
    counts: lnSince === 0 ? NO_COUNTS : addCounts(calm.counts, batch.stable),
    requestsSinceStep: lnSince === 0 ? 0 : calm.requestsSinceStep + batch.stable.requests * sinceStep,
    isBroken: lnSince >= LN_BROKEN || (calm.isBroken && lnSince > 0),
    raisedAt,
  };
}

/** The tolerable ratio comes from the batches before, so that it does not depend on what it is to judge. */
function withAcceptance(state: JudgeState, batch: Batch, safe: JudgeParameters): Mixture {
  const tolerable = tolerableRatio(state.stable, safe);
  const factors = oneSampleFactors(batch.canary, acceptGrid(tolerable), tolerable);
  return factors === null ? state.accept : grow(state.accept, temper(factors, safe.dispersion), FROM_THE_START);
}
