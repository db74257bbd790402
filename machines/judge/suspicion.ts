import type { Batch } from './batch.ts';
import type { Calm } from './calm.ts';
import { type ArmCounts, addCounts, NO_COUNTS } from './counts.ts';
import { oneSampleFactors } from './one-sample.ts';
import type { JudgeParameters } from './parameters.ts';
import { beganAt, shareAfter } from './settling.ts';

/**
 * Both versions broke the objective right after a step. Whether the canary did it is found by trying: its requests are taken away, and
 * stable is watched. Time is a witness twice then: an outage of its own would have to begin with the step and to end without it.
 */
export interface Suspicion {
  /** It began so soon after the step that one recovery in time is enough to blame. */
  readonly isClose: boolean;
  /** Since when stable was surely broken, milliseconds since the epoch. */
  readonly brokeBy: number;
  /** What stable answered from then on, while the canary had its requests. */
  readonly broken: ArmCounts;
  /** What it had answered since it kept the objective last, and how much of that may have been after the step. */
  readonly breaking: ArmCounts;
  readonly requestsSinceStep: number;
  /** ln odds that stable was well again while the canary still had its requests, never negative. */
  readonly lnWellWith: number;
  /** ln odds that stable went on for longer than what the canary did lasts, never negative. */
  readonly lnLate: number;
  /** ln odds that stable keeps the objective without the canary rather than going on as it did, never negative. */
  readonly lnWell: number;
}

/** A step that breaks something does so with its first requests, or soon after; without them it ends as soon. */
const CLOSE_MS = 5_000;

/** Where scrapes are so rare that nobody knows better when it began, one coincidence is too little to blame. */
const MOST_UNKNOWN_MS = 10_000;

/** Begins to suspect the canary of what stable does since it was last calm. */
export function suspect({ at, brokeBy, raisedAt, counts, requestsSinceStep }: Calm): Suspicion {
  const isKnown = at !== null && brokeBy !== null && brokeBy - at <= MOST_UNKNOWN_MS;
  const isClose = isKnown && raisedAt !== null && at <= raisedAt + CLOSE_MS;
  const none = { lnWellWith: 0, lnLate: 0, lnWell: 0 };
  return { isClose, brokeBy: brokeBy ?? 0, broken: NO_COUNTS, breaking: counts, requestsSinceStep, ...none };
}

/**
 * What a batch makes of a suspicion. The canary is cleared by a stable version that is well again while the canary still has its
 * requests, or only later than it would be without what the canary did; one that recovers in time confirms it.
 */
export function followSuspicion(
  suspicion: Suspicion,
  batch: Batch,
  { allowed, safe }: { readonly allowed: number; readonly safe: JudgeParameters },
): Suspicion | 'Confirmed' | 'Cleared' {
  const { stable, weight, raisedAt } = batch;
  if (raisedAt == null || weight == null) return suspicion;
  const lnNeeded = -Math.log(safe.falseRollback);
  const seen = Math.max(brokenRatio(suspicion, suspicion.breaking.requests), 2 * allowed);
  // Still broken is at half of the failures, or between them and the allowed ones where those are near.
  const low = Math.max(seen / 2, Math.sqrt(allowed * seen));
  const worse = (ratio: number, boundary: number) => {
    const most = Math.min(0.99, ratio);
    return boundary >= most ? 0 : (oneSampleFactors(stable, [most], boundary)?.[0] ?? 0) / safe.dispersion;
  };
  // What the canary breaks is not broken before its step: the same failures in less time are a deeper breach.
  const depth = Math.min(1, brokenRatio(suspicion, suspicion.requestsSinceStep));
  const lnWellWith = Math.max(0, suspicion.lnWellWith - worse((depth / 2) * shareBefore(batch, raisedAt), allowed));
  if (lnWellWith >= lnNeeded) return 'Cleared';
  if (weight !== 0) return { ...withBroken(suspicion, batch), lnWellWith };
  const inTime = Math.max(allowed, seen * shareBefore(batch, raisedAt + CLOSE_MS));
  const lnLate = Math.max(0, suspicion.lnLate + (2 * inTime > seen ? 0 : worse(2 * inTime, inTime)));
  const lnWell = Math.max(0, suspicion.lnWell - worse(low, allowed));
  if (lnWell < lnNeeded) return { ...suspicion, lnWellWith, lnLate, lnWell };
  return suspicion.isClose && lnLate < lnNeeded ? 'Confirmed' : 'Cleared';
}

/** What lies wholly in the breach tells how deep it is; what it began in tells less. */
function withBroken(suspicion: Suspicion, batch: Batch): Suspicion {
  if (beganAt(batch) < suspicion.brokeBy) return suspicion;
  return { ...suspicion, broken: addCounts(suspicion.broken, batch.stable) };
}

function brokenRatio({ broken, breaking }: Suspicion, breakingRequests: number): number {
  const ratio = (failures: number, requests: number) => (requests > 0 ? failures / requests : 0);
  return Math.max(ratio(broken.failures, broken.requests), ratio(breaking.failures, breakingRequests)) || 1;
}

/** Share of the batch's time in which the canary had requests, or would have, had it lost them at this moment. */
function shareBefore(batch: Batch, moment: number): number {
  return batch.weight === 0 ? 1 - shareAfter(batch, moment) : 1;
}
