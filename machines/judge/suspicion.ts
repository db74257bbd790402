import type { Batch } from './batch.ts';
import type { ArmCounts } from './counts.ts';
import { oneSampleFactors } from './one-sample.ts';
import type { JudgeParameters } from './parameters.ts';

/**
 * Both versions broke the objective right after a step. Whether the canary did it is found by trying: its requests are taken away, and
 * stable is watched. Time is a witness twice then: an outage of its own would have to begin with the step and to end without it.
 */
export interface Suspicion {
  /** Stable's share of failures while it broke. */
  readonly brokenRatio: number;
  /** ln odds that stable has kept the objective since `wellSince` rather than gone on as it did, never negative. */
  readonly lnWell: number;
  /** End of the last batch without requests to the canary at which nothing spoke for that; null before the first. */
  readonly wellSince: number | null;
}

/** Begins to suspect the canary of what stable has answered since it broke. */
export function suspect({ requests, failures }: ArmCounts): Suspicion {
  return { brokenRatio: requests === 0 ? 1 : failures / requests, lnWell: 0, wellSince: null };
}

/** What a batch makes of a suspicion; nothing is learned while the canary has requests, or stable has none. */
export function followSuspicion(
  suspicion: Suspicion,
  { at, stable, weight, raisedAt }: Batch,
  { allowed, safe }: { readonly allowed: number; readonly safe: JudgeParameters },
): Suspicion | 'Confirmed' | 'Cleared' {
  if (weight !== 0 || raisedAt == null) return suspicion;
  // Still broken is at half of the failures, or between them and the allowed ones where those are near.
  const seen = Math.max(suspicion.brokenRatio, 2 * allowed);
  const broken = Math.min(0.99, Math.max(seen / 2, Math.sqrt(allowed * seen)));
  const [factor = 0] = oneSampleFactors(stable, [broken], allowed) ?? [];
  const lnWell = Math.max(0, suspicion.lnWell - factor / safe.dispersion);
  const wellSince = lnWell === 0 ? at : (suspicion.wellSince ?? raisedAt);
  if (lnWell < -Math.log(safe.falseRollback)) return { ...suspicion, lnWell, wellSince };
  return wellSince <= raisedAt + safe.blameWindowMs ? 'Confirmed' : 'Cleared';
}
