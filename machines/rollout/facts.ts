/** Where the requests go. Weights are basis points of 10,000; `plain` is the user's own route. */
export type Route =
  | { readonly kind: 'plain' }
  | { readonly kind: 'revisions'; readonly stable: string; readonly canary: string | null; readonly canaryBp: number };

/** The route as read; `foreign` when somebody else changed it, with whether it still sends requests to revision Services. */
export type ObservedRoute =
  | Route
  | { readonly kind: 'foreign'; readonly message: string; readonly namesRevisions: boolean };

/** What was read of one revision: its pods and its Service. */
export interface RevisionFact {
  /** Who owns the ReplicaSet; null when there is none. */
  readonly owner: 'Deployment' | 'Rollout' | null;
  /** Pods asked for by the ReplicaSet's spec. */
  readonly replicas: number;
  readonly ready: number;
  /** Pods that have been ready for the Deployment's minReadySeconds: what the Deployment controller counts. */
  readonly available: number;
  /** Pods that still exist, terminating ones included. */
  readonly left: number;
  /** Why pods are not ready, in their own words; null when they are, or nothing is known. */
  readonly problem: string | null;
  readonly service: {
    readonly exists: boolean;
    readonly readyEndpoints: number;
    readonly policiesInStep: boolean;
  };
}

/** The user's Deployment. */
export interface WorkloadFact {
  /** Revision of the pod template that the user wants now. */
  readonly revision: string;
  readonly generation: number;
  readonly paused: boolean;
  /** True when exactly one ReplicaSet has pods, all of them available, and it is at the Deployment's size. */
  readonly settled: boolean;
  /** True while several of its ReplicaSets have pods: a roll of its own is not complete. */
  readonly rolling: boolean;
  readonly replicas: number;
}

/** Requests by host in a window that began after the route was written. */
export interface TrafficFact {
  readonly plain: number;
  readonly stable: number;
  readonly canary: number;
}

/** The judge's opinion on one revision at this moment. */
export interface VerdictFact {
  readonly revision: string;
  readonly kind: 'Rollback' | 'Hold' | 'Advance';
  readonly reason: string;
  readonly message: string;
  /** True when every objective is shown to be kept: without that nothing is promoted. */
  readonly isShownGood: boolean;
  /** Adaptive stepping: the weight that the evidence allows now, in basis points; null where the plan says the weights. */
  readonly nextBp: number | null;
  /** When every objective is expected to be shown, in ms; null where that is unknown or never. */
  readonly expectedAt: number | null;
}

/** Whether a release may begin: every objective was found to be measurable, and its past was read. */
export type PreflightFact =
  | { readonly state: 'pending'; readonly message: string }
  /** `requestRate`: requests per second that the service has had lately; null where nobody knows. */
  | { readonly state: 'passed'; readonly requestRate: number | null }
  | { readonly state: 'failed'; readonly reason: string; readonly message: string };

/** A fault that the pods of the release see, or have seen since it began, in their own calls or in those to them. Times in ms. */
export interface FaultFact {
  /** UID of its experiment. */
  readonly id: string;
  /** Its experiment. */
  readonly namespace: string;
  readonly name: string;
  /** When it was decided to inject, before the first request was touched. */
  readonly from: number;
  /** When requests were seen to be untouched again; null before. */
  readonly until: number | null;
  /** When the cluster takes the fault away at the latest if nobody else does; null before the first fuse. */
  readonly fuseUntil: number | null;
  /** The gate of this release that it is for; null for an experiment of somebody else. */
  readonly gate: string | null;
  /** The canary does worse than stable under it, or breaks an objective that stable keeps. */
  readonly isBreached: boolean;
  /** It was told to stop. */
  readonly isStopping: boolean;
}

/** An experiment that a gate of this Rollout has made and that has not finished. */
export interface TrialFact {
  readonly namespace: string;
  readonly name: string;
  /** It is the one of the gate that is tried now. */
  readonly isPresent: boolean;
  /** It was told to stop. */
  readonly isStopping: boolean;
}

/** What became of the gate that is tried. */
export interface GateFact {
  readonly name: string;
  /** `weakBefore`: an objective is broken under the fault, by stable too. `inconclusive` holds the release. */
  readonly state: 'absent' | 'running' | 'passed' | 'failed' | 'weakBefore' | 'inconclusive';
  readonly message: string;
}

/** Why no release may begin now: a freeze, or an experiment next door. One in progress goes on. */
export interface EmbargoFact {
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
  /** When it is over by itself, in ms since the epoch; null where nobody knows. */
  readonly until: number | null;
}

/** The operator's latest request; it counts only for the revision that it names. */
export interface RequestFact {
  readonly type: 'Pause' | 'Resume' | 'Promote' | 'Abort';
  readonly revision: string;
  /** Distinguishes one request from an earlier one of the same type; empty when the writer gave none. */
  readonly id: string;
}

/** Everything the machine may know of the world, read at one moment. */
export interface Facts {
  /** The Rollout is being deleted. */
  readonly deleting: boolean;
  readonly workload: WorkloadFact | null;
  /** Revision that the Deployment runs: the only ReplicaSet it owns that has pods. Null while there are several or none. */
  readonly active: string | null;
  readonly revisions: Readonly<Record<string, RevisionFact>>;
  readonly route: ObservedRoute;
  /** False while a restored route still carries a trace of ours, because the second of the two writes is missing. */
  readonly routeRestored: boolean;
  /** True while our finalizer holds the Rollout. */
  readonly held: boolean;
  /** True once the user's route is recorded in status, so that it can be restored. */
  readonly originalKept: boolean;
  /** Null while no window after the last route write is complete. */
  readonly traffic: TrafficFact | null;
  readonly evidence: {
    readonly state: 'starting' | 'fresh' | 'stale' | 'down';
    readonly message: string;
    /** Which requests are not counted, and why; absent where none are known to be missing. */
    readonly lacks?: string;
  };
  readonly verdict: VerdictFact | null;
  readonly preflight: PreflightFact;
  readonly faults: readonly FaultFact[];
  readonly trials: readonly TrialFact[];
  /** Null while no gate is tried. */
  readonly gate: GateFact | null;
  /** Null where a release may begin. */
  readonly embargo: EmbargoFact | null;
  /** Requests that a canary has answered with a failure since it first got weight. */
  readonly failed: { readonly revision: string; readonly requests: number } | null;
  readonly request: RequestFact | null;
}

/** A revision of which nothing was found. */
export const ABSENT: RevisionFact = {
  owner: null,
  replicas: 0,
  ready: 0,
  available: 0,
  left: 0,
  problem: null,
  service: { exists: false, readyEndpoints: 0, policiesInStep: true },
};

/** What is known of a revision; `ABSENT` when nothing is. */
export function revisionFact(facts: Pick<Facts, 'revisions'>, revision: string | null | undefined): RevisionFact {
  return (revision && facts.revisions[revision]) || ABSENT;
}

/**
 * True when the route read sends the requests where the wanted one does. A foreign route that names no revision is as good as any that
 * gives the canary nothing: it is the user's own, and nothing that will be deleted is in it.
 */
export function isSameRoute(a: ObservedRoute, b: Route): boolean {
  if (a.kind === 'foreign') return !a.namesRevisions && (b.kind === 'plain' || b.canaryBp === 0);
  if (a.kind === 'plain' || b.kind === 'plain') return a.kind === b.kind;
  return a.stable === b.stable && a.canary === b.canary && a.canaryBp === b.canaryBp;
}

/** True while the release is seen under a fault: what it answers now is no evidence against it, nor for it. */
export function isUnderFault({ faults }: Pick<Facts, 'faults'>): boolean {
  return faults.some(({ until }) => until === null);
}
