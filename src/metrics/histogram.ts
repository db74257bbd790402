import { addRow, type CounterSeries, emptySeries, isCount, isNew } from './counters.ts';
import { edgesAround } from './edges.ts';
import type { RawSample } from './provider.ts';

/**
 * The buckets of one classic histogram, which mean something only together: samples of all of them with one timestamp make a row. A row
 * that lacks a bucket, because an answer tore its scrape apart or the value is no number, waits for it; the next row holds its growth too.
 */
export interface Histogram {
  /** Samples by edge (ms, the last one infinite) of which no rows have been made. */
  readonly pending: Map<number, readonly RawSample[]>;
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
}

/** A late bucket has come by then: samples that lack one for longer are of a caller whose buckets were changed. */
const LATEST_BUCKET_MS = 30_000;

export function emptyHistogram(): Histogram {
  return { pending: new Map(), edges: [], counter: undefined, lacking: undefined };
}

/** Takes in samples of the bucket of one edge, unless there are rows of all of them: polls overlap, so most have come before. */
export function addBucket({ pending, counter }: Histogram, edge: number, samples: readonly RawSample[]): void {
  if (samples.length === 0 || (counter !== undefined && !samples.some(({ at }) => isNew(counter, at)))) return;
  const before = pending.get(edge);
  pending.set(edge, before === undefined ? samples : [...before, ...samples]);
}

/** Timestamp of the first sample that waits; infinite without one. */
export function pendingSince({ pending }: Histogram): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { at } of pending.get(Number.POSITIVE_INFINITY) ?? []) first = Math.min(first, at);
  return first;
}

/** The edges of the earliest of these histograms that has an edge at `underMs`, as far as they are read; none while there is none. */
export function chooseEdges(histograms: Iterable<Histogram>, underMs: number): readonly number[] {
  let chosen: readonly number[] = [];
  let earliest = Number.POSITIVE_INFINITY;
  for (const histogram of histograms) {
    const since = pendingSince(histogram);
    if (since >= earliest || !histogram.pending.has(underMs)) continue;
    earliest = since;
    chosen = edgesAround([...histogram.pending.keys()], underMs);
  }
  return chosen;
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
    const edges = chosen.filter((edge) => pending.has(edge));
    if (edges.includes(underMs)) Object.assign(histogram, { edges, counter: emptySeries(edges.length + 1) });
  }
  const { counter, edges } = histogram;
  const wanted = counter === undefined ? [underMs] : edges;
  const rows = newRows(counter, wanted, pending);
  for (const { at, row } of rows) if (counter !== undefined && row !== undefined) addRow(counter, at, row);
  if (chosen.length > 0) noteLacking(histogram, wanted, rows);
  pending.clear();
}

/** Since when, in ms, and which bucket is missing from a caller's histogram, where it is more than late. */
export function lacks({ lacking }: Histogram): Lacking | undefined {
  return lacking !== undefined && lacking.until - lacking.since > LATEST_BUCKET_MS ? lacking : undefined;
}

function noteLacking(histogram: Histogram, wanted: readonly number[], rows: readonly Row[]): void {
  const wholeAt = histogram.counter?.at.at(-1) ?? Number.NEGATIVE_INFINITY;
  if (histogram.lacking !== undefined && histogram.lacking.since <= wholeAt) histogram.lacking = undefined;
  for (const { at, missing } of rows) {
    if (missing < 0 || at <= wholeAt) continue;
    const { edge = wanted[missing] ?? Number.NaN, since = at, until = at } = histogram.lacking ?? {};
    histogram.lacking = { edge, since: Math.min(since, at), until: Math.max(until, at) };
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

function newRows(
  counter: CounterSeries | undefined,
  edges: readonly number[],
  pending: Histogram['pending'],
): readonly Row[] {
  const totals = pending.get(Number.POSITIVE_INFINITY) ?? [];
  const columns = edges.map((edge) => valuesAt(pending.get(edge) ?? [], totals));
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
