import type { RawSample, RawSeries } from './provider.ts';

/** The samples of many series one after the other: objects of them would be most of the garbage of a poll. */
export class SampleColumns {
  /** Timestamps in ms. */
  at = new Float64Array(1024);
  value = new Float64Array(1024);
  length = 0;

  push(at: number, value: number): void {
    if (this.length === this.at.length) {
      this.at = doubled(this.at);
      this.value = doubled(this.value);
    }
    this.at[this.length] = at;
    this.value[this.length] = value;
    this.length++;
  }
}

/** A series whose samples are those of the columns from one index up to another. */
export class ColumnSeries implements RawSeries {
  readonly labels: RawSeries['labels'];
  readonly columns: SampleColumns;
  readonly from: number;
  readonly to: number;

  constructor(labels: RawSeries['labels'], columns: SampleColumns, from: number) {
    this.labels = labels;
    this.columns = columns;
    this.from = from;
    this.to = columns.length;
  }

  /** Made anew each time: {@link eachSample} makes nothing. */
  get samples(): readonly RawSample[] {
    const samples: RawSample[] = [];
    eachSample(this, (at, value) => samples.push({ at, value }));
    return samples;
  }
}

/** Takes one sample; `at` in ms. */
export type TakeSample = (at: number, value: number) => void;

/** Hands over the samples of a series, oldest first. */
export function eachSample(series: RawSeries, take: TakeSample): void {
  if (!(series instanceof ColumnSeries)) {
    for (const { at, value } of series.samples) take(at, value);
    return;
  }
  const { columns, from, to } = series;
  for (let index = from; index < to; index++) take(columns.at[index] ?? 0, columns.value[index] ?? 0);
}

/** The timestamp of the newest sample of a series in ms; −Infinity where it has none. */
export function newestAt(series: RawSeries): number {
  const { NEGATIVE_INFINITY } = Number;
  if (!(series instanceof ColumnSeries)) {
    const { samples, histograms = samples } = series;
    return histograms.at(-1)?.at ?? NEGATIVE_INFINITY;
  }
  return series.to > series.from ? (series.columns.at[series.to - 1] ?? NEGATIVE_INFINITY) : NEGATIVE_INFINITY;
}

function doubled(column: Float64Array): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(2 * column.length);
  longer.set(column);
  return longer;
}
