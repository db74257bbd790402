import type { ArmCounts } from './counts.ts';
import { rateOf } from './pace.ts';
import { type JudgeParameters, safeParameters } from './parameters.ts';
import { type PlaceboReport, placeboReport } from './placebo.ts';
import { requestsToAccept } from './prediction.ts';
import { canaryIsStarved, stableIsGone } from './silence.ts';
import type { JudgeState, RollbackReason } from './state.ts';
import { allowedAlone, tolerableRatio } from './tolerance.ts';
import { beatsPlacebo, type Evidence, isUncompared, keepsObjective, LN_BREACHING, weigh } from './weigh.ts';
import { countsInWords, grouped, MOST_ODDS, oddsInWords, percent } from './words.ts';

/** Why a verdict is as it is. */
export type VerdictReason =
  | RollbackReason
  | 'TooFewRequests'
  | 'StarvedCanary'
  | 'TooLittleToDecide'
  | 'StablePodAsBad'
  | 'BreachUncompared'
  | 'StableBreachesSlo'
  | 'CanaryBreachesSlo'
  | 'SuspectedHarm'
  | 'BetterThanStable'
  | 'NoEvidenceOfHarm';

/** What the counts so far say about the release. Times and dwell are not the judge's: `Advance` only says that the evidence allows it. */
export interface Verdict extends Evidence {
  readonly kind: 'Rollback' | 'Hold' | 'Advance';
  readonly reason: VerdictReason;
  /** One sentence for people: what is the matter, odds, and the counts of both versions. */
  readonly message: string;
  /** End of the newest batch, or of the one that decided; milliseconds since the epoch, null before the first. */
  readonly at: number | null;
  /** X in "1 in X against harmless": a harmless release shows this or more with probability 1/X at most, whenever one looks. */
  readonly oddsAgainstHarmless: number;
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
  readonly acceptance: Acceptance;
  /** Stable pods judged as if each were the canary; none where the source does not tell pods apart. */
  readonly placebo: Pick<PlaceboReport, 'pods' | 'alarms'>;
}

/** How far the canary is from being shown good enough to promote. */
export interface Acceptance {
  /** True when it is shown, at 1/β. */
  readonly reached: boolean;
  /** The failure ratio that it must show to be below. */
  readonly tolerableRatio: number;
  /** Canary requests that it will still take; null when it will never be shown at the present failure ratio. */
  readonly requestsLeft: number | null;
  /** The same in seconds at the present rate of canary requests; null when that is unknown or never. */
  readonly secondsLeft: number | null;
}

/** Above these odds a release gets no more traffic until they fall or decide. */
const LN_SUSPECTED: number = Math.log(10);

/** Stable's failure ratio counts as that of this many canary requests when the canary's own is predicted. */
const PRIOR_REQUESTS = 300;

/** Returns the verdict after the newest batch. A decision to roll back stays, with the evidence that made it. */
export function verdictOf(state: JudgeState, parameters: JudgeParameters): Verdict {
  const safe = safeParameters(parameters);
  const evidence = weigh(state, safe);
  const { kind, reason } = decide(state, evidence, safe);
  return {
    ...evidence,
    kind,
    reason,
    message: `${lead(reason, state, safe)}${oddsOf(evidence)}; ${countsInWords(state.canary, state.stable)}`,
    at: state.lastAt,
    oddsAgainstHarmless: Math.min(MOST_ODDS, Math.exp(Math.max(0, evidence.lnTotal))),
    canary: state.canary,
    stable: state.stable,
    acceptance: acceptanceOf(state, evidence, safe),
    placebo: placeboOf(state, safe),
  };
}

function decide(state: JudgeState, evidence: Evidence, safe: JudgeParameters): Pick<Verdict, 'kind' | 'reason'> {
  if (state.decided !== null) return { kind: 'Rollback', reason: state.decided.reason };
  const hold = (reason: VerdictReason) => ({ kind: 'Hold', reason }) as const;
  if (state.suspicion !== null) return hold('BreachSinceStep');
  if (evidence.lnTotal >= -Math.log(safe.falseRollback)) {
    return hold(beatsPlacebo(state, evidence, safe) ? 'TooLittleToDecide' : 'StablePodAsBad');
  }
  if (mustCompare(state, evidence, safe)) return hold('BreachUncompared');
  const isBetter = evidence.lnStableSlo >= LN_BREACHING && keepsObjective(state, safe);
  if (evidence.lnStableSlo >= LN_BREACHING && !isBetter) return hold('StableBreachesSlo');
  if (evidence.lnTotal >= LN_SUSPECTED) return hold('SuspectedHarm');
  if (evidence.lnSlo >= LN_SUSPECTED) return hold('CanaryBreachesSlo');
  if (canaryIsStarved(state.silence)) return hold('StarvedCanary');
  if (state.canary.requests < safe.minRequests) return hold('TooFewRequests');
  return { kind: 'Advance', reason: isBetter ? 'BetterThanStable' : 'NoEvidenceOfHarm' };
}

/** Nothing where there is nothing to tell: "No evidence of harm" says it all. */
function oddsOf({ lnTotal }: Evidence): string {
  return lnTotal < Math.LN2 ? '' : `: ${oddsInWords(lnTotal)}`;
}

function placeboOf({ placebo }: JudgeState, safe: JudgeParameters): Verdict['placebo'] {
  const { pods, alarms } = placeboReport(placebo, safe);
  return { pods, alarms };
}

function mustCompare(state: JudgeState, { lnSlo }: Evidence, safe: JudgeParameters): boolean {
  const isBreach = lnSlo >= -Math.log(safe.falseRollback) && state.canary.failures >= safe.minFailures;
  return isBreach && isUncompared(state, safe);
}

function acceptanceOf(state: JudgeState, evidence: Evidence, safe: JudgeParameters): Acceptance {
  const tolerable = tolerableRatio(state.stable, safe);
  const requestsLeft = requestsToAccept({
    falseAccept: safe.falseAccept,
    expectedRatio: expectedRatio(state),
    tolerableRatio: tolerable,
    lnAccept: evidence.lnAccept,
    dispersion: safe.dispersion,
  });
  const rate = rateOf(state.canaryPace);
  const secondsLeft = requestsLeft === null || rate === 0 ? null : requestsLeft / rate;
  return {
    reached: evidence.lnAccept >= -Math.log(safe.falseAccept),
    tolerableRatio: tolerable,
    requestsLeft,
    secondsLeft,
  };
}

/** The canary is expected to go on as it does; of a young one too little is known, so it begins with stable's ratio. */
function expectedRatio({ canary, stable }: JudgeState): number {
  const stableRatio = stable.requests === 0 ? 0 : stable.failures / stable.requests;
  return (canary.failures + PRIOR_REQUESTS * stableRatio) / (canary.requests + PRIOR_REQUESTS);
}

function sinceStep({ suspicion, decided }: JudgeState): string {
  const both = 'Both versions breach the objective since the canary got more traffic';
  if (suspicion === null) return both;
  return decided === null ? `${both}, so stable is watched without it` : `${both}, and stable recovered without it`;
}

function lead(reason: VerdictReason, state: JudgeState, safe: JudgeParameters): string {
  switch (reason) {
    case 'HarmAgainstStable':
      return 'The canary fails more often than stable';
    case 'SlowerThanStable':
      return 'The canary is slower than stable';
    case 'SloBreach':
      return stableIsGone(state)
        ? `The canary fails more often than the allowed ${percent(allowedAlone(state.stable, safe))}`
        : 'The canary breaches the objective and stable does not';
    case 'BreachSinceStep':
      return sinceStep(state);
    case 'TooFewRequests':
      return `Waiting for ${grouped(safe.minRequests)} canary requests`;
    case 'StarvedCanary':
      return 'The canary gets no requests';
    case 'TooLittleToDecide':
      return `Suspicious, but a rollback needs ${grouped(safe.minFailures)} failures in ${grouped(safe.minBatches)} batches`;
    case 'StablePodAsBad':
      return 'Suspicious, but a stable pod has looked as bad';
    case 'BreachUncompared':
      return 'The canary breaches the objective where stable gets no requests to compare with';
    case 'StableBreachesSlo':
      return 'Stable breaches the objective itself, so nothing can be held against the canary';
    case 'CanaryBreachesSlo':
      return 'The canary breaches the objective, but not by more than stable fails';
    case 'SuspectedHarm':
      return 'The canary is suspected of harm';
    case 'BetterThanStable':
      return `The canary keeps the objective, which stable breaches: it fails less than ${percent(allowedAlone(state.stable, safe))}`;
    case 'NoEvidenceOfHarm':
      return 'No evidence of harm';
  }
}
