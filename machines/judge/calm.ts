import type { ArmCounts } from './counts.ts';

/** When stable last kept the objective. */
export interface Calm {
  /** ln odds that stable has breached since `at`, never negative. */
  readonly lnSince: number;
  /** End of the last batch at which nothing spoke for a breach; null before the first. */
  readonly at: number | null;
  /** End of the batch after that, which is the first that speaks for a breach; null while none does. */
  readonly brokeBy: number | null;
  /** What stable has answered since. */
  readonly counts: ArmCounts;
  /** How many of these requests may have been answered since the weight was last raised. */
  readonly requestsSinceStep: number;
  /** True from the moment at which these odds were high until they are nothing again. */
  readonly isBroken: boolean;
  /** Time at which the canary's weight was last raised, as of the newest batch; null once it was lowered. */
  readonly raisedAt: number | null;
}
