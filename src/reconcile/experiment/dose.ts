import { grouped } from '../../../machines/judge/index.ts';
import type { Batch, Evidence } from '../../metrics/port.ts';

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

/** Whether the share of touched requests is the asked one; null while too few were seen. `share` null asks only for some. */
export function isDoseProven({ matched, faulted }: SeenDose, share: number | null): boolean | null {
  if (share === null) return faulted > 0 ? true : null;
  const expected = matched * share;
  if (share > 0 && expected < MIN_EXPECTED) return null;
  const band = BAND_SIGMAS * Math.sqrt(matched * share * (1 - share)) + SLACK * matched;
  return Math.abs(faulted - expected) <= band;
}

/** Below so many requests nobody knows how large a part the callers are. */
const MIN_REQUESTS = 100;

/**
 * Share of all requests to the target that are touched: of the callers' part so many as the dose says, or, where it says none, as were
 * seen. Null while too few were seen.
 */
export function touchedShare({ matched, others, faulted }: SeenDose, share: number | null): number | null {
  const all = matched + others;
  if (all < MIN_REQUESTS) return null;
  return share === null ? faulted / all : (matched / all) * share;
}

/** `101 of 2,004 requests were touched, 5 % were asked`. */
export function doseInWords({ matched, faulted }: SeenDose, share: number | null): string {
  const seen = `${grouped(faulted)} of ${grouped(matched)} requests were touched`;
  return share === null ? seen : `${seen}, ${Number((share * 100).toPrecision(4))} % were asked`;
}

/**
 * Whether no request is touched any more since the fault was removed: as the last two scrapes of every proxy say, so that one which learned
 * late is waited for. Null while two scrapes after it are not in. Without any request after it nothing is touched.
 */
export function isWireClean({ state, batches, lastSampleAt }: Evidence, removedAt: number): boolean | null {
  if (state !== 'fresh' || lastSampleAt === null || lastSampleAt < removedAt + SETTLING_MS) return null;
  const { faulted, othersFaulted } = seenSince(batches, Math.max(removedAt, lastSampleAt - SETTLING_MS));
  return faulted + othersFaulted === 0;
}
