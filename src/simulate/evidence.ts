import {
  addToProgress,
  allowedWeight,
  type Batch,
  type JudgeParameters,
  NO_PROGRESS,
  type Progress,
  type Rules,
  type Verdict,
  verdictOf,
  worstVerdict,
} from '../../machines/judge/index.ts';
import type { Raise } from '../../machines/rollout/context.ts';
import type { VerdictFact } from '../../machines/rollout/facts.ts';
import type { Stepping } from '../../machines/rollout/plan.ts';
import { isCold, withRaise } from '../../machines/rollout/raises.ts';
import { CANARY } from './cluster.ts';
import type { Interval } from './scene.ts';
import { type Answered, latencyOf } from './service.ts';

/** One objective as it is judged. */
export interface JudgedObjective {
  readonly name: string;
  readonly parameters: JudgeParameters;
  /** Share of failures of stable before the release. */
  readonly pastRatio: number;
  /** Bound in ms where the objective is on durations, with the edges of the histograms; else null. */
  readonly durations: { readonly underMs: number; readonly edges: readonly number[]; readonly warmupMs: number } | null;
}

/** The judge at work on one release: batches in, one verdict out. */
export interface Evidence {
  /** Takes an interval into account that ended after the new version first got weight. */
  add(interval: Interval, raises: readonly Raise[]): void;
  /** The joint opinion; null before the first interval. */
  verdict(): VerdictFact | null;
}

/** Begins to judge a release. */
export function createEvidence(objectives: readonly JudgedObjective[], stepping: Stepping): Evidence {
  const judged = objectives.map((objective) => ({ objective, rules: rulesOf(objective, stepping) }));
  let progress: readonly Progress[] = objectives.map(() => NO_PROGRESS);
  let current: VerdictFact | null = null;
  return {
    add(interval, raises) {
      progress = judged.map(({ objective, rules }, i) => {
        const before = progress[i] ?? NO_PROGRESS;
        const batch = batchFor(objective, interval, raises);
        return batch === null ? before : addToProgress(before, batch, rules);
      });
      const verdicts = judged.map(({ objective, rules }, i) => ({
        ...verdictOf((progress[i] ?? NO_PROGRESS).judge, rules.parameters),
        name: objective.name,
      }));
      const isShownGood = verdicts.every(({ acceptance }) => acceptance.reached);
      const weight = (raises.at(-1)?.weightBp ?? 0) / 10_000;
      const allowed = judged.flatMap(({ rules }, i) =>
        rules.stepping === null
          ? []
          : [
              allowedWeight(
                progress[i] ?? NO_PROGRESS,
                { weight, isShownGood },
                { ...rules, stepping: rules.stepping },
              ),
            ],
      );
      // The objective that allows the least decides.
      const nextBp = allowed.length === 0 ? null : Math.floor(Math.min(...allowed) * 10_000 + 1e-6);
      current = joint(verdicts, isShownGood, nextBp);
    },
    verdict: () => current,
  };
}

function rulesOf({ parameters, pastRatio }: JudgedObjective, stepping: Stepping): Rules {
  return { parameters, pastRatio, stepping: stepping.kind === 'adaptive' ? stepping.parameters : null };
}

/** What the sampler would cut for one objective; null while durations of cold pods are not compared. */
function batchFor({ durations }: JudgedObjective, interval: Interval, raises: readonly Raise[]): Batch | null {
  const [from, at] = [interval.fromS * 1000, interval.toS * 1000];
  const { canary, stable } = interval;
  if (durations === null) return withRaise({ from, at, canary: countsOf(canary), stable: countsOf(stable) }, raises);
  const { underMs, edges, warmupMs } = durations;
  if (isCold({ from, at }, raises, warmupMs)) return null;
  const slow = ({ requests, within }: Answered) => ({
    requests,
    failures: requests - (within[edges.indexOf(underMs)] ?? 0),
  });
  const latency = latencyOf(edges, canary, stable);
  return withRaise({ from, at, canary: slow(canary), stable: slow(stable), latency }, raises);
}

function countsOf({ requests, failures }: Answered) {
  return { requests, failures };
}

/** The worst of several objectives decides, as in the controller. */
function joint(
  verdicts: readonly (Verdict & { readonly name: string })[],
  isShownGood: boolean,
  nextBp: number | null,
): VerdictFact | null {
  const worst = worstVerdict(verdicts);
  if (worst === undefined) return null;
  const { kind, reason, message, name } = worst;
  return { revision: CANARY, kind, reason, message: `${name}: ${message}`, isShownGood, nextBp, expectedAt: null };
}
