import type { Batch } from '../judge/index.ts';
import type { Raise } from './context.ts';

/** The batch with when the canary's weight was last changed before its end, and to what: the judge's only knowledge of the route. */
export function withRaise(batch: Batch, raises: readonly Raise[]): Batch {
  const index = raises.findLastIndex(({ at }) => at <= batch.at);
  const last = raises[index];
  if (last === undefined) return batch;
  const isLowered = last.weightBp < (raises[index - 1]?.weightBp ?? 0);
  return { ...batch, raisedAt: last.at, weight: last.weightBp / 10_000, ...(isLowered && { isLowered }) };
}
