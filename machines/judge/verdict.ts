import type { ArmCounts } from './counts.ts';
import { type JudgeParameters, safeParameters } from './parameters.ts';
import { type JudgeState, LN_BREACHING } from './state.ts';
import { type Evidence, weigh } from './weigh.ts';

/** Why a verdict is as it is. */
export type VerdictReason =
  | 'HarmAgainstStable'
  | 'SloBreach'
  | 'TooFewRequests'
  | 'StarvedCanary'
  | 'TooFewFailures'
  | 'StableBreachesSlo'
  | 'SuspectedHarm'
  | 'NoEvidenceOfHarm';

/** What should happen to the release now. Times and dwell are not the judge's: `Advance` only says that the evidence allows it. */
export interface Verdict extends Evidence {
  readonly kind: 'Rollback' | 'Hold' | 'Advance';
  readonly reason: VerdictReason;
  /** One sentence for people: odds, and the counts of both versions. */
  readonly message: string;
  /** X in "1 in X against harmless": a harmless release shows this or more with probability 1/X at most, whenever one looks. */
  readonly oddsAgainstHarmless: number;
}

/** Batches without a canary request after which a release that should have traffic counts as starved. */
const STARVED_BATCHES = 3;

/** Above these odds a release gets no more traffic until they fall or decide. */
const LN_SUSPECTED: number = Math.log(10);

/** Odds are shown up to this number; beyond it they mean the same to anybody. */
const MOST_ODDS = 1e9;

/** Returns the verdict after the newest batch. A decision to roll back stays, with the evidence that made it. */
export function verdictOf(state: JudgeState, parameters: JudgeParameters): Verdict {
  const safe = safeParameters(parameters);
  const evidence = state.rollback ?? weigh(state, safe);
  const { kind, reason } = decide(state, evidence, safe);
  const oddsAgainstHarmless = Math.min(MOST_ODDS, Math.exp(Math.max(0, evidence.lnTotal)));
  return { ...evidence, kind, reason, oddsAgainstHarmless, message: sentence(reason, evidence, safe) };
}

function decide(state: JudgeState, evidence: Evidence, safe: JudgeParameters): Pick<Verdict, 'kind' | 'reason'> {
  if (state.rollback !== null) {
    return { kind: 'Rollback', reason: evidence.blame.slo > evidence.blame.harm ? 'SloBreach' : 'HarmAgainstStable' };
  }
  if (evidence.lnTotal >= -Math.log(safe.falseRollback)) return { kind: 'Hold', reason: 'TooFewFailures' };
  if (safe.sloFailureRatio !== null && evidence.lnStableSlo >= LN_BREACHING) {
    return { kind: 'Hold', reason: 'StableBreachesSlo' };
  }
  if (Math.max(evidence.lnTotal, evidence.lnSlo) >= LN_SUSPECTED) return { kind: 'Hold', reason: 'SuspectedHarm' };
  if (state.canarySilent >= STARVED_BATCHES) return { kind: 'Hold', reason: 'StarvedCanary' };
  if (evidence.canary.requests < safe.minRequests) return { kind: 'Hold', reason: 'TooFewRequests' };
  return { kind: 'Advance', reason: 'NoEvidenceOfHarm' };
}

function sentence(reason: VerdictReason, evidence: Evidence, safe: JudgeParameters): string {
  return `${LEAD[reason](evidence, safe)}: ${oddsInWords(evidence.lnTotal)}; ${countsInWords(evidence)}`;
}

const LEAD: Readonly<Record<VerdictReason, (evidence: Evidence, safe: JudgeParameters) => string>> = {
  HarmAgainstStable: () => 'The canary fails more often than stable',
  SloBreach: () => 'The canary breaches the objective and stable does not',
  TooFewRequests: (_, safe) => `Waiting for ${grouped(safe.minRequests)} canary requests`,
  StarvedCanary: () => 'The canary gets no requests',
  TooFewFailures: (_, safe) =>
    `Suspicious, but fewer than ${grouped(safe.minFailures)} failures or ${safe.minBatches} batches`,
  StableBreachesSlo: () => 'Stable breaches the objective too, so the canary is not to blame',
  SuspectedHarm: () => 'The canary is suspected of harm',
  NoEvidenceOfHarm: () => 'No evidence of harm',
};

function oddsInWords(lnTotal: number): string {
  const odds = Math.exp(Math.max(0, lnTotal));
  if (odds < 2) return 'nothing against harmless';
  if (!(odds < MOST_ODDS)) return `less than 1 in ${grouped(MOST_ODDS)} against harmless`;
  return `1 in ${grouped(twoDigits(odds))} against harmless`;
}

function countsInWords({ canary, stable }: Evidence): string {
  return `${failedOf(canary)} failed, stable ${failedOf(stable)}`;
}

function failedOf({ failures, requests }: ArmCounts): string {
  return `${grouped(failures)} of ${grouped(requests)}`;
}

/** Odds of 4,137 pretend to more than is known: two digits are enough. */
function twoDigits(value: number): number {
  const unit = value < 100 ? 1 : 10 ** (Math.trunc(value).toString().length - 2);
  return Math.round(value / unit) * unit;
}

function grouped(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}
