import type { Batch } from './batch.ts';
import type { ArmCounts } from './counts.ts';
import { isSettled } from './settling.ts';

/**
 * How long each version has been silent, counted in the requests that it should have had since its last one: batches may be short and
 * requests few, so that three batches without any say nothing.
 */
export interface Silence {
  /** Canary requests that stable's traffic and the canary's share let expect since the last one. */
  readonly canaryMissed: number;
  /** The same for stable. */
  readonly stableMissed: number;
  /** Batches since stable last answered anything. */
  readonly stableBatches: number;
  /** Share of the requests that the route gives to the canary, from 0 to 1; null where no batch said so. */
  readonly share: number | null;
}

/** Nobody has been silent yet. */
export const NO_SILENCE: Silence = { canaryMissed: 0, stableMissed: 0, stableBatches: 0, share: null };

/** So many expected requests stay away by chance with probability e^−10, 1 in 20,000. */
const MISSED = 10;

/** At 100 % stable is expected to be silent; proxies that learn of the route late still ask it. */
const GONE_BATCHES = 3;

/** Takes one batch into account; `before` is what both versions answered until then, which tells the share where no weight is known. */
export function addToSilence(silence: Silence, batch: Batch, before: Seen): Silence {
  const weight = batch.weight ?? null;
  const share = weight ?? seenShare(before);
  const isSplit = isSettled(batch) && share > 0 && share < 1;
  const expectedCanary = isSplit ? (batch.stable.requests * share) / (1 - share) : 0;
  const expectedStable = isSplit ? (batch.canary.requests * (1 - share)) / share : 0;
  return {
    canaryMissed: batch.canary.requests > 0 ? 0 : silence.canaryMissed + expectedCanary,
    stableMissed: batch.stable.requests > 0 ? 0 : silence.stableMissed + expectedStable,
    stableBatches: batch.stable.requests > 0 ? 0 : silence.stableBatches + 1,
    share: weight,
  };
}

/** True when the canary should have answered so many requests that chance cannot be why it has not. */
export function canaryIsStarved({ canaryMissed }: Silence): boolean {
  return canaryMissed >= MISSED;
}

/** True when stable has no traffic any more, so that only the canary is left to look at, as at weight 100 %. */
export function stableIsGone({ silence, stable }: { readonly silence: Silence; readonly stable: ArmCounts }): boolean {
  const isMissed = silence.stableMissed >= MISSED;
  if (silence.share === null) return stable.requests === 0 || isMissed;
  if (silence.share < 1) return isMissed;
  return stable.requests === 0 || silence.stableBatches >= GONE_BATCHES;
}

interface Seen {
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
}

function seenShare({ canary, stable }: Seen): number {
  const total = canary.requests + stable.requests;
  return total === 0 ? 0 : canary.requests / total;
}
