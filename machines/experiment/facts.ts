/** Why an experiment has to end now, whatever it is doing. */
export type EndReason =
  | 'StopRequested'
  | 'Halted'
  | 'TargetGone'
  | 'CallersGone'
  /** The release of which one version was meant. */
  | 'ReleaseOver'
  | 'FaultChanged'
  | 'ShareExceeded'
  | 'ControlPlane'
  | 'SourceDown';

/** Whether this experiment may inject, by the ledger, the locks, the policy and the vetoes; asked anew at every look. */
export interface AdmissionFact {
  /** `waiting` may become allowed by itself; `denied` ends the experiment; `unknown`: what it depends on could not be read. */
  readonly state: 'unknown' | 'allowed' | 'waiting' | 'denied';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** One fuse that exists. */
export interface FuseFact {
  readonly number: number;
  /** When the cluster burns it, in ms since the epoch. */
  readonly expiresAt: number;
  /** The fault carries an owner reference to it: only then does it hold the fault. */
  readonly isOwner: boolean;
}

/** The fault as read back from the API server. */
export interface FaultFact {
  readonly exists: boolean;
  readonly dosePpm: number | null;
  /** Somebody else changed it. */
  readonly isForeign: boolean;
  readonly fuses: readonly FuseFact[];
}

/** What callers' proxies counted of the fault in a window. */
export interface DoseFact {
  readonly matched: number;
  readonly faulted: number;
  /** Whether the share is within the band of the asked one; null while too few requests were seen to tell. */
  readonly isProven: boolean | null;
  readonly message: string;
}

/** `BreachedEverywhere`: also for users of callers that know no fault. */
export type SteadyStateKind = 'Holds' | 'Breached' | 'BreachedEverywhere' | 'Undecided';

/** The objectives, judged on the requests of the callers' own users in the same window. */
export interface SteadyStateFact {
  readonly kind: SteadyStateKind;
  readonly message: string;
}

/** Everything the machine may know of the world, read at one moment. */
export interface ExperimentFacts {
  /** The ChaosExperiment is being deleted. */
  readonly deleting: boolean;
  readonly end: { readonly reason: EndReason; readonly message: string } | null;
  readonly admission: AdmissionFact;
  readonly fault: FaultFact;
  /**
   * When the window of `dose` and `steadyState` begins: `since` of the dose that `measuredDose(context)` gave before this look. Null before
   * the first dose; then `steadyState` is about the baseline. The window ends where that dose does (`until`), so late samples still count.
   */
  readonly measuredFrom: number | null;
  readonly dose: DoseFact;
  /** The wire since the removal: false while requests are still touched, null when it cannot be told (yet). */
  readonly isClean: boolean | null;
  readonly evidence: { readonly state: 'starting' | 'fresh' | 'stale' | 'down'; readonly message: string };
  /** Null: there are no objectives, or nothing was judged yet. */
  readonly steadyState: SteadyStateFact | null;
}
