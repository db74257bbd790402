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
  /** Growth up to each sample since the one before it, as far as handed out. */
  readonly handedOut: number[];
  firstAt: number;
  firstValue: number;
  /** The counter is known to have started from 0 after its target was first scraped. */
  isStartKnown: boolean;
  /** Samples before this index have been asked about by `takeIncrements`. */
  next: number;
  /** Growth up to the newest sample that was dropped; undefined while none was. */
  droppedGrowth: number | undefined;
}

export function emptySeries(): CounterSeries {
  return {
    at: [],
    value: [],
    growth: [],
    handedOut: [],
    firstAt: Number.POSITIVE_INFINITY,
    firstValue: 0,
    isStartKnown: false,
    next: 0,
    droppedGrowth: undefined,
  };
}

/**
 * Takes in samples in any order, any number of times. Duplicates (same timestamp), NaN, infinite and negative values, and samples older
 * than what was dropped are skipped: a counter's next sample holds their growth too.
 */
export function addSamples(series: CounterSeries, samples: readonly RawSample[]): void {
  for (const { at, value } of samples) {
    if (!Number.isFinite(value) || value < 0) continue;
    const index = insertionIndex(series.at, at);
    const isTooOld = index === 0 && series.droppedGrowth !== undefined;
    if (isTooOld || series.at[index] === at) continue;
    series.at.splice(index, 0, at);
    series.value.splice(index, 0, value);
    series.growth.splice(index, 0, 0);
    series.handedOut.splice(index, 0, 0);
    regrow(series, index);
    shareHandedOut(series, index);
    series.next = Math.min(series.next, index);
  }
}

/**
 * The growth that samples up to `until` show and that was not handed out before; never negative, and what was handed out stays. The
 * counter started from 0 when its target was scraped before the first sample without showing it (`targetFirstScrapeAt`); else its first
 * sample is only what later ones are measured from, because its count may be old. Growth that a late sample or a late scrape reveals
 * has the timestamp of the sample that shows it.
 */
export function takeIncrements(series: CounterSeries, until: number, targetFirstScrapeAt: number): Increment[] {
  const increments: Increment[] = [];
  if (!series.isStartKnown && targetFirstScrapeAt < series.firstAt) {
    series.isStartKnown = true;
    series.next = 0;
  }
  for (; series.next < series.at.length; series.next++) {
    const at = series.at[series.next] ?? 0;
    if (at > until) break;
    const amount = stepAt(series, series.next) - (series.handedOut[series.next] ?? 0);
    if (amount <= 0) continue;
    increments.push({ at, amount });
    series.handedOut[series.next] = stepAt(series, series.next);
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
  return series.droppedGrowth === undefined ? series.firstValue + end : end - (series.growth[0] ?? 0);
}

/** Drops samples before `before` that have been asked about, but never the newest one: later growth is measured from it. */
export function trimSeries(series: CounterSeries, before: number): void {
  const drop = Math.min(insertionIndex(series.at, before), series.next, series.at.length - 1);
  if (drop <= 0) return;
  series.droppedGrowth = series.growth[drop - 1];
  for (const column of [series.at, series.value, series.growth, series.handedOut]) column.splice(0, drop);
  series.next -= drop;
}

/** Growth from the sample before `index` to the one at it. */
function stepAt(series: CounterSeries, index: number): number {
  const growth = series.growth[index] ?? 0;
  if (index > 0) return growth - (series.growth[index - 1] ?? 0);
  if (series.droppedGrowth !== undefined) return growth - series.droppedGrowth;
  return series.isStartKnown ? series.firstValue : 0;
}

/** A sample that came late between two others takes over what was handed out for its part of the growth. */
function shareHandedOut(series: CounterSeries, index: number): void {
  const after = series.handedOut[index + 1];
  if (after === undefined) return;
  const surplus = Math.max(0, after - stepAt(series, index + 1));
  series.handedOut[index] = surplus;
  series.handedOut[index + 1] = after - surplus;
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
