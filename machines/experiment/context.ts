import type { EndReason, SteadyStateKind } from './facts.ts';

/** One dose that was given, and what was seen of it. Times are ms since the epoch. */
export interface GivenDose {
  readonly dosePpm: number;
  /** When it was decided; null in `since` means that it was not read back yet. */
  readonly decidedAt: number;
  readonly since: number | null;
  /** When the next dose was read back, or the end was decided. */
  readonly until: number | null;
  readonly matched: number;
  readonly faulted: number;
  readonly isProven: boolean | null;
  /** In words. */
  readonly dose: string;
  /** A breach stays one, but later samples may tell of which kind; null: nothing was judged. */
  readonly steadyState: SteadyStateKind | null;
  /** In words. */
  readonly judged: string;
}

/** Why the fault was taken away. */
export type Cause =
  | EndReason
  | 'Deleted'
  | 'Denied'
  | 'NotAdmitted'
  | 'NotStarted'
  | 'BreachedBefore'
  | 'Breached'
  | 'BreachedEverywhere'
  | 'DoseExceeded'
  | 'DoseNotSeen'
  | 'FuseBurnt'
  | 'FaultGone'
  | 'FaultNotWritten'
  | 'Completed';

export type VerdictKind = 'Passed' | 'Failed' | 'Inconclusive' | 'Stopped';

export interface Outcome {
  readonly verdict: VerdictKind;
  /** CamelCase, for conditions and Events. */
  readonly reason: string;
  /** One sentence for people. */
  readonly message: string;
  /** Highest dose under which the steady state was shown to hold, in millionths; null when there is none. */
  readonly tolerancePpm: number | null;
}

/** Everything the machine remembers; stored in the ChaosExperiment's status as it is. Times are ms since the epoch. */
export interface ExperimentContext {
  /** When the present state was entered. */
  readonly since: number;
  /** The first look. */
  readonly createdAt: number | null;
  /** When the baseline began. */
  readonly startedAt: number | null;
  /** When a dose was first decided: from here on requests may be touched. */
  readonly injectedAt: number | null;
  /** Doses in the order in which they were given; the last one is the present one. */
  readonly doses: readonly GivenDose[];
  /** When a fault of ours was last read. */
  readonly faultSeenAt: number | null;
  /** Since when neither fault nor fuse has been there, while recovering. */
  readonly goneAt: number | null;
  /** Highest number of a fuse so far: names are never used twice. */
  readonly lastFuse: number;
  /** Latest end of any fuse so far. */
  readonly fuseUntil: number | null;
  /** Since when it could not be told whether to go on. */
  readonly blindSince: number | null;
  /** Set once the fault has to go. */
  readonly ended: { readonly at: number; readonly cause: Cause; readonly message: string } | null;
  /** Set once the data plane is clean. */
  readonly outcome: (Outcome & { readonly at: number }) | null;
}

export const initialContext: ExperimentContext = {
  since: 0,
  createdAt: null,
  startedAt: null,
  injectedAt: null,
  doses: [],
  faultSeenAt: null,
  goneAt: null,
  lastFuse: 0,
  fuseUntil: null,
  blindSince: null,
  ended: null,
  outcome: null,
};

/** The dose that measurements are about: the last one that was read back. */
export function measuredDose({ doses }: Pick<ExperimentContext, 'doses'>): GivenDose | null {
  return doses.findLast(({ since }) => since !== null) ?? null;
}
