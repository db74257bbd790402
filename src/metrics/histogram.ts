import { addRow, type CounterSeries, emptySeries, isCount, isNew } from './counters.ts';
import { edgesAround } from './edges.ts';
import { countWithin, isSound, nativeEdges } from './native-histogram.ts';
import type { NativeSample, RawSample } from './provider.ts';

/** How a histogram is kept: a series for each bucket, or one whose samples hold all of them. */
type Form = 'classic' | 'native';

/**
 * The buckets of one histogram, which mean something only together: samples of all of them with one timestamp make a row. A row that lacks
 * a bucket, because an answer tore its scrape apart, the value is no number or a native bucket reaches over the edge, waits for it; the
 * next row holds its growth too. One that is kept in both forms is read in its classic one where that has the objective's edge.
 */
export interface Histogram {
  /** Samples by edge (ms, the last one infinite) of which no rows have been made. */
  readonly pending: Map<number, RawSample[]>;
  /** Native samples of which no rows have been made. */
  pendingNative: readonly NativeSample[];
  /** The form of its rows; undefined before the first. */
  form: Form | undefined;
  /** Timestamp of its first sample of each form. */
  readonly seenSince: Record<Form, number>;
  /** Finite edges of its rows, rising; empty before the first. */
  edges: readonly number[];
  /** Its parts are the requests between two edges, fastest first, and at last those beyond all. Absent before the first row. */
  counter: CounterSeries | undefined;
  /** A bucket that its newest samples lack; undefined while none does. */
  lacking: Lacking | undefined;
}

/** No row could be made of the samples from `since` to `until` (ms), for want of the bucket of an edge (ms). */
export interface Lacking {
  readonly edge: number;
  readonly since: number;
  readonly until: number;
  /** A native histogram does not tell: nothing that is late can change that. */
  readonly isNative: boolean;
}

/** A late bucket has come by then: samples that lack one for longer are of a caller whose buckets were changed. */
const LATEST_BUCKET_MS = 30_000;

export function emptyHistogram(): Histogram {
  return {
    pending: new Map(),
    pendingNative: [],
    form: undefined,
    seenSince: { classic: Number.POSITIVE_INFINITY, native: Number.POSITIVE_INFINITY },
    edges: [],
    counter: undefined,
    lacking: undefined,
  };
}

/** Whether there is no row with this timestamp: polls overlap, so most have come before. */
export function isAwaited({ counter }: Histogram, at: number): boolean {
  return counter === undefined || isNew(counter, at);
}

/** Takes in a sample of the bucket of one edge that is still awaited. */
export function addBucket({ pending, seenSince }: Histogram, edge: number, sample: RawSample): void {
  if (edge === Number.POSITIVE_INFINITY) seenSince.classic = Math.min(seenSince.classic, sample.at);
  const before = pending.get(edge);
  if (before === undefined) pending.set(edge, [sample]);
  else before.push(sample);
}

/** Takes in samples of its native form, unless there are rows of all of them. */
export function addNative(histogram: Histogram, samples: readonly NativeSample[]): void {
  const { counter, seenSince } = histogram;
  const fresh = counter === undefined ? samples : samples.filter(({ at }) => isNew(counter, at));
  if (fresh.length === 0) return;
  seenSince.native = Math.min(seenSince.native, firstOf(fresh));
  histogram.pendingNative = [...histogram.pendingNative, ...fresh];
}

/** Forgets what waits. */
export function dropPending(histogram: Histogram): void {
  histogram.pending.clear();
  histogram.pendingNative = [];
}

/** Timestamp of the first sample that waits; infinite without one. */
export function pendingSince(histogram: Histogram): number {
  return Math.min(totalsSince(histogram), firstOf(histogram.pendingNative));
}

function totalsSince({ pending }: Histogram): number {
  return firstOf(pending.get(Number.POSITIVE_INFINITY) ?? []);
}

function firstOf(samples: readonly { readonly at: number }[]): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { at } of samples) first = Math.min(first, at);
  return first;
}

/**
 * The first scrape that proves where its counter began: that of its target, unless the histogram was seen in its other form before its
 * first row, for then its counts are older than their first sample in this form.
 */
export function startOf({ form, seenSince, counter }: Histogram, targetFirstScrapeAt: number): number {
  const other = form === 'native' ? seenSince.classic : seenSince.native;
  return other < (counter?.firstAt ?? 0) ? Number.POSITIVE_INFINITY : targetFirstScrapeAt;
}

/** The edges of the earliest of these histograms that has an edge at `underMs`, as far as they are read; none while there is none. */
export function chooseEdges(histograms: Iterable<Histogram>, underMs: number): readonly number[] {
  let chosen: readonly number[] = [];
  let earliest = Number.POSITIVE_INFINITY;
  for (const histogram of histograms) {
    const since = totalsSince(histogram);
    if (since >= earliest || !histogram.pending.has(underMs)) continue;
    earliest = since;
    chosen = edgesAround([...histogram.pending.keys()], underMs);
  }
  return chosen;
}

/**
 * The edges at which native histograms are read, as their samples up to `knownBy` (ms) show them, or else up to the first; none where
 * `underMs` is no edge of them. `others` are not counted: they only show edges.
 */
export function chooseNativeEdges(
  histograms: readonly Histogram[],
  others: readonly Histogram[],
  { underMs, knownBy }: { readonly underMs: number; readonly knownBy: number },
): readonly number[] {
  const own = histograms.flatMap(({ pendingNative }) => pendingNative);
  if (own.length === 0) return [];
  const until = Math.max(knownBy, firstOf(own));
  const shown = [...own, ...others.flatMap(({ pendingNative }) => pendingNative)].filter(({ at }) => at <= until);
  return nativeEdges(shown, underMs);
}

/**
 * Makes rows of what waits, at those of the chosen edges that the histogram had when its first sample became as old as `until`; none while
 * it lacks `underMs`, because its requests cannot be told apart.
 */
export function assemble(
  histogram: Histogram,
  { chosen, underMs, until }: { readonly chosen: readonly number[]; readonly underMs: number; readonly until: number },
): void {
  const { pending } = histogram;
  if (!pending.has(Number.POSITIVE_INFINITY)) pending.clear();
  if (histogram.counter === undefined) {
    if (pendingSince(histogram) > until) return;
    begin(histogram, chosen, underMs);
  }
  const { counter, edges } = histogram;
  const wanted = counter === undefined ? [underMs] : edges;
  const rows = newRows(counter, wanted, columnsOf(histogram));
  for (const { at, row } of rows) if (counter !== undefined && row !== undefined) addRow(counter, at, row);
  if (chosen.length > 0) noteLacking(histogram, wanted, rows);
  dropPending(histogram);
}

/** Settles form and edges of the rows, where there can be some. */
function begin(histogram: Histogram, chosen: readonly number[], underMs: number): void {
  const { pending, pendingNative } = histogram;
  const [first] = pendingNative;
  const edgesOf = {
    classic: chosen.filter((edge) => pending.has(edge)),
    native: chosen.filter((edge) => first !== undefined && isSound(first) && isCount(countWithin(first, edge))),
  };
  const form = (['classic', 'native'] as const).find((one) => edgesOf[one].includes(underMs));
  if (form === undefined) return;
  const edges = edgesOf[form];
  Object.assign(histogram, { form, edges, counter: emptySeries(edges.length + 1, form === 'native') });
}

/** Since when, in ms, and which bucket is missing from a caller's histogram, where it is more than late. */
export function lacks({ lacking }: Histogram): Lacking | undefined {
  if (lacking === undefined) return undefined;
  return lacking.isNative || lacking.until - lacking.since > LATEST_BUCKET_MS ? lacking : undefined;
}

function noteLacking(histogram: Histogram, wanted: readonly number[], rows: readonly Row[]): void {
  const wholeAt = histogram.counter?.at.at(-1) ?? Number.NEGATIVE_INFINITY;
  if (histogram.lacking !== undefined && histogram.lacking.since <= wholeAt) histogram.lacking = undefined;
  for (const { at, missing } of rows) {
    if (missing < 0 || at <= wholeAt) continue;
    const { edge = wanted[missing] ?? Number.NaN, since = at, until = at } = histogram.lacking ?? {};
    const isNative = isReadNative(histogram);
    histogram.lacking = { edge, since: Math.min(since, at), until: Math.max(until, at), isNative };
  }
}

/** What the samples of one timestamp make. */
interface Row {
  readonly at: number;
  /** Total and parts; undefined while it is not whole. */
  readonly row: readonly number[] | undefined;
  /** Index of the first edge whose bucket is missing; −1 when none is. */
  readonly missing: number;
}

/** What waits, by column. */
interface Columns {
  readonly totals: readonly RawSample[];
  /** Of each total, how many were at most this much; NaN where that is not known. */
  within(edge: number): readonly number[];
}

function columnsOf(histogram: Histogram): Columns {
  const { pending, pendingNative } = histogram;
  if (isReadNative(histogram)) {
    const totals = pendingNative.map(({ at, count }) => ({ at, value: count }));
    const sound = pendingNative.map(isSound);
    const within = (edge: number) =>
      pendingNative.map((sample, index) => (sound[index] ? countWithin(sample, edge) : Number.NaN));
    return { totals, within };
  }
  const totals = pending.get(Number.POSITIVE_INFINITY) ?? [];
  return { totals, within: (edge) => valuesAt(pending.get(edge) ?? [], totals) };
}

function isReadNative({ form, pending }: Histogram): boolean {
  return form === undefined ? !pending.has(Number.POSITIVE_INFINITY) : form === 'native';
}

function newRows(
  counter: CounterSeries | undefined,
  edges: readonly number[],
  { totals, within: columnAt }: Columns,
): readonly Row[] {
  const columns = edges.map(columnAt);
  const rows: Row[] = [];
  for (const [index, { at, value }] of totals.entries()) {
    if (counter !== undefined && !isNew(counter, at)) continue;
    const within = columns.map((column) => column[index] ?? Number.NaN);
    const missing = within.findIndex((count) => !isCount(count));
    rows.push({ at, row: isCount(value) && missing < 0 ? rowOf(value, within) : undefined, missing });
  }
  return rows;
}

/** The values with the timestamps of `totals`, in their order; NaN where there is none. */
function valuesAt(samples: readonly RawSample[], totals: readonly RawSample[]): readonly number[] {
  if (samples.length === totals.length && samples.every(({ at }, index) => at === totals[index]?.at)) {
    return samples.map(({ value }) => value);
  }
  const byTime = new Map(samples.map(({ at, value }) => [at, value]));
  return totals.map(({ at }) => byTime.get(at) ?? Number.NaN);
}

/** Total and parts; a bucket that counts more than a wider one was read later and is cut to it. */
function rowOf(total: number, within: readonly number[]): number[] {
  const row = [total];
  let below = 0;
  for (let column = 0; column < within.length; column++) {
    const count = Math.min(total, ...within.slice(column));
    row.push(count - below);
    below = count;
  }
  row.push(total - below);
  return row;
}
