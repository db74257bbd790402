/** How a release ended; the words that history and Events use. */
export type OutcomeKind = 'Promoted' | 'RolledBack' | 'Aborted' | 'Superseded' | 'Reverted' | 'TakenOver' | 'Deleted';

export interface Outcome {
  readonly kind: OutcomeKind;
  /** CamelCase, for conditions and Events. */
  readonly reason: string;
  /** One sentence for people. */
  readonly message: string;
}

/** One finished release. */
export interface FinishedRelease extends Outcome {
  readonly revision: string;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Requests that the canary answered with a failure. */
  readonly failedRequests: number;
}

/** The canary was given this weight at that time. */
export interface Raise {
  readonly at: number;
  readonly weightBp: number;
}

/** A gate that does not stand in the way any more. */
export interface Gate {
  readonly name: string;
  readonly at: number;
  /** `WeakBefore`: what shows under the fault shows in stable too. */
  readonly result: 'Passed' | 'WeakBefore';
  readonly message: string;
}

/** A time in which the pods of the release saw a fault of an experiment, in ms; `until` is null while they do. */
export interface FaultWindow {
  /** UID of the experiment. */
  readonly id: string;
  readonly from: number;
  readonly until: number | null;
  readonly fuseUntil: number | null;
}

/** The release in progress. Times are ms since the epoch. */
export interface Release {
  readonly revision: string;
  readonly startedAt: number;
  /** The Deployment's size when the release began: neither version is ever sized for less. */
  readonly replicas: number;
  /** Steps taken before the present one. */
  readonly stepIndex: number;
  /** Weight that the present step asks for, in basis points. */
  readonly targetBp: number;
  /** Weight that the canary was given last, in basis points. */
  readonly weightBp: number;
  /** When the canary was first given weight; evidence counts from here. */
  readonly evidenceSince: number | null;
  /** When the canary was given another weight, and which, oldest first: a fault of both versions that begins then is the canary's. */
  readonly raises: readonly Raise[];
  /** The gate that is tried now. */
  readonly gate: { readonly name: string; readonly openedAt: number } | null;
  readonly gates: readonly Gate[];
  /** What was answered in these times is no evidence. */
  readonly faults: readonly FaultWindow[];
  /** When the release as a whole is overdue; moved on by the time in which it stands still. */
  readonly deadlineAt: number;
  /** Since when its deadline stands still: an operator paused it, a gate is tried, or a fault is injected. */
  readonly pausedAt: number | null;
  /** The operator skipped what is left of steps, holds and bake. */
  readonly isPromoted: boolean;
  /** The route was changed by somebody else: since when, and which request was the newest one then. */
  readonly foreign: { readonly since: number; readonly requestId: string | null } | null;
  /** Requests that the canary has answered with a failure so far. */
  readonly failedRequests: number;
  /** Set once the release is on its way back or done. */
  readonly outcome: (Outcome & { readonly at: number }) | null;
}

/** Everything the machine remembers; stored in the Rollout's status as it is. */
export interface RolloutContext {
  /** Revision that gets all requests at rest. */
  readonly stable: string | null;
  readonly release: Release | null;
  /** When the present state was entered. */
  readonly since: number;
  /** Since when what the present state waits for has been ready without a break. */
  readonly readySince: number | null;
  /** When the route that the present state wants was first read back from the API server. */
  readonly routeSince: number | null;
  /** Since when the canary has had fewer ready pods than its weight needs. */
  readonly unreadySince: number | null;
  /** The revision that was taken back last; it is not tried again until the template changes. */
  readonly refused: { readonly revision: string; readonly generation: number | null } | null;
  /** Newest last, at most ten. */
  readonly history: readonly FinishedRelease[];
}

export const initialContext: RolloutContext = {
  stable: null,
  release: null,
  since: 0,
  readySince: null,
  routeSince: null,
  unreadySince: null,
  refused: null,
  history: [],
};
