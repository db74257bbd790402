import type { Batch } from './batch.ts';
import type { ArmCounts } from './counts.ts';
import type { ArmLatencies } from './latency.ts';
import { isSettled } from './settling.ts';

/**
 * The part of a batch in which the versions can be compared. A batch that spans a change of weight holds many requests of one version
 * from before it and few of the other, so that an outage which begins or ends with the change would look like a difference between them.
 * What one version has beyond the split of the route is taken to be from before: its good requests after a raise, its failures after a lowering,
 * so that what is wrongly left out never speaks against the canary.
 */
export function comparable(batch: Batch): Pick<Batch, 'canary' | 'stable' | 'latency'> {
  const { canary, stable, latency = null, weight, isLowered } = batch;
  if (weight == null || isSettled(batch)) return batch;
  if (isLowered === true) {
    const most = weight === 1 ? canary.requests : (stable.requests * weight) / (1 - weight);
    return {
      stable,
      canary: withoutFailures(canary, most),
      latency: latency && { ...latency, canary: withoutSlow(latency.canary, most) },
    };
  }
  const most = weight === 0 ? stable.requests : (canary.requests * (1 - weight)) / weight;
  return {
    canary,
    stable: withoutGood(stable, most),
    latency: latency && { ...latency, stable: withoutFast(latency.stable, most) },
  };
}

function withoutGood({ requests, failures }: ArmCounts, most: number): ArmCounts {
  return { requests: Math.max(failures, Math.min(requests, Math.round(most))), failures };
}

function withoutFailures({ requests, failures }: ArmCounts, most: number): ArmCounts {
  const left = Math.min(requests, Math.round(most));
  return { requests: left, failures: Math.max(0, failures - (requests - left)) };
}

function withoutFast({ requests, within }: ArmLatencies, most: number): ArmLatencies {
  const left = Math.min(requests, Math.round(most));
  return { requests: left, within: within.map((count) => Math.max(0, count - (requests - left))) };
}

function withoutSlow({ requests, within }: ArmLatencies, most: number): ArmLatencies {
  const left = Math.min(requests, Math.round(most));
  return { requests: left, within: within.map((count) => Math.min(count, left)) };
}
