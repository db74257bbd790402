import type { Batch } from '../judge/index.ts';
import type { Raise } from './context.ts';

/** The batch with when the canary's weight was last raised before its end, and to what: the judge's only knowledge of the route. */
export function withRaise(batch: Batch, raises: readonly Raise[]): Batch {
  const last = raises.findLast(({ at }) => at <= batch.at);
  return last === undefined ? batch : { ...batch, raisedAt: last.at, weight: last.weightBp / 10_000 };
}
