import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { SafetyPolicy } from '../../api/safety-policy.ts';
import type { KubeObject, Reflector } from '../../kube/port.ts';
import type { Deployment, Pod, ReplicaSet } from '../../workloads/objects.ts';
import { keyOf } from '../key.ts';

/** Local copies whose changes concern Rollouts. */
export interface TriggerSources {
  readonly rollouts: Reflector<Rollout>;
  readonly deployments: Reflector<Deployment>;
  readonly replicaSets: Reflector<ReplicaSet>;
  readonly pods: Reflector<Pod>;
  readonly services: Reflector<KubeObject>;
  readonly endpointSlices: Reflector<KubeObject>;
  readonly serviceLevelObjectives: Reflector<KubeObject>;
  readonly metricsSources: Reflector<KubeObject>;
  readonly virtualServices: Reflector<KubeObject>;
  readonly destinationRules: Reflector<KubeObject>;
  readonly experiments: Reflector<ChaosExperiment & KubeObject>;
  readonly safetyPolicies: Reflector<SafetyPolicy & KubeObject>;
}

/** Calls `look` with the key of each Rollout that a change may concern; too often is harmless, too seldom is not. */
export function triggerLooks(sources: TriggerSources, look: (key: string) => void): void {
  const { rollouts } = sources;
  rollouts.onChange(({ before, after }) => {
    const rollout = after ?? before;
    if (rollout !== undefined && !isOwnStatusWrite(before, after)) look(keyOf(rollout));
  });
  const concern = <T extends KubeObject>(
    copy: Reflector<T>,
    concerns: (rollout: Rollout, object: T) => boolean,
  ): void =>
    copy.onChange(({ before, after }) => {
      const object = after ?? before;
      if (object === undefined) return;
      for (const rollout of rollouts.list(object.metadata.namespace))
        if (concerns(rollout, object)) look(keyOf(rollout));
    });
  concern(sources.deployments, ({ spec }, { metadata }) => metadata.name === spec.workloadRef.name);
  concern(sources.replicaSets, ({ spec }, { metadata }) => metadata.name.startsWith(`${spec.workloadRef.name}-`));
  concern(sources.pods, ({ spec }, { metadata }) => metadata.name.startsWith(`${spec.workloadRef.name}-`));
  concern(sources.services, ({ spec }, { metadata }) => isAbout(metadata.name, spec.service.name));
  concern(sources.endpointSlices, ({ spec }, { metadata }) => isAbout(metadata.name, spec.service.name));
  const isUnderWay = ({ status }: Rollout) => status?.phase !== 'Idle';
  concern(sources.serviceLevelObjectives, isUnderWay);
  concern(sources.metricsSources, isUnderWay);
  concern(sources.virtualServices, isUnderWay);
  concern(sources.destinationRules, isUnderWay);
  // Also one of another namespace's would only be about a Service here: its own looks come soon enough.
  concern(sources.experiments, isUnderWay);
  // Whoever waits for the end of a freeze or of a neighbour.
  const isWaiting = ({ status }: Rollout) => status?.phase === 'Idle' && status.waiting !== undefined;
  const wakeWaiting = (): void => {
    for (const rollout of rollouts.list()) if (isWaiting(rollout)) look(keyOf(rollout));
  };
  sources.safetyPolicies.onChange(wakeWaiting);
  sources.experiments.onChange(({ after }) => {
    if (after === undefined || after.status?.phase === 'Finished') wakeWaiting();
  });
}

function isAbout(name: string, service: string): boolean {
  return name === service || name.startsWith(`${service}-`);
}

/** The status is ours alone: what we wrote ourselves is no news. */
function isOwnStatusWrite(before: Rollout | undefined, after: Rollout | undefined): boolean {
  return (
    before !== undefined &&
    after !== undefined &&
    before.metadata.uid === after.metadata.uid &&
    before.metadata.generation === after.metadata.generation &&
    before.metadata.deletionTimestamp === after.metadata.deletionTimestamp &&
    before.status !== undefined
  );
}
