import { DEFAULT_PARAMETERS, type JudgeParameters, MOST_DISPERSION } from '../../machines/judge/index.ts';
import type { Objective, RolloutSpec } from '../api/rollout.ts';
import { fixedSteps } from '../api/strategy.ts';
import { parseDuration } from '../lib/duration.ts';
import { type Baseline, NO_BASELINE } from './baseline.ts';
import { goalOf } from './goal.ts';

/**
 * Batches are cells of 250 ms in which some caller was scraped. With scrapes every 5 s that is one a second for five callers, a fifth of it
 * for one and four times it for twenty and more; a wrong guess costs its logarithm in evidence on late faults, and nothing in certainty.
 */
const MS_PER_BATCH = 1000;
const PLANNED_BATCHES = { least: 240, most: 100_000 } as const;

/**
 * How the judge treats one objective of a spec whose references were resolved. The allowed share of false rollbacks is for the whole release,
 * so each of k objectives gets a k-th of it, and of that its own part for each gate: whatever they have in common, the sum stays within what the user allowed. A harmful
 * release must be accepted by every objective, so each of them gets all of `falsePromote`.
 */
export function judgeParametersOf(
  spec: RolloutSpec,
  objective: Objective,
  baseline: Baseline = NO_BASELINE,
): JudgeParameters {
  const { falseRollback, falsePromote, margin, minRequests, deadline } = spec.analysis;
  const goal = goalOf(objective, spec.analysis);
  return {
    ...DEFAULT_PARAMETERS,
    falseRollback: falseRollback / comparisonsOf(spec),
    falseAccept: falsePromote,
    margin,
    minRequests,
    sloFailureRatio: goal?.allowedRatio ?? null,
    latencyEdge: goal?.measure.kind === 'durations' ? goal.measure.underMs : null,
    plannedBatches: plannedBatches(parseDuration(deadline) ?? 0),
    dispersion: baseline.dispersion,
    stepsBack: hasLowerWeight(spec),
    calmBefore: isCalm(baseline, goal?.allowedRatio),
    // Failures that come in such bursts fall on one version or the other by chance: only the objective is left to judge by.
    weights: isTooBursty(baseline) ? { harm: 0, latency: 0, slo: 1 } : DEFAULT_PARAMETERS.weights,
  };
}

/** Each objective may take a release back, by what was answered without a fault and under the fault of each gate. */
function comparisonsOf({ objectives, resilience = [] }: RolloutSpec): number {
  return Math.max(1, objectives.length) * (1 + resilience.length);
}

/** True where failures come in bursts too large to compare two versions by them (analysis 2f). */
export function isTooBursty({ dispersion }: Baseline): boolean {
  return dispersion > MOST_DISPERSION;
}

/** True where the steps hold a weight at which both versions get requests. */
function hasLowerWeight({ strategy }: RolloutSpec): boolean {
  return strategy.canary?.adaptive !== undefined || fixedSteps(strategy).some(({ weight }) => weight < 100);
}

function isCalm({ recentRatio }: Baseline, allowedRatio: number | undefined): boolean | null {
  return recentRatio == null || allowedRatio === undefined ? null : recentRatio <= allowedRatio;
}

function plannedBatches(deadlineMs: number): number {
  return Math.min(PLANNED_BATCHES.most, Math.max(PLANNED_BATCHES.least, Math.round(deadlineMs / MS_PER_BATCH)));
}
