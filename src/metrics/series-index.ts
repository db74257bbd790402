import { matchTest } from './counter-selector.ts';
import type { RawSeries } from './provider.ts';
import { keyOf } from './scrapes.ts';
import type { Sink, Tracker } from './tracked.ts';
import { sinkFor } from './tracker.ts';
import type { Shape, Want } from './wants.ts';

type Labels = Readonly<Record<string, string>>;

interface Owner {
  readonly tracker: Tracker;
  readonly want: Want;
}

/** What cannot be told apart by the labels of the shape, and who wants it. */
interface Bucket {
  readonly key: string;
  owners: readonly Owner[];
}

interface Entry {
  readonly labels: Labels;
  readonly bucket: Bucket;
  /** The owners for whom `sinks` are. */
  owners: readonly Owner[];
  sinks: readonly Sink[];
  /** The series that came after this one last time. */
  next: Entry | undefined;
}

/**
 * Knows for each series of one shape whose it is. Sources send the same series in the same order every time, so the one after the last is
 * guessed first: comparing labels costs a tenth of making a key of them.
 */
export interface SeriesIndex {
  readonly shape: Shape;
  readonly entries: Map<string, Entry>;
  readonly buckets: Map<string, Bucket>;
  readonly owners: Map<Tracker, readonly Owner[]>;
}

export function createSeriesIndex(shape: Shape): SeriesIndex {
  return { shape, entries: new Map(), buckets: new Map(), owners: new Map() };
}

/** From now on the tracker gets the samples that it wants. */
export function addOwner(index: SeriesIndex, tracker: Tracker, want: Want): void {
  const owner = { tracker, want };
  index.owners.set(tracker, [...(index.owners.get(tracker) ?? []), owner]);
  if (isLiteral(index.shape)) bucketWith(index, want.values.join('\0'));
  for (const bucket of bucketsOf(index, want)) {
    if (owns(index.shape, want, bucket)) bucket.owners = [...bucket.owners, owner];
  }
}

/** The tracker gets nothing any more. */
export function removeOwner(index: SeriesIndex, tracker: Tracker): void {
  for (const { want } of index.owners.get(tracker) ?? []) {
    for (const bucket of bucketsOf(index, want)) {
      if (bucket.owners.some((owner) => owner.tracker === tracker)) {
        bucket.owners = bucket.owners.filter((owner) => owner.tracker !== tracker);
      }
    }
  }
  index.owners.delete(tracker);
}

/** Hands samples to all that want them. */
export function distribute(index: SeriesIndex, answer: readonly RawSeries[]): void {
  let last: Entry | undefined;
  for (const series of answer) {
    const { labels } = series;
    let entry = last?.next;
    if (entry === undefined || !isSame(entry.labels, labels)) {
      entry = entryFor(index, labels);
      if (last !== undefined) last.next = entry;
    }
    last = entry;
    if (entry.owners !== entry.bucket.owners) resolve(entry);
    for (const sink of entry.sinks) sink(series);
  }
}

/** Forgets what nobody wants. */
export function sweep({ entries, buckets }: SeriesIndex): void {
  for (const [key, { bucket }] of entries) if (bucket.owners.length === 0) entries.delete(key);
  for (const [key, { owners }] of buckets) if (owners.length === 0) buckets.delete(key);
  for (const entry of entries.values()) entry.next = undefined;
}

function entryFor(index: SeriesIndex, labels: Labels): Entry {
  const key = keyOf(labels);
  const known = index.entries.get(key);
  if (known !== undefined) return known;
  const bucket = bucketWith(index, index.shape.labels.map(({ name }) => labels[name] ?? '').join('\0'));
  const entry: Entry = { labels, bucket, owners: [], sinks: [], next: undefined };
  index.entries.set(key, entry);
  return entry;
}

function resolve(entry: Entry): void {
  const { labels, bucket } = entry;
  entry.owners = bucket.owners;
  entry.sinks = bucket.owners
    .filter(({ want }) => want.when?.(labels) !== false)
    .map(({ tracker, want }) => sinkFor(tracker, want.role, labels));
}

function bucketWith(index: SeriesIndex, key: string): Bucket {
  let bucket = index.buckets.get(key);
  if (bucket === undefined) {
    bucket = { key, owners: [] };
    index.buckets.set(key, bucket);
    if (!isLiteral(index.shape))
      bucket.owners = allOwners(index).filter(({ want }) => owns(index.shape, want, { key }));
  }
  return bucket;
}

function allOwners({ owners }: SeriesIndex): readonly Owner[] {
  return [...owners.values()].flat();
}

/** With literals only one bucket can be meant; with patterns any. */
function bucketsOf(index: SeriesIndex, { values }: Want): readonly Bucket[] {
  if (!isLiteral(index.shape)) return [...index.buckets.values()];
  const bucket = index.buckets.get(values.join('\0'));
  return bucket === undefined ? [] : [bucket];
}

function owns({ labels }: Shape, { values }: Want, { key }: Pick<Bucket, 'key'>): boolean {
  const actual = key.split('\0');
  return labels.every(({ operator }, index) => {
    const test = matchTest({ label: 'value', operator, value: values[index] ?? '' });
    return test?.({ value: actual[index] ?? '' }) ?? false;
  });
}

function isLiteral({ labels }: Shape): boolean {
  return labels.every(({ operator }) => operator === '=');
}

function isSame(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  let count = 0;
  for (const name in a) {
    if (a[name] !== b[name]) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}
