import { addBatch, beginJudging, type JudgeState, type Verdict, verdictOf } from '../../../machines/judge/index.ts';
import type { Raise } from '../../../machines/rollout/context.ts';
import { withRaise } from '../../../machines/rollout/raises.ts';
import type { RolloutSpec } from '../../api/rollout.ts';
import type { Batch } from '../../metrics/port.ts';
import { judgeParametersOf } from '../../plan/judge-parameters.ts';

/** The judge's opinion on one objective. */
export interface ObjectiveVerdict extends Verdict {
  readonly objective: string;
}

/** Judges releases from batches; keeps running sums so that each batch is read once. Losing them costs a recomputation, no more. */
export interface Judging {
  /** Verdicts on all of `batches`, one per objective. `key` names a Rollout, `release.id` one release of it. */
  judge(key: string, release: JudgedRelease, batches: readonly Batch[]): readonly ObjectiveVerdict[];
  forget(key: string): void;
}

export interface JudgedRelease {
  readonly id: string;
  readonly spec: RolloutSpec;
  /** When the canary was given more weight, oldest first. */
  readonly raises: readonly Raise[];
}

/** When the objective is expected to be shown, at the pace of the newest batch, in ms; null where that is unknown or never. */
export function shownAt({ at, acceptance: { secondsLeft, reached } }: ObjectiveVerdict): number | null {
  if (reached) return at;
  return at === null || secondsLeft === null ? null : at + Math.ceil(secondsLeft) * 1000;
}

interface Progress {
  readonly release: string;
  readonly states: readonly JudgeState[];
  readonly count: number;
  readonly last: Batch | undefined;
}

export function createJudging(): Judging {
  const progress = new Map<string, Progress>();
  return {
    judge(key, { id, spec, raises }, batches) {
      const parameters = spec.objectives.map((objective) => judgeParametersOf(spec, objective));
      const known = progress.get(key);
      // The list only ever grows; one that does not continue what was read comes from a source that began anew.
      const isContinued = known?.release === id && known.count > 0 && batches[known.count - 1] === known.last;
      const from = isContinued ? known.count : 0;
      const begun = isContinued ? known.states : parameters.map(beginJudging);
      const states = begun.map((state, index) => {
        const own = parameters[index];
        return own === undefined
          ? state
          : batches.slice(from).reduce((sum, batch) => addBatch(sum, withRaise(batch, raises), own), state);
      });
      progress.set(key, { release: id, states, count: batches.length, last: batches.at(-1) });
      return spec.objectives.flatMap((objective, index) => {
        const [state, own] = [states[index], parameters[index]];
        return state === undefined || own === undefined
          ? []
          : [{ objective: objective.name, ...verdictOf(state, own) }];
      });
    },
    forget(key) {
      progress.delete(key);
    },
  };
}
