import type { AdmissionFact, ExperimentFacts } from '../../../machines/experiment/facts.ts';
import type { Standing } from '../../../machines/experiment/settle.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import {
  type Candidate,
  type ExperimentScope,
  resolveScope,
  type ScopeAnswer,
  scopeEnd,
} from '../../plan/experiment-scope.ts';
import type { ExperimentCopies } from './copies.ts';

/** What a spec names and does not say itself, and what follows from it. */
export interface SeenScope {
  /** Null: not known (yet), so nothing may be injected. */
  readonly scope: ExperimentScope | null;
  /** Why it is not known. */
  readonly admission: AdmissionFact | null;
  /** It is no more. */
  readonly end: ExperimentFacts['end'];
}

/** Until the baseline begins it is looked up; from then on it is that of that moment, or the experiment ends. */
export function scopeNow(
  copies: Pick<ExperimentCopies, 'rollouts' | 'deployments' | 'serviceLevelObjectives'>,
  experiment: ChaosExperiment,
  { kept, state }: { readonly kept: ExperimentScope | null; readonly state: Standing['state'] },
): SeenScope {
  const candidates = candidatesOf(copies, experiment);
  if (kept === null) {
    const { namespace = 'default' } = experiment.metadata;
    const objective = (name: string) => copies.serviceLevelObjectives.get(namespace, name);
    return { ...answered(resolveScope(experiment, { candidates, objective })), end: null };
  }
  const over = state === 'Recovering' ? null : scopeEnd(kept, candidates);
  return { scope: kept, admission: null, end: over === null ? null : { reason: 'ReleaseOver', message: over } };
}

/** Rollouts of which a version may be meant. */
function candidatesOf(
  { rollouts, deployments }: Pick<ExperimentCopies, 'rollouts' | 'deployments'>,
  { metadata, spec: { callers, target } }: ChaosExperiment,
): readonly Candidate[] {
  if ((callers.revision ?? target.revision) === undefined) return [];
  const home = metadata.namespace ?? 'default';
  return [...new Set([home, target.namespace ?? home])]
    .flatMap((namespace) => rollouts.list(namespace))
    .map((rollout) => {
      const { namespace = 'default' } = rollout.metadata;
      const deployment = deployments.get(namespace, rollout.spec.workloadRef.name);
      return { rollout, podLabels: deployment?.spec.template.metadata?.labels ?? null };
    });
}

function answered(answer: ScopeAnswer): Pick<SeenScope, 'scope' | 'admission'> {
  return answer.state === 'resolved' ? { scope: answer.scope, admission: null } : { scope: null, admission: answer };
}
