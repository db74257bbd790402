import {
  addBatch,
  type Batch,
  beginJudging,
  type JudgeState,
  type Verdict,
  verdictOf,
} from '../../machines/judge/index.ts';
import type { Raise } from '../../machines/rollout/context.ts';
import { withRaise } from '../../machines/rollout/raises.ts';
import type { RecordedObjective } from './record.ts';

/** What was known after one batch. */
export interface Moment {
  readonly batch: Batch;
  readonly verdict: Verdict;
}

/** An objective judged again, batch by batch. */
export interface Replay {
  /** One for each batch up to the one that decided. */
  readonly moments: readonly Moment[];
  /** The verdict after the last batch. */
  readonly verdict: Verdict;
  /** The batch after which the release was rolled back, else the first after which it was shown to be good; null for neither. */
  readonly turn: Turn | null;
}

export interface Turn {
  readonly kind: 'harm' | 'good';
  readonly moment: Moment;
  /** What was known before it; null where it was the first. */
  readonly before: Verdict | null;
}

type Judged = Pick<RecordedObjective, 'batches' | 'parameters'>;

/** Judges the recorded batches again with the judge that made the decision, in the same order and with the same parameters. */
export function replay({ batches, parameters }: Judged, raises: readonly Raise[]): Replay {
  let state = beginJudging();
  const moments: Moment[] = [];
  for (const batch of batches) {
    if (state.decided !== null) break;
    state = addBatch(state, withRaise(batch, raises), parameters);
    moments.push({ batch, verdict: verdictOf(state, parameters) });
  }
  const verdict = verdictOf(state, parameters);
  return { moments, verdict, turn: turnOf(moments, verdict) };
}

/** So many batches take some 10 ms. */
const PIECE = 100;

/** The state after all batches, for who must not keep others waiting: `pause` is awaited between pieces of the work. */
export async function judgeInPieces(
  { batches, parameters }: Judged,
  raises: readonly Raise[],
  pause: () => Promise<void>,
): Promise<JudgeState> {
  let state = beginJudging();
  for (let from = 0; from < batches.length; from += PIECE) {
    await pause();
    for (const batch of batches.slice(from, from + PIECE))
      state = addBatch(state, withRaise(batch, raises), parameters);
  }
  return state;
}

function turnOf(moments: readonly Moment[], verdict: Verdict): Turn | null {
  const kind = verdict.kind === 'Rollback' ? 'harm' : 'good';
  const index =
    kind === 'harm'
      ? moments.length - 1
      : // Good evidence may fall again: what counts is the batch since which it has been enough.
        moments.findLastIndex(({ verdict: { acceptance } }) => !acceptance.reached) + 1;
  const moment = moments[index];
  return moment === undefined ? null : { kind, moment, before: moments[index - 1]?.verdict ?? null };
}
