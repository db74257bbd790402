import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { SafetyPolicy } from '../../api/safety-policy.ts';
import { kinds } from '../../kube/kinds.ts';
import type { IndexFunction, Kind, KubeObject, Reflector } from '../../kube/port.ts';
import type { Deployment, Pod, ReplicaSet } from '../../workloads/objects.ts';
import { observeIndexes } from './observe.ts';
import type { TriggerSources } from './triggers.ts';

/** Makes a local copy of the objects of a kind, of the namespaces that the controller is for. */
export type MakeCopy = <T extends KubeObject>(
  kind: Kind,
  indexes?: Readonly<Record<string, IndexFunction<T>>>,
) => Reflector<T>;

/** Local copies of everything that concerns Rollouts. */
export type RolloutCopies = TriggerSources;

export function createRolloutCopies(reflect: MakeCopy): RolloutCopies {
  return {
    rollouts: reflect<Rollout & KubeObject>(kinds.rollout),
    deployments: reflect<Deployment>(kinds.deployment),
    replicaSets: reflect<ReplicaSet>(kinds.replicaSet, observeIndexes.replicaSets),
    pods: reflect<Pod>(kinds.pod, observeIndexes.pods),
    services: reflect<KubeObject>(kinds.service),
    endpointSlices: reflect<KubeObject>(kinds.endpointSlice),
    serviceLevelObjectives: reflect<KubeObject>(kinds.serviceLevelObjective),
    metricsSources: reflect<KubeObject>(kinds.metricsSource),
    virtualServices: reflect<KubeObject>(kinds.virtualService),
    destinationRules: reflect<KubeObject>(kinds.destinationRule),
    experiments: reflect<ChaosExperiment & KubeObject>(kinds.chaosExperiment),
    safetyPolicies: reflect<SafetyPolicy & KubeObject>(kinds.safetyPolicy),
  };
}

/** Changes with the content of any object of the namespace that an objective may name. */
export function namedIn({ serviceLevelObjectives, metricsSources }: RolloutCopies, namespace: string): string {
  return [...serviceLevelObjectives.list(namespace), ...metricsSources.list(namespace)]
    .map(({ kind, metadata: { uid, generation } }) => `${kind}/${uid}/${generation}`)
    .toSorted()
    .join();
}
