import { DEFAULT_PARAMETERS, type JudgeParameters } from '../../machines/judge/index.ts';
import type { Plan, PlannedStep } from '../../machines/rollout/plan.ts';
import type { Problem } from '../api/parse-rollout.ts';
import type { Objective, RolloutSpec } from '../api/rollout.ts';
import { DEFAULT_HOLD } from '../api/strategy.ts';
import { formatDuration, parseDuration } from '../lib/duration.ts';

export type PlannedRollout =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Share of failed requests, in percent, between which the judge can tell an objective's breach from chance. */
const TESTABLE_FAILURES = { least: 0.0001, most: 98 } as const;

/**
 * The release that a spec asks for, as the machine needs it, or everything that is wrong with it. Refuses what the API server's rules
 * cannot see or may have let pass under an older CRD.
 */
export function planRollout(spec: RolloutSpec): PlannedRollout {
  const problems: Problem[] = [];
  const durationMs = (path: string, text: string): number => {
    const parsed = parseDuration(text);
    if (parsed === undefined)
      problems.push({ path, message: `is no duration: write it like 90s or 1h30m, not ${text}` });
    return parsed ?? 0;
  };
  const { analysis } = spec;
  const plan: Plan = {
    stepping: { kind: 'fixed', steps: plannedSteps(spec, problems, durationMs) },
    bakeMs: durationMs('spec.analysis.bake', analysis.bake),
    deadlineMs: durationMs('spec.analysis.deadline', analysis.deadline),
    progressDeadlineMs: durationMs('spec.progressDeadline', spec.progressDeadline),
    onInconclusive: analysis.onInconclusive,
    propagationMs: durationMs('spec.propagation', spec.propagation),
    drainMs: durationMs('spec.drain', spec.drain),
  };
  if (problems.length === 0) problems.push(...timeProblems(plan));
  problems.push(...objectiveProblems(spec.objectives));
  return problems.length === 0 ? { ok: true, plan } : { ok: false, problems };
}

/**
 * How the judge treats one objective of a spec. The allowed share of false rollbacks is for the whole release, so each of k objectives
 * gets a k-th of it: whatever they have in common, the sum stays within what the user allowed.
 */
export function judgeParametersOf(spec: RolloutSpec, objective: Objective): JudgeParameters {
  const { falseRollback, margin, minRequests } = spec.analysis;
  return {
    ...DEFAULT_PARAMETERS,
    falseRollback: falseRollback / Math.max(1, spec.objectives.length),
    margin,
    minRequests,
    sloFailureRatio: objective.requests === undefined ? null : failurePercent(objective.requests.successRatio) / 100,
  };
}

function plannedSteps(
  { strategy }: RolloutSpec,
  problems: Problem[],
  durationMs: (path: string, text: string) => number,
): readonly PlannedStep[] {
  const path = 'spec.strategy.canary.steps';
  const steps = (strategy.canary?.steps ?? []).map(({ weight, hold = DEFAULT_HOLD }, index) => ({
    weightBp: Math.round(weight * 100),
    // At weight 100 the bake says how long to watch.
    holdMs: weight >= 100 ? 0 : durationMs(`${path}[${index}].hold`, hold),
  }));
  const isAscending = steps.every(({ weightBp }, index) => weightBp > (steps[index - 1]?.weightBp ?? 0));
  if (!isAscending) problems.push({ path, message: 'weights must ascend: put the steps in order' });
  if (steps.at(-1)?.weightBp !== 10_000) problems.push({ path, message: 'the last step must have weight 100: add it' });
  return steps;
}

function timeProblems({ stepping, bakeMs, deadlineMs }: Plan): readonly Problem[] {
  const steps = stepping.kind === 'fixed' ? stepping.steps : [];
  const neededMs = steps.reduce((totalMs, { holdMs }) => totalMs + holdMs, bakeMs);
  if (neededMs < deadlineMs) return [];
  const message =
    `must be longer than all holds and the bake together (${formatDuration(neededMs)}), but is ` +
    `${formatDuration(deadlineMs)}: lengthen the deadline, or shorten the holds or the bake`;
  return [{ path: 'spec.analysis.deadline', message }];
}

function objectiveProblems(objectives: readonly Objective[]): readonly Problem[] {
  return objectives.flatMap(({ requests }, index) => {
    if (requests === undefined) return [];
    const path = `spec.objectives[${index}].requests.successRatio`;
    const allowed = failurePercent(requests.successRatio);
    if (allowed > TESTABLE_FAILURES.most) {
      const message = `is too low to be told from chance: set it to at least ${100 - TESTABLE_FAILURES.most}`;
      return [{ path, message }];
    }
    if (allowed < TESTABLE_FAILURES.least) {
      const message = `allows fewer failures than can be counted: set it to at most ${100 - TESTABLE_FAILURES.least}`;
      return [{ path, message }];
    }
    return [];
  });
}

/** 100 − ratio without the noise of binary fractions: 0.1 for 99.9. */
function failurePercent(successRatio: number): number {
  return Number((100 - successRatio).toFixed(9));
}
