import { addBatch } from './add-batch.ts';
import type { Batch } from './batch.ts';
import type { JudgeParameters } from './parameters.ts';
import { beginJudging, type JudgeState } from './state.ts';
import { forget, learn, nextWeight, type Risk, type SteppingParameters, UNKNOWN_RISK } from './stepping.ts';

/** All that is remembered of one objective of a release: what its judge knows, and what more weight would risk. */
export interface Progress {
  readonly judge: JudgeState;
  readonly risk: Risk;
  /** When the weight was last raised, as of the newest batch, in ms. */
  readonly raisedAt: number | null;
}

/** Nothing was answered yet. */
export const NO_PROGRESS: Progress = { judge: beginJudging(), risk: UNKNOWN_RISK, raisedAt: null };

/** How an objective is judged and how the release gains weight; without stepping, risks are not kept. */
export interface Rules {
  readonly parameters: JudgeParameters;
  readonly stepping: SteppingParameters | null;
  /** Share of failures of stable before the release. */
  readonly pastRatio: number;
}

/** The past counts as so many requests of stable, so that its first ones do not say that it never fails. */
const PAST_REQUESTS = 300;

/** Takes one batch into account. */
export function addToProgress(progress: Progress, batch: Batch, rules: Rules): Progress {
  const judge = addBatch(progress.judge, batch, rules.parameters);
  const raisedAt = batch.raisedAt ?? progress.raisedAt;
  if (rules.stepping === null || judge === progress.judge) return { ...progress, judge, raisedAt };
  const isRaised = progress.raisedAt !== null && raisedAt !== progress.raisedAt;
  const risk = isRaised ? forget(progress.risk, rules.stepping) : progress.risk;
  // Failures in clumps say so many times less (analysis 2d.2).
  const { requests, failures } = batch.canary;
  const dispersion = Math.max(1, rules.parameters.dispersion);
  const counts = { requests: requests / dispersion, failures: failures / dispersion };
  return { judge, raisedAt, risk: learn(risk, counts, stableRatio(progress, rules)) };
}

/** The share of requests that the canary may have next, as far as this objective goes. */
export function allowedWeight(
  progress: Progress,
  { weight, isShownGood }: { readonly weight: number; readonly isShownGood: boolean },
  rules: Rules & { readonly stepping: SteppingParameters },
): number {
  const { risk } = progress;
  return nextWeight({ weight, risk, stableRatio: stableRatio(progress, rules), isShownGood }, rules.stepping);
}

/** What stable fails: in the release so far, and before it; half a failure more than were seen, since none seen is not none. */
function stableRatio({ judge: { stable } }: Progress, { pastRatio }: Rules): number {
  return (stable.failures + PAST_REQUESTS * pastRatio + 0.5) / (stable.requests + PAST_REQUESTS + 1);
}
