import type { SteppingParameters } from '../judge/index.ts';

/** One step of a canary release. */
export interface PlannedStep {
  /** Share of the requests for the canary, in basis points (1..10,000). */
  readonly weightBp: number;
  /** How long the canary is watched at this weight at least, in ms, from the moment the route is written. */
  readonly holdMs: number;
}

/**
 * How a release gains weight: by the user's own steps, or by the evidence, which says at each moment how much more may be risked. Then the
 * canary is watched for `dwellMs` at each weight at least, from the moment the route is written.
 */
export type Stepping =
  | {
      readonly kind: 'fixed';
      /** Ascending weights; the last one is 10,000. Never empty. */
      readonly steps: readonly PlannedStep[];
    }
  | {
      readonly kind: 'adaptive';
      readonly parameters: SteppingParameters;
      readonly dwellMs: number;
      /** The weight to begin with; null lets the traffic say it. */
      readonly firstBp: number | null;
    };

/** A fault that the canary has to bear before it gets more than a weight. */
export interface PlannedGate {
  readonly name: string;
  /** In basis points, below 10,000. */
  readonly atBp: number;
}

/** A release as the user asked for it, validated: what the machine needs to know of the spec, and nothing else. */
export interface Plan {
  readonly stepping: Stepping;
  /** In the order of their weights. */
  readonly gates: readonly PlannedGate[];
  /** How long the canary is watched at 100 % before it is promoted, in ms. */
  readonly bakeMs: number;
  /** How long pods may take to become ready before the release is rolled back, in ms. */
  readonly progressDeadlineMs: number;
  /** How long the whole release may take before `onInconclusive` decides, in ms, not counting pauses by an operator. */
  readonly deadlineMs: number;
  readonly onInconclusive: 'RollBack' | 'Hold';
  /** How long proxies are given to learn of new endpoints before a route may name them, in ms. */
  readonly propagationMs: number;
  /** How long the last route must have been written before what it no longer names is deleted, in ms. */
  readonly drainMs: number;
}
