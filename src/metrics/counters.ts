/** Growth of a counter that a sample shows for the first time. */
export interface Increment {
  /** The sample's timestamp in ms: the growth happened at or before it, after the sample before. */
  readonly at: number;
  /** Timestamp of the sample that it is measured from; −Infinity where there is none. */
  readonly since: number;
  /** Above 0, or 0 where only parts grew. */
  readonly amount: number;
  /** Growth of each part; absent where the counter has none. */
  readonly parts?: readonly number[];
}

/**
 * One counter series as far as its samples are in. Changed only by the functions of this file. The arrays run in step, by rising
 * timestamp; `growth` is the growth since the first sample ever seen, which need not be held any more.
 *
 * A counter may have parts, such as the buckets of a histogram, that are scraped and reset with it: a sample is then a row of `width`
 * numbers, the total first, and rows stand one after the other in `value`, `growth` and `handedOut`.
 */
export interface CounterSeries {
  readonly width: number;
  /** Parts are read in one go with their total: one that fell proves a reset. */
  readonly isAtomic: boolean;
  readonly at: number[];
  readonly value: number[];
  /** Parts as read: what counts of them in `value` also depends on the samples before. Empty without parts. */
  readonly read: number[];
  readonly growth: number[];
  /** Growth up to each sample since the one before it, as far as handed out. */
  readonly handedOut: number[];
  firstAt: number;
  firstValue: readonly number[];
  /** The counter is known to have started from 0 after its target was first scraped. */
  isStartKnown: boolean;
  /** Samples before this index have been asked about by `takeIncrements`. */
  next: number;
  /** Growth up to the newest sample that was dropped; undefined while none was. */
  droppedGrowth: readonly number[] | undefined;
  /** Its timestamp. */
  droppedAt: number;
}

/** A counter with so many parts. */
export function emptySeries(parts = 0, isAtomic = false): CounterSeries {
  return {
    width: 1 + parts,
    isAtomic,
    at: [],
    value: [],
    read: [],
    growth: [],
    handedOut: [],
    firstAt: Number.POSITIVE_INFINITY,
    firstValue: [],
    isStartKnown: false,
    next: 0,
    droppedGrowth: undefined,
    droppedAt: Number.NEGATIVE_INFINITY,
  };
}

/**
 * Takes in samples of a counter without parts in any order, any number of times. Duplicates (same timestamp), NaN, infinite and negative
 * values, and samples older than what was dropped are skipped: a counter's next sample holds their growth too.
 */
export function addSample(series: CounterSeries, at: number, value: number): void {
  if (isNew(series, at) && isCount(value)) addRow(series, at, [value]);
}

/** Whether no sample with this timestamp is held, nor one that is newer than it was dropped. */
export function isNew(series: CounterSeries, at: number): boolean {
  if ((series.at.at(-1) ?? Number.NEGATIVE_INFINITY) < at) return true;
  const index = insertionIndex(series.at, at);
  return series.at[index] !== at && !(index === 0 && series.droppedGrowth !== undefined);
}

/** Whether a counter can have this value. */
export function isCount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** Takes in the row of a new timestamp, total first. */
export function addRow(series: CounterSeries, at: number, row: readonly number[]): void {
  const index = insertionIndex(series.at, at);
  const { width } = series;
  if (index === series.at.length) {
    series.at.push(at);
    for (const value of row) {
      series.value.push(value);
      if (width > 1) series.read.push(value);
      series.growth.push(0);
      series.handedOut.push(0);
    }
  } else {
    const zeros = row.map(() => 0);
    series.at.splice(index, 0, at);
    series.value.splice(index * width, 0, ...row);
    if (width > 1) series.read.splice(index * width, 0, ...row);
    series.growth.splice(index * width, 0, ...zeros);
    series.handedOut.splice(index * width, 0, ...zeros);
  }
  regrow(series, index);
  shareHandedOut(series, index);
  series.next = Math.min(series.next, index);
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
    const [amount = 0, ...parts] = takeRow(series, series.next);
    const since = series.at[series.next - 1] ?? series.droppedAt;
    if (series.width === 1) {
      if (amount > 0) increments.push({ at, since, amount });
    } else if (parts.some((part) => part > 0)) increments.push({ at, since, amount, parts });
  }
  return increments;
}

function takeRow(series: CounterSeries, index: number): number[] {
  const row: number[] = [];
  for (let column = 0; column < series.width; column++) {
    const cell = index * series.width + column;
    const step = stepAt(series, index, column);
    const amount = Math.max(0, step - (series.handedOut[cell] ?? 0));
    if (amount > 0) series.handedOut[cell] = step;
    row.push(amount);
  }
  return row;
}

/** Growth of the total after `from` and up to `to`, from 0 when the series began in between, which the caller must know to be true. */
export function growthBetween(series: CounterSeries, from: number, to: number): number {
  const { width } = series;
  const first = lastAtOrBefore(series.at, from);
  const last = lastAtOrBefore(series.at, to);
  if (last < 0) return 0;
  const end = series.growth[last * width] ?? 0;
  if (first >= 0) return end - (series.growth[first * width] ?? 0);
  // Began after `from`, unless older samples were dropped: then the oldest one held is what is measured from.
  return series.droppedGrowth === undefined ? (series.firstValue[0] ?? 0) + end : end - (series.growth[0] ?? 0);
}

/** Drops samples before `before` that have been asked about, but never the newest one: later growth is measured from it. */
export function trimSeries(series: CounterSeries, before: number): void {
  if ((series.at[0] ?? Number.POSITIVE_INFINITY) >= before) return;
  const drop = Math.min(insertionIndex(series.at, before), series.next, series.at.length - 1);
  if (drop <= 0) return;
  const { width } = series;
  series.droppedGrowth = series.growth.slice((drop - 1) * width, drop * width);
  series.droppedAt = series.at[drop - 1] ?? series.droppedAt;
  series.at.splice(0, drop);
  for (const rows of [series.value, series.read, series.growth, series.handedOut]) rows.splice(0, drop * width);
  series.next -= drop;
}

/** Growth of one column from the sample before `index` to the one at it. */
function stepAt(series: CounterSeries, index: number, column: number): number {
  const { width } = series;
  const growth = series.growth[index * width + column] ?? 0;
  if (index > 0) return growth - (series.growth[(index - 1) * width + column] ?? 0);
  if (series.droppedGrowth !== undefined) return growth - (series.droppedGrowth[column] ?? 0);
  return series.isStartKnown ? (series.firstValue[column] ?? 0) : 0;
}

/** A sample that came late between two others takes over what was handed out for its part of the growth. */
function shareHandedOut(series: CounterSeries, index: number): void {
  const { width, handedOut } = series;
  for (let column = 0; column < width; column++) {
    const after = handedOut[(index + 1) * width + column];
    if (after === undefined) return;
    const surplus = Math.max(0, after - stepAt(series, index + 1, column));
    handedOut[index * width + column] = surplus;
    handedOut[(index + 1) * width + column] = after - surplus;
  }
}

/** Growth from `index` on; a total below the one before it means that the counter and its parts began again from 0. */
function regrow(series: CounterSeries, index: number): void {
  const { width, at, value } = series;
  if (index === 0) {
    series.growth.fill(0, 0, width);
    series.firstAt = at[0] ?? Number.POSITIVE_INFINITY;
    series.firstValue = value.slice(0, width);
  }
  for (let row = Math.max(1, index); row < at.length; row++) {
    const isReset = fell(series, row * width) || (series.isAtomic && hasFallenPart(series, row));
    for (let column = 0; column < width; column++) regrowCell(series, row * width + column, isReset);
  }
}

function fell({ width, value }: CounterSeries, cell: number): boolean {
  return (value[cell] ?? 0) < (value[cell - width] ?? 0);
}

function hasFallenPart(series: CounterSeries, row: number): boolean {
  const { width } = series;
  for (let column = 1; column < width; column++) if (fell(series, row * width + column)) return true;
  return false;
}

function regrowCell({ width, isAtomic, value, read, growth }: CounterSeries, cell: number, isReset: boolean): void {
  const before = value[cell - width] ?? 0;
  // A part that fell while its total did not was read at another moment than its total, now or before: it has not grown since.
  if (width > 1 && !isAtomic) value[cell] = Math.max(isReset ? 0 : before, read[cell] ?? 0);
  const now = value[cell] ?? 0;
  growth[cell] = (growth[cell - width] ?? 0) + (isReset ? now : now - before);
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
