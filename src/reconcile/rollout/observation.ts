import type { Rollout } from '../../api/rollout.ts';
import type { Evidence, TrafficSplit } from '../../metrics/port.ts';
import type { RevisionServiceReading, RouteReading, RouteTarget } from '../../routing/port.ts';
import type { Deployment, Pod, ReplicaSet } from '../../workloads/objects.ts';
import type { ObjectiveVerdict } from './judging.ts';

/** Everything that one look at a Rollout and what belongs to it brought in. */
export interface RolloutObservation {
  readonly rollout: Rollout;
  readonly deployment: Deployment | undefined;
  /** ReplicaSets that the Deployment or the Rollout controls. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods of those ReplicaSets, and of ReplicaSets that are gone already, by revision. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  readonly target: RouteTarget;
  readonly route: RouteReading;
  /** By revision; `unknown` where the reads failed. */
  readonly services: ReadonlyMap<string, RevisionServiceReading | 'unknown'>;
  readonly evidence: Evidence | null;
  readonly traffic: TrafficSplit | undefined;
  readonly verdicts: readonly ObjectiveVerdict[];
}
