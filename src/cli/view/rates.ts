import type { Rollout } from '../../api/rollout.ts';

/** Requests and failures of one version in the last seconds. */
export interface Rate {
  readonly requestsPerSecond: number;
  /** Share of failed requests, in percent; undefined when there were none at all. */
  readonly failedPercent: number | undefined;
}

/** What both versions did in the last seconds; undefined where it is not known yet. */
export interface Rates {
  readonly stable: Rate | undefined;
  readonly canary: Rate | undefined;
}

/** Turns the running counts of status into rates. */
export interface RateMeter {
  /** Takes what status says at `nowMs` and returns the rates at that moment. */
  observe(rollout: Rollout, nowMs: number): Rates;
}

const UNKNOWN: Rates = { stable: undefined, canary: undefined };

interface Sample {
  readonly atMs: number;
  readonly stable: Counts;
  readonly canary: Counts;
}

interface Counts {
  readonly requests: number;
  readonly failures: number;
}

/** Counts move with each scrape of the metrics, so a shorter span would swing between nothing and too much. */
const WINDOW_MS = 15_000;
/** A rate over a shorter time says nothing. */
const SHORTEST_MS = 4_000;

/** A meter for one Rollout; it begins anew with each release. */
export function createRateMeter(): RateMeter {
  let release: string | undefined;
  let samples: Sample[] = [];
  return {
    observe(rollout, nowMs) {
      const revision = rollout.status?.canary?.revision;
      const now = sampleOf(rollout, nowMs);
      if (revision !== release || now === undefined || isReset(samples.at(-1), now)) samples = [];
      release = revision;
      if (now === undefined) return UNKNOWN;
      // The newest sample outside of the window is where the window begins.
      const begins = samples.findLastIndex(({ atMs }) => atMs <= nowMs - WINDOW_MS);
      samples = [...samples.slice(Math.max(0, begins)), now];
      const first = samples[0];
      if (first === undefined || now.atMs - first.atMs < SHORTEST_MS) return UNKNOWN;
      // Evidence stops with the decision; that nothing is counted then does not mean that nothing is asked.
      if (now.stable.requests + now.canary.requests === first.stable.requests + first.canary.requests) return UNKNOWN;
      const seconds = (now.atMs - first.atMs) / 1000;
      return {
        stable: rateOf(first.stable, now.stable, seconds),
        canary: rateOf(first.canary, now.canary, seconds),
      };
    },
  };
}

/** All objectives count the same requests; the first that has counts speaks for them. */
function sampleOf({ status }: Rollout, atMs: number): Sample | undefined {
  const counted = status?.objectives?.find(({ canary, stable }) => canary !== undefined && stable !== undefined);
  if (counted?.canary === undefined || counted.stable === undefined) return undefined;
  return { atMs, canary: counted.canary, stable: counted.stable };
}

function isReset(before: Sample | undefined, now: Sample): boolean {
  return (
    before !== undefined &&
    (now.canary.requests < before.canary.requests || now.stable.requests < before.stable.requests)
  );
}

function rateOf(from: Counts, to: Counts, seconds: number): Rate {
  const requests = to.requests - from.requests;
  const failures = Math.max(0, to.failures - from.failures);
  return {
    requestsPerSecond: requests / seconds,
    failedPercent: requests === 0 ? undefined : (failures / requests) * 100,
  };
}
