import type { JudgeParameters } from './parameters.ts';
import type { JudgeState } from './state.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import { spanInWords } from './words.ts';

/** What the release's own clock says, beside the evidence. */
export interface ReleaseTimes {
  /** Now, milliseconds since the epoch. */
  readonly at: number;
  /** When the canary got all the weight it is to be watched at; null before. */
  readonly bakingSince: number | null;
  /** How long it must be watched there, in milliseconds. */
  readonly bakeMs: number;
  /** When the release must be decided, milliseconds since the epoch; null without a deadline. */
  readonly deadlineAt: number | null;
  /** Oldest batch that still counts, in milliseconds: older evidence says nothing of now. */
  readonly staleAfterMs: number;
}

/** What should happen to the release (analysis.md 2d.9). */
export interface ReleaseVerdict {
  readonly kind: 'Rollback' | 'Hold' | 'Advance' | 'Promote' | 'Inconclusive';
  readonly reason: Verdict['reason'] | 'StaleEvidence' | 'ShownGood' | 'DeadlinePassed';
  readonly message: string;
  readonly verdict: Verdict;
}

/**
 * Brings evidence and time together. A rollback needs no time and is given even at the deadline; evidence that is missing or old
 * holds; a deadline never promotes: it says `Inconclusive`, and the release's policy says what becomes of that.
 */
export function releaseVerdict(state: JudgeState, parameters: JudgeParameters, times: ReleaseTimes): ReleaseVerdict {
  const verdict = verdictOf(state, parameters);
  if (verdict.kind === 'Rollback')
    return { kind: 'Rollback', reason: verdict.reason, message: verdict.message, verdict };
  const isFresh = verdict.at !== null && times.at - verdict.at <= times.staleAfterMs;
  if (isFresh && verdict.kind === 'Advance' && verdict.acceptance.reached && isBaked(times)) {
    return { kind: 'Promote', reason: 'ShownGood', message: `Shown good: ${verdict.message}`, verdict };
  }
  if (times.deadlineAt !== null && times.at >= times.deadlineAt) {
    return {
      kind: 'Inconclusive',
      reason: 'DeadlinePassed',
      message: `Not decided in time: ${verdict.message}`,
      verdict,
    };
  }
  if (!isFresh) return { kind: 'Hold', reason: 'StaleEvidence', message: staleMessage(verdict, times), verdict };
  return { kind: verdict.kind, reason: verdict.reason, message: `${verdict.message}${outlook(verdict)}`, verdict };
}

function isBaked({ at, bakingSince, bakeMs }: ReleaseTimes): boolean {
  return bakingSince !== null && at - bakingSince >= bakeMs;
}

function staleMessage({ at }: Verdict, times: ReleaseTimes): string {
  if (at === null) return 'No requests counted yet';
  return `The newest counts are ${spanInWords((times.at - at) / 1000)} old`;
}

function outlook({ acceptance }: Verdict): string {
  if (acceptance.reached || acceptance.secondsLeft === null) return '';
  return `; shown good in about ${spanInWords(acceptance.secondsLeft)}`;
}
