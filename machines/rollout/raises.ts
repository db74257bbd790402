import type { Batch } from '../judge/index.ts';
import type { Raise } from './context.ts';

/**
 * True where some of the requests between these times may have been answered by pods that a raise had just started: caches and compilers are
 * cold then, which is no slower version.
 */
export function isCold(
  { from, at }: { readonly from: number; readonly at: number },
  raises: readonly Raise[],
  warmupMs: number,
): boolean {
  let highestBp = 0;
  return raises.some((raise) => {
    const startsPods = raise.weightBp > highestBp;
    highestBp = Math.max(highestBp, raise.weightBp);
    return startsPods && raise.at < at && from < raise.at + warmupMs;
  });
}

/** The batch with when the canary's weight was last changed before its end, and to what: the judge's only knowledge of the route. */
export function withRaise(batch: Batch, raises: readonly Raise[]): Batch {
  const index = raises.findLastIndex(({ at }) => at <= batch.at);
  const last = raises[index];
  if (last === undefined) return batch;
  const isLowered = last.weightBp < (raises[index - 1]?.weightBp ?? 0);
  return { ...batch, raisedAt: last.at, weight: last.weightBp / 10_000, ...(isLowered && { isLowered }) };
}
