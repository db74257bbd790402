import { hash } from 'node:crypto';

export type Labels = Readonly<Record<string, string>>;

/** A label set as the source writes it. */
export interface KnownSeries {
  /** JSON in UTF-8, with the marks around it. */
  readonly bytes: Buffer;
  /** Equal bytes give the same object. */
  readonly labels: Labels;
  /** What came after it last time: comparing with that costs a tenth of looking it up. */
  next: KnownSeries | undefined;
}

/** Series by their labels: a source sends the same ones again, and mostly in the same order, with every answer. */
export interface KnownLabels {
  /** The series whose labels stand at `from` between the marks; undefined when there is none, or no object of texts. */
  read(body: Buffer, from: number): KnownSeries | undefined;
}

/** What stands before and after a label set. */
export interface Marks {
  readonly before: Buffer;
  readonly after: Buffer;
}

/** Series that were not looked up for this long are forgotten, in ms; up to twice as long. */
const FORGET_AFTER_MS = 60_000;

export function createKnownLabels({ before, after }: Marks, now: () => number): KnownLabels {
  let recent = new Map<string, KnownSeries>();
  let older = new Map<string, KnownSeries>();
  /** Values that many label sets have in common are held once. */
  let texts = new Map<string, string>();
  let since = now();
  let last: KnownSeries | undefined;

  const shared = (text: string): string => {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };

  const lookUp = (bytes: Buffer): KnownSeries | undefined => {
    // The bytes themselves would have to be a string on the heap, where every collection visits them.
    const key = hash('sha256', bytes, 'base64');
    const found =
      recent.get(key) ??
      older.get(key) ??
      newSeries(bytes, readLabels(bytes.subarray(before.length, -after.length), shared));
    if (found !== undefined) recent.set(key, found);
    return found;
  };

  const forget = (): void => {
    if (now() - since <= FORGET_AFTER_MS) return;
    [older, recent, texts, since, last] = [recent, new Map(), new Map(), now(), undefined];
    for (const known of older.values()) known.next = undefined;
  };

  return {
    read(body, from) {
      const guess = last?.next;
      if (guess !== undefined && hasAt(body, from, guess.bytes)) {
        last = guess;
        return guess;
      }
      forget();
      const to = hasAt(body, from, before) ? body.indexOf(after, from) : -1;
      const known = to < 0 ? undefined : lookUp(body.subarray(from, to + after.length));
      if (last !== undefined) last.next = known;
      last = known;
      return known;
    },
  };
}

/** Whether a body holds these bytes at an offset. */
function hasAt(body: Buffer, at: number, part: Buffer): boolean {
  const to = at + part.length;
  return to <= body.length && body.compare(part, 0, part.length, at, to) === 0;
}

/** A part of a body keeps the whole of it in memory, so what is kept is a copy. */
function newSeries(part: Buffer, labels: Labels | undefined): KnownSeries | undefined {
  return labels === undefined ? undefined : { bytes: Buffer.from(part), labels, next: undefined };
}

function readLabels(part: Buffer, shared: (text: string) => string): Labels | undefined {
  const all = parsed(part.toString('utf8'));
  if (!isLabels(all)) return undefined;
  const { __name__: _, ...others } = all;
  return Object.fromEntries(Object.entries(others).map(([name, value]) => [name, shared(value)]));
}

/** True for an object of texts. */
export function isLabels(labels: unknown): labels is Record<string, string> {
  return (
    typeof labels === 'object' &&
    labels !== null &&
    !Array.isArray(labels) &&
    Object.values(labels).every((value) => typeof value === 'string')
  );
}

/** What JSON says; undefined when it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
