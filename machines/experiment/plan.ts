/** One dose of the ramp. */
export interface PlannedDose {
  /** Share of the matched requests that get the fault, in millionths (10,000 = 1 %). */
  readonly dosePpm: number;
  /** How long it lasts from the moment it is read back, in ms. */
  readonly forMs: number;
}

/** An experiment as the user asked for it, validated: what the machine needs to know of the spec, and nothing else. */
export interface ExperimentPlan {
  /** Never empty. */
  readonly ramp: readonly PlannedDose[];
  /** How long the steady state is watched before anything is injected, in ms. */
  readonly baselineMs: number;
  /** How long a fault outlives its controller at most, in ms; 10,000 or more. */
  readonly fuseMs: number;
  /** How long the experiment may wait for its admission, in ms; after that and the baseline it has not started. */
  readonly startWithinMs: number;
  /** False: nothing is judged, and nothing can pass. */
  readonly hasObjectives: boolean;
  /** Touched requests without which the last dose is not proven. */
  readonly minFaulted: number;
}
