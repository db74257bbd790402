import type { Calm } from './calm.ts';
import { type ArmCounts, NO_COUNTS } from './counts.ts';
import { EMPTY_LATENCY, type LatencyState } from './latency.ts';
import { EMPTY_MIXTURE, type Mixture } from './mixture.ts';
import { NO_PACE, type Pace } from './pace.ts';
import { NO_PLACEBO, type PlaceboState } from './placebo.ts';
import { NO_SILENCE, type Silence } from './silence.ts';
import type { Suspicion } from './suspicion.ts';

/**
 * Everything the judge remembers of one release: running sums only, exact through JSON, and the same for the same batches in the
 * same order.
 */
export interface JudgeState {
  /** End of the newest batch, milliseconds since the epoch; null before the first. */
  readonly lastAt: number | null;
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
  /** Batches in which the canary answered something. */
  readonly canaryBatches: number;
  readonly silence: Silence;
  /** How fast canary requests have come lately. */
  readonly canaryPace: Pace;
  /** Canary fails more than `margin` times as often as stable. */
  readonly harm: Mixture;
  /** Canary fails more often than what harms nobody. */
  readonly noticeable: Mixture;
  /** Canary against stable over the recent past alone: ln odds since the last moment at which nothing spoke for it, never negative. */
  readonly recentHarm: number;
  /** Canary fails more often than the objective allows while stable does not. */
  readonly canaryBreach: Mixture;
  /** Stable fails more often than the objective allows. */
  readonly stableBreach: Mixture;
  readonly stableCalm: Calm;
  /** Canary keeps the objective, since stable has breached it: what is known from before says nothing of an outage. */
  readonly keeps: Mixture;
  /** While the canary is suspected of what broke both versions; null otherwise. */
  readonly suspicion: Suspicion | null;
  /** True once a suspicion was cleared: the next breach that begins with a step is no chance any more. */
  readonly wasCleared: boolean;
  /** Canary fails less often than what can be tolerated. */
  readonly accept: Mixture;
  readonly latency: LatencyState;
  readonly placebo: PlaceboState;
  /** When and why it was decided to roll back; later batches change nothing. */
  readonly decided: Decision | null;
}

/** The reasons for which a release is rolled back. */
export type RollbackReason = 'HarmAgainstStable' | 'SlowerThanStable' | 'SloBreach' | 'BreachSinceStep';

/** A decision to roll back. */
export interface Decision {
  /** End of the batch that decided, milliseconds since the epoch. */
  readonly at: number;
  readonly reason: RollbackReason;
}

/** Returns the judge of a release that has answered nothing. */
export function beginJudging(): JudgeState {
  return {
    lastAt: null,
    canary: NO_COUNTS,
    stable: NO_COUNTS,
    canaryBatches: 0,
    silence: NO_SILENCE,
    canaryPace: NO_PACE,
    harm: EMPTY_MIXTURE,
    noticeable: EMPTY_MIXTURE,
    recentHarm: 0,
    canaryBreach: EMPTY_MIXTURE,
    stableBreach: EMPTY_MIXTURE,
    stableCalm: {
      lnSince: 0,
      at: null,
      brokeBy: null,
      counts: NO_COUNTS,
      requestsSinceStep: 0,
      isBroken: false,
      raisedAt: null,
    },
    keeps: EMPTY_MIXTURE,
    suspicion: null,
    wasCleared: false,
    accept: EMPTY_MIXTURE,
    latency: EMPTY_LATENCY,
    placebo: NO_PLACEBO,
    decided: null,
  };
}
