import type { Plan } from '../../machines/rollout/plan.ts';
import type { RolloutSpec } from '../api/rollout.ts';
import { parseDuration } from '../lib/duration.ts';
import { baselineOf } from '../plan/baseline.ts';
import { type Goal, goalsOf } from '../plan/goal.ts';
import { judgeParametersOf } from '../plan/judge-parameters.ts';
import { type Durations, durationsKeeping } from './durations.ts';
import type { JudgedObjective } from './evidence.ts';
import type { Fault } from './faults.ts';
import { createRandom } from './random.ts';
import type { Result } from './result.ts';
import { releaseByRival } from './rival-release.ts';
import type { Rival } from './rivals.ts';
import type { Interval } from './scene.ts';
import type { World } from './service.ts';
import { releaseBySluice, type Setup } from './sluice-release.ts';
import { type Summary, summarise } from './summary.ts';
import type { Traffic } from './traffic.ts';

/** What is to be found out. */
export interface Question {
  readonly spec: RolloutSpec;
  readonly plan: Plan;
  readonly traffic: Traffic;
  readonly faults: readonly Fault[];
  readonly rivals: readonly Rival[];
  /** Requests per second on average. */
  readonly requestRate: number;
  /** Share of requests that fail when nothing is wrong, from 0 to 1. */
  readonly usualFailures: number;
  readonly scrapeS: number;
  readonly runs: number;
  readonly seed: number;
}

/** One row of the answer. */
export interface Row {
  readonly fault: Fault;
  /** `this spec`, or a rival's name. */
  readonly rule: string;
  readonly summary: Summary;
}

/** A step on the way to the answer: one more run, or one more row. */
export type Progress =
  | { readonly kind: 'run'; readonly done: number; readonly total: number }
  | { readonly kind: 'row'; readonly row: Row };

/** The name of the user's own spec among the rules. */
export const OWN_RULE = 'this spec';

const HOUR_S = 3600;
const SEED_STEP = 7919;

/** Simulates run after run, so that the caller may show progress and stop in between. The same question has the same answer. */
export function* simulate(question: Question): Generator<Progress> {
  const { faults, rivals, runs } = question;
  const rules = [OWN_RULE, ...rivals.map(({ name }) => name)];
  const total = faults.length * rules.length * runs;
  let done = 0;
  for (const fault of faults) {
    for (const rule of rules) {
      const release = releaseFor(
        question,
        fault,
        rivals.find(({ name }) => name === rule),
      );
      const results: Result[] = [];
      for (let run = 0; run < runs; run++) {
        results.push(release(run));
        done++;
        yield { kind: 'run', done, total };
      }
      yield { kind: 'row', row: { fault, rule, summary: summarise(results, fault.isCaused) } };
    }
  }
}

function releaseFor(question: Question, fault: Fault, rival: Rival | undefined): (run: number) => Result {
  const goals = goalsOf(question.spec);
  const durations = durationsFor(goals, fault, rival);
  const { traffic, requestRate, usualFailures, scrapeS, plan } = question;
  const world: World = { traffic, fault, requestRate, usualFailures, durations };
  const watchedS = Math.max(HOUR_S, plan.deadlineMs / 1000 + 60);
  const random = (run: number) => createRandom(question.seed + run * SEED_STEP);
  if (rival !== undefined) return (run) => releaseByRival(rival, { scrapeS, watchedS }, world, random(run));
  const setup: Setup = { plan, scrapeS, watchedS, objectivesFor: objectivesFor(question.spec, goals, durations) };
  return (run) => releaseBySluice(setup, world, random(run));
}

/** Histograms cost time, so they are drawn only where somebody would see something in them. */
function durationsFor(goals: readonly Goal[], fault: Fault, rival: Rival | undefined): Durations | null {
  const bounds = goals.flatMap(({ measure, allowedRatio }) =>
    measure.kind === 'durations' ? [{ underMs: measure.underMs, allowedRatio }] : [],
  );
  const isLookedAt = rival === undefined ? bounds.length > 0 : rival.measuresP99 && fault.slowness !== undefined;
  return isLookedAt ? durationsKeeping(bounds) : null;
}

const DEFAULT_WARMUP = '10s';

/** How the objectives are judged after this past. Counters of the user's own are taken to fail as requests do. */
function objectivesFor(spec: RolloutSpec, goals: readonly Goal[], durations: Durations | null): Setup['objectivesFor'] {
  const { warmup = DEFAULT_WARMUP }: { readonly warmup?: string } = spec.analysis;
  return (past) =>
    goals.map((goal, i): JudgedObjective => {
      const bound =
        goal.measure.kind === 'durations' && durations !== null
          ? { underMs: goal.measure.underMs, edges: durations.edges, warmupMs: parseDuration(warmup) ?? 0 }
          : null;
      const objective = spec.objectives[i];
      if (objective === undefined) throw new Error('an objective was not resolved');
      const baseline = baselineOf(past.map(({ toS, stable }) => ({ at: toS * 1000, ...countsFor(bound, stable) })));
      const parameters = judgeParametersOf(spec, objective, baseline);
      return { name: goal.name, parameters, pastRatio: baseline.failureRatio, durations: bound };
    });
}

function countsFor(bound: JudgedObjective['durations'], { requests, failures, within }: Interval['stable']) {
  if (bound === null) return { requests, failures };
  return { requests, failures: requests - (within[bound.edges.indexOf(bound.underMs)] ?? 0) };
}
