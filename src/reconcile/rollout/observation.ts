import type { EmbargoFact, FaultFact, GateFact, TrialFact } from '../../../machines/rollout/facts.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { KubeObject } from '../../kube/port.ts';
import type { Evidence, TrafficSplit } from '../../metrics/port.ts';
import type { RevisionServiceReading, RouteReading, RouteTarget } from '../../routing/port.ts';
import type { Deployment, Pod, ReplicaSet } from '../../workloads/objects.ts';
import type { ObjectiveVerdict } from './judging.ts';

/** The part of the callers' Service that matters here. */
export interface CallersService extends KubeObject {
  readonly spec?: { readonly ports?: readonly { readonly name?: string; readonly port: number }[] };
}

/** Everything that one look at a Rollout and what belongs to it brought in. */
export interface RolloutObservation {
  readonly rollout: Rollout;
  readonly deployment: Deployment | undefined;
  /** ReplicaSets that the Deployment or the Rollout controls. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods of those ReplicaSets, and of ReplicaSets that are gone already, by revision. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  /** The callers' Service, or `unknown` while the local copy is not complete. */
  readonly service: CallersService | undefined | 'unknown';
  readonly target: RouteTarget;
  readonly route: RouteReading;
  /** By revision; `unknown` where the reads failed. */
  readonly services: ReadonlyMap<string, RevisionServiceReading | 'unknown'>;
  readonly evidence: Evidence | null;
  readonly traffic: TrafficSplit | undefined;
  readonly verdicts: readonly ObjectiveVerdict[];
  /** Faults of experiments that its pods see, or have seen since the release began. */
  readonly faults: readonly FaultFact[];
  /** Experiments of its gates that are not over. */
  readonly trials: readonly TrialFact[];
  /** Null while no gate is tried. */
  readonly gate: GateFact | null;
  /** Why no release may begin; null where one may, or none is in question. */
  readonly embargo: EmbargoFact | null;
  /** Requests that the canary answered with a failure while no fault was injected. */
  readonly failedRequests: number;
}
