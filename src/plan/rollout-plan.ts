import type { Plan, PlannedGate, PlannedStep } from '../../machines/rollout/plan.ts';
import type { Problem } from '../api/parse-rollout.ts';
import type { RolloutSpec } from '../api/rollout.ts';
import { DEFAULT_HOLD, fixedSteps } from '../api/strategy.ts';
import { formatDuration, parseDuration } from '../lib/duration.ts';
import { failurePercent, type Goal, goalOf } from './goal.ts';
import { adaptiveStepping } from './stepping.ts';

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
    stepping:
      spec.strategy.canary?.adaptive === undefined
        ? { kind: 'fixed', steps: plannedSteps(spec, problems, durationMs) }
        : adaptiveStepping(spec.strategy.canary.adaptive, durationMs),
    gates: plannedGates(spec),
    bakeMs: durationMs('spec.analysis.bake', analysis.bake),
    deadlineMs: durationMs('spec.analysis.deadline', analysis.deadline),
    progressDeadlineMs: durationMs('spec.progressDeadline', spec.progressDeadline),
    onInconclusive: analysis.onInconclusive,
    propagationMs: durationMs('spec.propagation', spec.propagation),
    drainMs: durationMs('spec.drain', spec.drain),
  };
  if (problems.length === 0) problems.push(...timeProblems(plan));
  problems.push(...objectiveProblems(spec));
  return problems.length === 0 ? { ok: true, plan } : { ok: false, problems };
}

function plannedSteps(
  { strategy }: RolloutSpec,
  problems: Problem[],
  durationMs: (path: string, text: string) => number,
): readonly PlannedStep[] {
  const path = 'spec.strategy.canary.steps';
  const steps = fixedSteps(strategy).map(({ weight, hold = DEFAULT_HOLD }, index) => ({
    weightBp: Math.round(weight * 100),
    // At weight 100 the bake says how long to watch.
    holdMs: weight >= 100 ? 0 : durationMs(`${path}[${index}].hold`, hold),
  }));
  const isAscending = steps.every(({ weightBp }, index) => weightBp > (steps[index - 1]?.weightBp ?? 0));
  if (!isAscending) problems.push({ path, message: 'weights must ascend: put the steps in order' });
  if (steps.at(-1)?.weightBp !== 10_000) problems.push({ path, message: 'the last step must have weight 100: add it' });
  return steps;
}

function plannedGates({ resilience = [] }: RolloutSpec): readonly PlannedGate[] {
  return resilience
    .map(({ name, at }) => ({ name, atBp: Math.round(at.weight * 100) }))
    .toSorted((one, other) => one.atBp - other.atBp);
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

function objectiveProblems(spec: RolloutSpec): readonly Problem[] {
  return spec.objectives.flatMap((objective, index) => {
    const goal = goalOf(objective, spec.analysis);
    return goal === null ? [] : ratioProblems(goal, `spec.objectives[${index}].${goal.field}`);
  });
}

/** What the judge could not tell from chance, or from an objective that is always kept. */
export function ratioProblems({ percent }: Pick<Goal, 'percent'>, path: string): readonly Problem[] {
  const allowed = failurePercent(percent);
  if (allowed > TESTABLE_FAILURES.most) {
    const message = `is too low to be told from chance: set it to at least ${100 - TESTABLE_FAILURES.most}`;
    return [{ path, message }];
  }
  if (allowed < TESTABLE_FAILURES.least) {
    const message = `allows fewer failures than can be counted: set it to at most ${100 - TESTABLE_FAILURES.least}`;
    return [{ path, message }];
  }
  return [];
}
