import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { SafetyPolicy } from '../../api/safety-policy.ts';
import { kinds } from '../../kube/kinds.ts';
import type { KubeObject, Reflector } from '../../kube/port.ts';
import type { Deployment, Pod } from '../../workloads/objects.ts';
import type { MakeCopy } from '../rollout/copies.ts';

/** Local copies of everything that concerns experiments. */
export interface ExperimentCopies {
  readonly experiments: Reflector<ChaosExperiment & KubeObject>;
  readonly safetyPolicies: Reflector<SafetyPolicy & KubeObject>;
  readonly pods: Reflector<Pod>;
  readonly services: Reflector<KubeObject>;
  readonly rollouts: Reflector<Rollout & KubeObject>;
  readonly deployments: Reflector<Deployment>;
  readonly serviceLevelObjectives: Reflector<KubeObject>;
}

/** All but policies are those that releases are followed by. */
export function createExperimentCopies(
  reflect: MakeCopy,
  {
    experiments,
    pods,
    services,
    rollouts,
    deployments,
    serviceLevelObjectives,
  }: Omit<ExperimentCopies, 'safetyPolicies'>,
): ExperimentCopies {
  return {
    experiments,
    safetyPolicies: reflect<SafetyPolicy & KubeObject>(kinds.safetyPolicy),
    pods,
    services,
    rollouts,
    deployments,
    serviceLevelObjectives,
  };
}
