import {
  addToProgress,
  allowedWeight,
  type JudgeParameters,
  NO_PROGRESS,
  type Progress,
  type Rules,
  type SteppingParameters,
  type Verdict,
  verdictOf,
} from '../../../machines/judge/index.ts';
import type { Raise } from '../../../machines/rollout/context.ts';
import { isCold, withRaise } from '../../../machines/rollout/raises.ts';
import type { Objective, RolloutSpec } from '../../api/rollout.ts';
import { parseDuration } from '../../lib/duration.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { Batch } from '../../metrics/port.ts';
import type { Baseline } from '../../plan/baseline.ts';
import { goalOf } from '../../plan/goal.ts';
import { judgeParametersOf } from '../../plan/judge-parameters.ts';

/** The judge's opinion on one objective. */
export interface ObjectiveVerdict extends Verdict {
  readonly objective: string;
  /** Adaptive steps: the weight that this objective allows, in basis points; null where the plan says the weights. */
  readonly nextBp: number | null;
  /** The newest requests do not count, because pods that answered them have just started. */
  readonly isWarmingUp: boolean;
  /** What it was judged by: enough to judge it again. */
  readonly parameters: JudgeParameters;
  readonly batches: readonly Batch[];
}

/** Judges releases from batches; keeps running sums so that each batch is read once. Losing them costs a recomputation, no more. */
export interface Judging {
  /** Verdicts on all batches, one per objective of the spec. `key` names a Rollout, `release.id` one release of it. */
  judge(
    key: string,
    release: JudgedRelease,
    batches: ReadonlyMap<string, readonly Batch[]>,
  ): readonly ObjectiveVerdict[];
  /**
   * Reads what `judge` would have to read, in pieces between which others have their turn: after a restart all evidence of a release is
   * new, and no route may wait for it.
   */
  catchUp(key: string, release: JudgedRelease, batches: ReadonlyMap<string, readonly Batch[]>): Promise<void>;
  forget(key: string): void;
}

export interface JudgedRelease {
  readonly id: string;
  /** As pinned when the release began: its references are resolved. */
  readonly spec: RolloutSpec;
  /** By name of the objective. */
  readonly baselines: Readonly<Record<string, Baseline>>;
  /** When the canary was given more weight, oldest first. */
  readonly raises: readonly Raise[];
  /** Adaptive steps: by which rules, and from which weight in basis points; null where the plan says the weights. */
  readonly stepping: { readonly parameters: SteppingParameters; readonly weightBp: number } | null;
}

/** When the objective is expected to be shown, at the pace of the newest batch, in ms; null where that is unknown or never. */
export function shownAt({ at, acceptance: { secondsLeft, reached } }: ObjectiveVerdict): number | null {
  if (reached) return at;
  return at === null || secondsLeft === null ? null : at + Math.ceil(secondsLeft) * 1000;
}

interface Read {
  readonly release: string;
  readonly progress: Progress;
  readonly count: number;
  readonly last: Batch | undefined;
}

/** So many batches with durations of many buckets take some 30 ms. */
const PIECE = 25;

/** `pause` is awaited between pieces of long work. */
export function createJudging({ pause = nextTurn }: { readonly pause?: () => Promise<void> } = {}): Judging {
  const known = new Map<string, ReadonlyMap<string, Read>>();
  return {
    judge(key, release, batches) {
      const before = known.get(key);
      const judged = release.spec.objectives.map((objective) => {
        const { name } = objective;
        const rules = rulesOf(release, objective);
        const warm = warmBatches(release, objective, batches.get(name) ?? []);
        const isWarmingUp = warm.at(-1) !== batches.get(name)?.at(-1);
        return { name, rules, warm, isWarmingUp, read: readOn(before?.get(name), release, { rules, batches: warm }) };
      });
      known.set(key, new Map(judged.map(({ name, read }) => [name, read])));
      const verdicts = judged.map(({ read, rules }) => verdictOf(read.progress.judge, rules.parameters));
      const isShownGood = verdicts.every(({ acceptance }) => acceptance.reached);
      return judged.flatMap(({ name, read, rules, warm, isWarmingUp }, index) => {
        const verdict = verdicts[index];
        if (verdict === undefined) return [];
        const basis = { parameters: rules.parameters, batches: warm };
        const next = nextBp(read.progress, rules, { release, isShownGood });
        return [{ ...verdict, ...basis, objective: name, nextBp: next, isWarmingUp }];
      });
    },
    async catchUp(key, release, batches) {
      for (const objective of release.spec.objectives) {
        const { name } = objective;
        const rules = rulesOf(release, objective);
        const warm = warmBatches(release, objective, batches.get(name) ?? []);
        let read = known.get(key)?.get(name);
        for (let count = readSoFar(read, release, warm) + PIECE; count < warm.length; count += PIECE) {
          read = readOn(read, release, { rules, batches: warm.slice(0, count) });
          known.set(key, new Map([...(known.get(key) ?? []), [name, read]]));
          await pause();
        }
      }
    },
    forget(key) {
      known.delete(key);
    },
  };
}

function rulesOf({ spec, baselines, stepping }: JudgedRelease, objective: Objective): Rules {
  const baseline = baselines[objective.name];
  return {
    parameters: judgeParametersOf(spec, objective, baseline),
    stepping: stepping?.parameters ?? null,
    pastRatio: baseline?.failureRatio ?? 0,
  };
}

/** Durations of pods that have just started are not compared; failures count from the first request. */
function warmBatches(
  { spec, raises }: JudgedRelease,
  objective: Objective,
  batches: readonly Batch[],
): readonly Batch[] {
  if (goalOf(objective, spec.analysis)?.measure.kind !== 'durations') return batches;
  const warmupMs = parseDuration(spec.analysis.warmup) ?? 0;
  return batches.filter(({ at, from = at }) => !isCold({ from, at }, raises, warmupMs));
}

/** Batches that need not be read again. A list only ever grows; one that does not continue what was read is of a source that began anew. */
function readSoFar(read: Read | undefined, { id }: JudgedRelease, batches: readonly Batch[]): number {
  const isContinued = read?.release === id && read.count > 0 && batches[read.count - 1] === read.last;
  return isContinued ? read.count : 0;
}

function readOn(
  read: Read | undefined,
  release: JudgedRelease,
  { rules, batches }: { readonly rules: Rules; readonly batches: readonly Batch[] },
): Read {
  const { id, raises } = release;
  const done = readSoFar(read, release, batches);
  const begun = read !== undefined && done > 0 ? read.progress : NO_PROGRESS;
  const progress = batches
    .slice(done)
    .reduce((sum, batch) => addToProgress(sum, withRaise(batch, raises), rules), begun);
  return { release: id, progress, count: batches.length, last: batches.at(-1) };
}

function nextBp(
  progress: Progress,
  rules: Rules,
  { release, isShownGood }: { readonly release: JudgedRelease; readonly isShownGood: boolean },
): number | null {
  if (release.stepping === null || rules.stepping === null) return null;
  const weight = release.stepping.weightBp / 10_000;
  const next = allowedWeight(progress, { weight, isShownGood }, { ...rules, stepping: rules.stepping });
  return Math.floor(next * 10_000 + 1e-6);
}
