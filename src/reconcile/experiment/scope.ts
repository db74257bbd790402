import type { AdmissionFact, ExperimentFacts } from '../../../machines/experiment/facts.ts';
import type { Standing } from '../../../machines/experiment/settle.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import {
  type ExperimentScope,
  resolveScope,
  type ScopeAnswer,
  scopeEnd,
  WHOLE_SCOPE,
} from '../../plan/experiment-scope.ts';
import type { ExperimentCopies } from './copies.ts';

/** What the versions that a spec names stand for, and what follows from it. */
export interface SeenScope {
  /** Null: not known (yet), so nothing may be injected. */
  readonly scope: ExperimentScope | null;
  /** Why it is not known. */
  readonly admission: AdmissionFact | null;
  /** It is no more. */
  readonly end: ExperimentFacts['end'];
}

/** Until the baseline begins versions are looked up; from then on they are those of that moment, or the experiment ends. */
export function scopeNow(
  { rollouts, deployments }: Pick<ExperimentCopies, 'rollouts' | 'deployments'>,
  experiment: ChaosExperiment,
  { kept, state }: { readonly kept: ExperimentScope | null; readonly state: Standing['state'] },
): SeenScope {
  const { callers, target } = experiment.spec;
  if (callers.revision === undefined && target.revision === undefined) {
    return { scope: WHOLE_SCOPE, admission: null, end: null };
  }
  const home = experiment.metadata.namespace ?? 'default';
  const candidates = [...new Set([home, target.namespace ?? home])]
    .flatMap((namespace) => rollouts.list(namespace))
    .map((rollout) => {
      const { namespace = 'default' } = rollout.metadata;
      const deployment = deployments.get(namespace, rollout.spec.workloadRef.name);
      return { rollout, podLabels: deployment?.spec.template.metadata?.labels ?? null };
    });
  if (kept === null) return { ...answered(resolveScope(experiment, candidates)), end: null };
  const over = state === 'Recovering' ? null : scopeEnd(kept, candidates);
  return { scope: kept, admission: null, end: over === null ? null : { reason: 'ReleaseOver', message: over } };
}

function answered(answer: ScopeAnswer): Pick<SeenScope, 'scope' | 'admission'> {
  return answer.state === 'resolved' ? { scope: answer.scope, admission: null } : { scope: null, admission: answer };
}
