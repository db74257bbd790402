import { measuredDose } from '../../../machines/experiment/context.ts';
import type { ExperimentFacts } from '../../../machines/experiment/facts.ts';
import { isDoseOver, nextDose, presentDose } from '../../../machines/experiment/look.ts';
import type { Standing } from '../../../machines/experiment/settle.ts';
import { percent } from '../../../machines/judge/index.ts';
import type { Evidence } from '../../metrics/port.ts';
import type { PlannedExperiment } from '../../plan/experiment-plan.ts';
import { isPartKnown, seenSince, touchedShare } from './dose.ts';

/** Every proxy was scraped twice since, in ms. */
const FULL_ROUND_MS = 15_000;

/** The parts of a plan that say how much may be touched. */
export type PlannedShare = Pick<PlannedExperiment, 'isShare' | 'mostShare' | 'plan'>;

/** What callers' proxies counted until now, in ms since the epoch. */
export interface SeenAt {
  readonly at: number;
  readonly evidence: Pick<Evidence, 'state' | 'batches'>;
}

/**
 * Why the experiment ends for its `limits.requestShare`, or null: the part of all requests is too large, or the dose that is due would make
 * it so. Pure.
 */
export function shareEnd(planned: PlannedShare, { state, context }: Standing, seen: SeenAt): ExperimentFacts['end'] {
  if (state !== 'Baseline' && state !== 'Arming' && state !== 'Injecting') return null;
  const standing = { state, context };
  const share = planned.isShare ? shareOfDose(planned, standing, seen) : shareSeen(standing, seen);
  const { mostShare } = planned;
  if (share === null || share <= mostShare) return null;
  const limit = `spec.limits.requestShare allows ${percent(mostShare)}`;
  return {
    reason: 'ShareExceeded',
    message: `${percent(share)} of all requests to the target ${state === 'Injecting' ? 'are, or would be next,' : 'would be'} touched, ${limit}: lower the ramp, or raise the limit`,
  };
}

/**
 * The dose, of the callers' part of all requests since the baseline began. While few were seen nobody knows that part: the baseline may still
 * tell, what comes after it takes the callers for all there are, and a dose that has begun was asked for before.
 */
function shareOfDose({ plan }: PlannedShare, { state, context }: Standing, { at, evidence }: SeenAt): number | null {
  const isWatching = state === 'Baseline' && at < context.since + plan.baselineMs;
  // The first scrapes may be of these callers' proxies alone.
  if (isWatching && at < context.since + FULL_ROUND_MS) return null;
  const seen = seenSince(evidence.batches, context.startedAt ?? 0);
  if (!isPartKnown(seen) && (isWatching || state === 'Injecting' || evidence.state === 'starting')) return null;
  const due = isDoseOver(context, { at, plan }) ? nextDose(context, plan) : undefined;
  const present = presentDose(context)?.dosePpm ?? Math.max(...plan.ramp.map(({ dosePpm }) => dosePpm));
  return touchedShare(seen, Math.max(due?.dosePpm ?? 0, present) / 1_000_000);
}

/** What was seen of the dose, where it says no share: before the first nothing is known. */
function shareSeen({ context }: Standing, { evidence: { batches } }: SeenAt): number | null {
  const since = measuredDose(context)?.since;
  return since == null ? null : touchedShare(seenSince(batches, since), null);
}
