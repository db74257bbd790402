import type { ArmCounts, TwoArms } from './counts.ts';
import type { LatencyBatch } from './latency.ts';

/** What both versions answered between two timestamps. */
export interface Batch extends TwoArms {
  /** End of the batch, milliseconds since the epoch. */
  readonly at: number;
  /** No request in it ended before this time, milliseconds since the epoch; absent or not finite where unknown. */
  readonly from?: number | null;
  /** When the canary's weight was last changed before the end of the batch; absent where unknown. */
  readonly raisedAt?: number | null;
  /** True when that change gave stable requests back: what both versions do then is no consequence of it. */
  readonly isLowered?: boolean;
  /** Share of the requests that the route gives to the canary at the end of the batch, from 0 to 1; absent where unknown. */
  readonly weight?: number | null;
  /** Durations of the same requests; absent where no histogram is read. */
  readonly latency?: LatencyBatch | null;
  /** Stable's counts by pod, for the placebo test; absent where the source has no pods. */
  readonly stablePods?: Readonly<Record<string, ArmCounts>> | null;
}
