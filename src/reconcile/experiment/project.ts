import type { Look } from '../../../machines/experiment/look.ts';
import type { Standing } from '../../../machines/experiment/settle.ts';
import type { ChaosExperiment, ChaosExperimentStatus } from '../../api/chaos-experiment.ts';
import type { ExperimentScope } from '../../plan/experiment-scope.ts';
import { machineStatusOf } from './record.ts';
import { reportOf } from './report.ts';

const PHASES: Readonly<Record<Standing['state'], NonNullable<ChaosExperimentStatus['phase']>>> = {
  Pending: 'Pending',
  Baseline: 'Baseline',
  Arming: 'Armed',
  Injecting: 'Injecting',
  Recovering: 'Recovering',
  Finished: 'Finished',
};

/** Where an experiment stands, and what its versions stand for: null as long as it may still be looked up anew. */
export interface Projected extends Standing {
  readonly scope: ExperimentScope | null;
  /** Services whose releases wait for its end, as `namespace/name`. */
  readonly neighbours: readonly string[];
  /** Which callers a fault can touch at all, in words. */
  readonly coverage: string;
}

/** The status that a standing gives. Pure, and the only writer of status. */
export function project(
  experiment: ChaosExperiment,
  { scope, neighbours, coverage, ...standing }: Projected,
  look: Look,
): ChaosExperimentStatus {
  const { state, context } = standing;
  const { outcome, doses, fuseUntil } = context;
  const { ramp } = look.plan;
  const index = Math.max(0, doses.length - 1);
  const asked = ramp[index]?.dosePpm ?? 0;
  const { fault } = look.facts;
  return {
    observedGeneration: experiment.metadata.generation ?? 0,
    phase: PHASES[state],
    message: messageOf(standing, look),
    dose: {
      asked: asked / 10_000,
      ...(fault.exists && fault.dosePpm !== null && { written: fault.dosePpm / 10_000 }),
      ...{ step: index + 1, steps: ramp.length },
    },
    seen: {
      matched: doses.reduce((sum, { matched }) => sum + matched, 0),
      touched: doses.reduce((sum, { faulted }) => sum + faulted, 0),
    },
    neighbours: [...neighbours],
    conditions: [admittedCondition(experiment, look)],
    ...(context.startedAt !== null && { startedAt: timeOf(context.startedAt) }),
    ...(context.injectedAt !== null && { injectedAt: timeOf(context.injectedAt) }),
    ...(fuseUntil !== null && state !== 'Finished' && { fuseUntil: timeOf(fuseUntil) }),
    ...(outcome !== null && {
      verdict: outcome.verdict,
      reason: outcome.reason,
      ...(outcome.tolerancePpm !== null && { tolerance: outcome.tolerancePpm / 10_000 }),
      finishedAt: timeOf(outcome.at),
      report: reportOf(experiment, context, { scope, coverage }),
    }),
    machine: machineStatusOf(standing, scope),
  };
}

const ADMITTED = { allowed: 'True', waiting: 'False', denied: 'False', unknown: 'Unknown' } as const;

/** Whether it may inject. From its end on the condition stays as it was then. */
function admittedCondition(
  { metadata, status }: ChaosExperiment,
  { at, facts: { admission } }: Look,
): NonNullable<ChaosExperimentStatus['conditions']>[number] {
  const before = status?.conditions?.find(({ type }) => type === 'Admitted');
  if (before !== undefined && status?.phase === 'Recovering') return before;
  const is = ADMITTED[admission.state];
  return {
    ...{ type: 'Admitted', status: is, reason: admission.reason, message: admission.message },
    lastTransitionTime: before?.status === is ? before.lastTransitionTime : timeOf(at),
    observedGeneration: metadata.generation ?? 0,
  };
}

/** What is happening and why, in one sentence. */
function messageOf({ state, context }: Standing, { facts }: Look): string {
  const { outcome, ended, doses } = context;
  if (outcome !== null) return outcome.message;
  switch (state) {
    case 'Pending':
      return facts.admission.message;
    case 'Baseline':
      return `watches the steady state before anything is injected: ${facts.steadyState?.message ?? facts.evidence.message}`;
    case 'Arming':
      return 'waits for a fuse that burns';
    case 'Injecting': {
      const judged = facts.steadyState?.message ?? facts.evidence.message;
      return `dose ${doses.length}, ${(doses.at(-1)?.dosePpm ?? 0) / 10_000} %: ${facts.dose.message}; ${judged}`;
    }
    default:
      return `${ended?.message ?? ''}; waits until callers are seen untouched again`;
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
