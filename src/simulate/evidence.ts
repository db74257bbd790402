import {
  addBatch,
  type Batch,
  beginJudging,
  forget,
  type JudgeParameters,
  type JudgeState,
  learn,
  nextWeight,
  type Risk,
  UNKNOWN_RISK,
  type Verdict,
  verdictOf,
} from '../../machines/judge/index.ts';
import type { Raise } from '../../machines/rollout/context.ts';
import type { VerdictFact } from '../../machines/rollout/facts.ts';
import type { Stepping } from '../../machines/rollout/plan.ts';
import { withRaise } from '../../machines/rollout/raises.ts';
import { CANARY } from './cluster.ts';
import type { Interval } from './scene.ts';
import { type Answered, latencyOf } from './service.ts';

/** One objective as it is judged. */
export interface JudgedObjective {
  readonly name: string;
  readonly parameters: JudgeParameters;
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

/** Begins to judge a release; `past` gives stable's failure ratio before it. */
export function createEvidence(
  objectives: readonly JudgedObjective[],
  stepping: Stepping,
  past: { readonly requests: number; readonly failures: number },
): Evidence {
  let states: readonly JudgeState[] = objectives.map(() => beginJudging());
  let risk: Risk = UNKNOWN_RISK;
  let [stable, learnedAt, raisesSeen] = [past, 0, 0];
  let current: VerdictFact | null = null;
  const stableRatio = () => (stable.requests === 0 ? 0 : stable.failures / stable.requests);

  const learnFrom = (interval: Interval, raises: readonly Raise[]) => {
    if (stepping.kind !== 'adaptive') return;
    if (raises.length > raisesSeen && raisesSeen > 0) risk = forget(risk, stepping.parameters);
    raisesSeen = raises.length;
    risk = learn(risk, interval.canary, stableRatio());
    stable = {
      requests: stable.requests + interval.stable.requests,
      failures: stable.failures + interval.stable.failures,
    };
    learnedAt = interval.toS;
  };
  const nextBp = (raises: readonly Raise[], isShownGood: boolean): number | null => {
    if (stepping.kind !== 'adaptive' || learnedAt === 0) return null;
    const weight = (raises.at(-1)?.weightBp ?? 0) / 10_000;
    const facts = { weight, risk, stableRatio: stableRatio(), isShownGood };
    return Math.round(nextWeight(facts, stepping.parameters) * 10_000);
  };
  return {
    add(interval, raises) {
      states = states.map((state, i) => {
        const objective = objectives[i];
        const batch = objective === undefined ? null : batchFor(objective, interval, raises);
        return objective === undefined || batch === null ? state : addBatch(state, batch, objective.parameters);
      });
      learnFrom(interval, raises);
      const verdicts = states.flatMap((state, i) => {
        const objective = objectives[i];
        return objective === undefined ? [] : [{ ...verdictOf(state, objective.parameters), name: objective.name }];
      });
      const isShownGood = verdicts.every(({ acceptance }) => acceptance.reached);
      current = joint(verdicts, isShownGood, nextBp(raises, isShownGood));
    },
    verdict: () => current,
  };
}

/** What the sampler would cut for one objective; null while durations of cold pods are not compared. */
function batchFor({ durations }: JudgedObjective, interval: Interval, raises: readonly Raise[]): Batch | null {
  const at = interval.toS * 1000;
  const { canary, stable } = interval;
  if (durations === null) return withRaise({ at, canary: countsOf(canary), stable: countsOf(stable) }, raises);
  const { underMs, edges, warmupMs } = durations;
  if (interval.fromS * 1000 < (raises[0]?.at ?? 0) + warmupMs) return null;
  const slow = ({ requests, within }: Answered) => ({
    requests,
    failures: requests - (within[edges.indexOf(underMs)] ?? 0),
  });
  const latency = latencyOf(edges, canary, stable);
  return withRaise({ at, canary: slow(canary), stable: slow(stable), latency }, raises);
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
  const worst =
    verdicts.find(({ kind }) => kind === 'Rollback') ?? verdicts.find(({ kind }) => kind === 'Hold') ?? verdicts[0];
  if (worst === undefined) return null;
  const { kind, reason, message, name } = worst;
  return { revision: CANARY, kind, reason, message: `${name}: ${message}`, isShownGood, nextBp, expectedAt: null };
}
