import { grouped } from '../../../machines/judge/index.ts';
import type { Batch, Evidence, FaultFlag } from '../../metrics/port.ts';

/** What callers' proxies counted of a fault; requests and how many of them it touched. */
export interface SeenDose {
  readonly matched: number;
  readonly faulted: number;
  /** Requests of all others to the same service, and how many of them a fault touched. */
  readonly others: number;
  readonly othersFaulted: number;
}

const NOTHING: SeenDose = { matched: 0, faulted: 0, others: 0, othersFaulted: 0 };

/** A scrape of 5 s may hold requests from before a change, and the one after it those of a proxy that learned late. */
export const SETTLING_MS = 10_000;

/** Half-width of the accepted band in standard deviations: 6 in 100,000 right doses are outside. */
const BAND_SIGMAS = 4;
/** Proxies retry and clients go away: that many requests may be counted twice or not at all. */
const SLACK = 0.01;
/** Below so many requests nobody knows how large a part the callers are. */
const MIN_REQUESTS = 100;

/** With fewer touched requests than this to be expected nothing can be told. */
const MIN_EXPECTED = 10;

/** Adds up the batches that end after `from`. */
export function seenSince(batches: readonly Batch[], from: number): SeenDose {
  return batches.reduce(
    (sum, { at, canary, stable }) =>
      at <= from
        ? sum
        : {
            matched: sum.matched + canary.requests,
            faulted: sum.faulted + canary.failures,
            others: sum.others + stable.requests,
            othersFaulted: sum.othersFaulted + stable.failures,
          },
    NOTHING,
  );
}

/** Scrapes after the last dose that still show touched requests: those of the dose, which were not counted before it was over. */
export function lateTouches(batches: readonly Batch[], until: number): readonly Batch[] {
  return batches.filter(({ at, canary }) => at > until && at <= until + SETTLING_MS && canary.failures > 0);
}

/** What the mesh also says of requests that no fault touched: it refuses by itself where limits are set. */
const ALSO_WITHOUT_FAULT: readonly FaultFlag[] = ['UO', 'RL'];

/** What to hold the dose of a fault without a share against: the baseline, or null where the flags come of faults only. */
export function ownFlags(flags: readonly FaultFlag[], baseline: SeenDose): SeenDose | null {
  return flags.some((flag) => ALSO_WITHOUT_FAULT.includes(flag)) ? baseline : null;
}

/**
 * Whether the share of touched requests is the asked one; null while too few were seen. `share` null asks only for some, and for clearly more
 * than in `baseline`, where there is one.
 */
export function isDoseProven(
  { matched, faulted }: SeenDose,
  share: number | null,
  baseline: SeenDose | null = null,
): boolean | null {
  if (share === null) {
    return faulted > 0 && (baseline === null || isClearlyMore({ matched, faulted }, baseline)) ? true : null;
  }
  const expected = matched * share;
  if (share > 0 && expected < MIN_EXPECTED) return null;
  if (share > 0 && faulted === 0) return false;
  const rarer = Math.min(expected, matched - expected);
  // Where all or none are asked, there is no rarer kind to measure the slack by.
  const slack = SLACK * (rarer > 0 ? rarer : matched);
  return Math.abs(faulted - expected) <= BAND_SIGMAS * Math.sqrt(expected * (1 - share)) + slack;
}

type Counted = Pick<SeenDose, 'matched' | 'faulted'>;

/**
 * Whether flags are more frequent than before, by four standard deviations: were both alike, the flags would fall to the two windows by their
 * requests (the conditional test of two Poisson rates). A baseline of many requests without one is calm enough; none at all tells nothing.
 */
function isClearlyMore(now: Counted, before: Counted): boolean {
  if (before.faulted === 0) return before.matched >= MIN_REQUESTS && now.faulted >= MIN_EXPECTED;
  const flags = now.faulted + before.faulted;
  const part = now.matched / (now.matched + before.matched);
  return now.faulted - flags * part > BAND_SIGMAS * Math.sqrt(flags * part * (1 - part));
}

export function isPartKnown({ matched, others }: SeenDose): boolean {
  return matched + others >= MIN_REQUESTS;
}

/**
 * Share of all requests to the target that are touched: of the callers' part so many as the dose says, or, where it says none, as were
 * seen. While too few were seen, the callers may be all there are; null where then nothing is known at all.
 */
export function touchedShare(seen: SeenDose, share: number | null): number | null {
  if (!isPartKnown(seen)) return share;
  const { matched, others, faulted } = seen;
  const all = matched + others;
  return share === null ? faulted / all : (matched / all) * share;
}

/** `101 of 2,004 requests were touched, 5 % were asked`. */
export function doseInWords({ matched, faulted }: SeenDose, share: number | null): string {
  const seen = `${grouped(faulted)} of ${grouped(matched)} requests were touched`;
  return share === null ? seen : `${seen}, ${Number((share * 100).toPrecision(4))} % were asked`;
}

/**
 * Whether no request is touched any more since the fault was removed: as the last two scrapes of every proxy say, so that one which learned
 * late is waited for. What was flagged in the baseline already does not count. Null while two scrapes after it are not in. Without any request
 * after it nothing is touched.
 */
export function isWireClean(
  { state, batches, lastSampleAt }: Evidence,
  removedAt: number,
  baseline: SeenDose = NOTHING,
): boolean | null {
  if (state !== 'fresh' || lastSampleAt === null || lastSampleAt < removedAt + SETTLING_MS) return null;
  const now = together(seenSince(batches, Math.max(removedAt, lastSampleAt - SETTLING_MS)));
  const before = together(baseline);
  return now.faulted === 0 || (before.faulted > 0 && !isClearlyMore(now, before));
}

function together({ matched, faulted, others, othersFaulted }: SeenDose): Counted {
  return { matched: matched + others, faulted: faulted + othersFaulted };
}
