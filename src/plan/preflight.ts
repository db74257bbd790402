import { spanInWords } from '../../machines/judge/index.ts';
import { gateObjectiveRule } from '../api/resilience.ts';
import type { RolloutSpec } from '../api/rollout.ts';
import { type Baseline, baselineOf, type PastPart } from './baseline.ts';
import { forecast } from './forecast.ts';
import { type Goal, goalOf } from './goal.ts';
import { isTooBursty, judgeParametersOf } from './judge-parameters.ts';
import { planRollout, ratioProblems } from './rollout-plan.ts';

/** What the source said of one objective. */
export interface Inspected {
  readonly name: string;
  readonly problem: { readonly reason: string; readonly message: string } | null;
  readonly past: readonly PastPart[];
  readonly warnings: readonly string[];
}

/** What is known before a release begins. */
export interface Known {
  /** By name of the objective. */
  readonly baselines: Readonly<Record<string, Baseline>>;
  /** Requests per second of the service; null where nobody knows. */
  readonly requestRate: number | null;
  readonly warnings: readonly string[];
}

export type PreflightVerdict =
  | { readonly ok: true; readonly known: Known }
  | { readonly ok: false; readonly problem: { readonly reason: string; readonly message: string } };

/** Whether a release may begin, from a spec whose references were resolved and what the source said. Pure. */
export function judgePreflight(spec: RolloutSpec, inspected: readonly Inspected[]): PreflightVerdict {
  const refused = inspected.find(({ problem }) => problem !== null);
  if (refused?.problem != null) {
    const { reason, message } = refused.problem;
    return { ok: false, problem: { reason, message: `${pathOf(spec, refused.name)} (${refused.name}): ${message}` } };
  }
  const baselines = Object.fromEntries(inspected.map(({ name, past }) => [name, baselineOf(past)]));
  const problem = gateProblem(spec) ?? ratioProblem(spec) ?? deadlineProblem(spec, baselines);
  if (problem !== null) return { ok: false, problem };
  const bursty = Object.entries(baselines).filter(([, baseline]) => isTooBursty(baseline));
  return {
    ok: true,
    known: {
      baselines,
      requestRate: requestRateOf(spec, baselines),
      warnings: [
        ...inspected.flatMap(({ name, warnings }) => warnings.map((warning) => `${name}: ${warning}`)),
        ...bursty.map(([name, { dispersion }]) => tooBursty(name, dispersion)),
      ],
    },
  };
}

function tooBursty(name: string, dispersion: number): string {
  const times = Math.round(dispersion);
  return `${name}: stable's failures come in bursts (${times} times the variation of independent ones), too large to compare two versions by them: the release is judged by the objective alone`;
}

/** What an objective by reference asks for is known only now. */
function gateProblem({
  resilience,
  objectives,
}: RolloutSpec): { readonly reason: string; readonly message: string } | null {
  if (resilience === undefined || objectives.some(({ requests }) => requests !== undefined)) return null;
  return { reason: 'GateWithoutRequests', message: `spec.resilience ${gateObjectiveRule.message}` };
}

/** An objective by reference has its ratio elsewhere, so the plan could not look at it. */
function ratioProblem(spec: RolloutSpec): { readonly reason: string; readonly message: string } | null {
  for (const { goal, index } of goalsWithIndex(spec)) {
    const [problem] = ratioProblems(goal, `spec.objectives[${index}].${goal.field}`);
    if (problem !== undefined) return { reason: 'RatioNotTestable', message: `${problem.path} ${problem.message}` };
  }
  return null;
}

/** A deadline that a good release could not meet would only ever take releases back. */
function deadlineProblem(
  spec: RolloutSpec,
  baselines: Known['baselines'],
): { readonly reason: string; readonly message: string } | null {
  const planned = planRollout(spec);
  if (!planned.ok) return null;
  const { plan } = planned;
  for (const objective of spec.objectives) {
    const baseline = baselines[objective.name];
    if (baseline === undefined) continue;
    const foretold = forecast(plan, { parameters: judgeParametersOf(spec, objective, baseline), baseline });
    if (foretold === null || foretold.seconds * 1000 < plan.deadlineMs) continue;
    const rate = Number(baseline.requestRate.toPrecision(2));
    const message =
      `spec.analysis.deadline is ${spec.analysis.deadline}, but at ${rate} requests a second a good release needs about ` +
      `${spanInWords(foretold.seconds)} to show that it keeps ${objective.name} (${foretold.requests} requests): ` +
      'lengthen the deadline, raise the first weights, or ask for less in the objective';
    return { reason: 'DeadlineTooShort', message };
  }
  return null;
}

/** Counters of the user's may count anything, so only requests tell the traffic. */
function requestRateOf(spec: RolloutSpec, baselines: Known['baselines']): number | null {
  const rates = goalsWithIndex(spec)
    .filter(({ goal }) => goal.measure.kind !== 'counters')
    .map(({ goal }) => baselines[goal.name]?.requestRate ?? 0);
  const most = Math.max(0, ...rates);
  return most > 0 ? most : null;
}

function goalsWithIndex(spec: RolloutSpec): readonly { readonly goal: Goal; readonly index: number }[] {
  return spec.objectives.flatMap((objective, index) => {
    const goal = goalOf(objective, spec.analysis);
    return goal === null ? [] : [{ goal, index }];
  });
}

function pathOf(spec: RolloutSpec, name: string): string {
  return `spec.objectives[${spec.objectives.findIndex((objective) => objective.name === name)}]`;
}
