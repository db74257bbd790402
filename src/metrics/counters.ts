import type { RawSample } from './provider.ts';

/** Growth of a counter that a sample shows for the first time. */
export interface Increment {
  /** The sample's timestamp in ms: the growth happened at or before it, after the sample before. */
  readonly at: number;
  /** Above 0. */
  readonly amount: number;
}

/**
 * One counter series as far as its samples are in. Changed only by the functions of this file. The arrays run in step, by rising
 * timestamp; `growth` is the growth since the first sample ever seen, which need not be held any more.
 */
export interface CounterSeries {
  readonly at: number[];
  readonly value: number[];
  readonly growth: number[];
  firstAt: number;
  firstValue: number;
  /** Samples before this index have been asked about by `takeIncrements`. */
  next: number;
  /** Growth that has been handed out. */
  counted: number;
  /** Samples older than this have been dropped. */
  trimmedBefore: number;
}

export function emptySeries(): CounterSeries {
  return {
    at: [],
    value: [],
    growth: [],
    firstAt: Number.POSITIVE_INFINITY,
    firstValue: 0,
    next: 0,
    counted: 0,
    trimmedBefore: Number.NEGATIVE_INFINITY,
  };
}

/**
 * Takes in samples in any order, any number of times. Duplicates (same timestamp), NaN, infinite and negative values, and samples older
 * than what was trimmed are skipped: a counter's next sample holds their growth too.
 */
export function addSamples(series: CounterSeries, samples: readonly RawSample[]): void {
  for (const { at, value } of samples) {
    if (!Number.isFinite(value) || value < 0 || at < series.trimmedBefore) continue;
    const index = insertionIndex(series.at, at);
    if (series.at[index] === at) continue;
    series.at.splice(index, 0, at);
    series.value.splice(index, 0, value);
    series.growth.splice(index, 0, 0);
    regrow(series, index);
    series.next = Math.min(series.next, index);
  }
}

/**
 * The growth that samples up to `until` show and that was not handed out before; never negative, and what was handed out stays. The
 * counter started from 0 when its target was scraped before the first sample without showing it (`targetFirstScrapeAt`); else its first
 * sample is only what later ones are measured from, because its count may be old. A late sample that reveals growth adds it at the next
 * sample that shows more than was counted.
 */
export function takeIncrements(series: CounterSeries, until: number, targetFirstScrapeAt: number): Increment[] {
  const increments: Increment[] = [];
  const atStart = targetFirstScrapeAt < series.firstAt ? series.firstValue : 0;
  while (series.next < series.at.length) {
    const at = series.at[series.next] ?? 0;
    if (at > until) break;
    const total = atStart + (series.growth[series.next] ?? 0);
    if (total > series.counted) {
      increments.push({ at, amount: total - series.counted });
      series.counted = total;
    }
    series.next++;
  }
  return increments;
}

/** Growth after `from` and up to `to`, from a start at 0 when the series began in between, which the caller must know to be true. */
export function growthBetween(series: CounterSeries, from: number, to: number): number {
  const first = lastAtOrBefore(series.at, from);
  const last = lastAtOrBefore(series.at, to);
  if (last < 0) return 0;
  const end = series.growth[last] ?? 0;
  if (first >= 0) return end - (series.growth[first] ?? 0);
  // Began after `from`, unless older samples were dropped: then the oldest one held is what is measured from.
  return series.trimmedBefore > Number.NEGATIVE_INFINITY && series.at[0] !== series.firstAt
    ? end - (series.growth[0] ?? 0)
    : series.firstValue + end;
}

/** Drops samples before `before` that have been asked about, but never the newest one: later growth is measured from it. */
export function trimSeries(series: CounterSeries, before: number): void {
  const drop = Math.min(insertionIndex(series.at, before), series.next, series.at.length - 1);
  if (drop <= 0) return;
  for (const column of [series.at, series.value, series.growth]) column.splice(0, drop);
  series.next -= drop;
  series.trimmedBefore = series.at[0] ?? before;
}

/** Growth from `index` on; a value below the one before it means that the counter began again from 0. */
function regrow(series: CounterSeries, index: number): void {
  if (index === 0) {
    series.growth[0] = 0;
    series.firstAt = series.at[0] ?? Number.POSITIVE_INFINITY;
    series.firstValue = series.value[0] ?? 0;
  }
  for (let i = Math.max(1, index); i < series.at.length; i++) {
    const value = series.value[i] ?? 0;
    const previous = series.value[i - 1] ?? 0;
    series.growth[i] = (series.growth[i - 1] ?? 0) + (value < previous ? value : value - previous);
  }
}

/** First index whose timestamp is at or after `at`. New samples are nearly always the newest, so the end is tried first. */
function insertionIndex(times: readonly number[], at: number): number {
  if ((times.at(-1) ?? Number.NEGATIVE_INFINITY) < at) return times.length;
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastAtOrBefore(times: readonly number[], at: number): number {
  const index = insertionIndex(times, at);
  return times[index] === at ? index : index - 1;
}
