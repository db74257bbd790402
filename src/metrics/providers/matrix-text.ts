import type { RawSample, RawSeries } from '../provider.ts';

type Labels = Readonly<Record<string, string>>;

/** Label sets by their JSON text: a source sends the same ones again, and mostly in the same order, with every answer. */
export interface KnownLabels {
  /** The labels whose text begins at `from` and is followed by `mark`; undefined when there is none, or no object of texts. */
  read(text: string, from: number, mark: string): KnownText | undefined;
}

interface KnownText {
  readonly text: string;
  /** Equal texts give the same object. */
  readonly labels: Labels;
  /** What came after it last time: comparing with that costs a tenth of looking it up. */
  next: KnownText | undefined;
}

/** Labels that were not looked up for this long are forgotten, in ms; up to twice as long. */
const FORGET_AFTER_MS = 60_000;

export function createKnownLabels(now: () => number): KnownLabels {
  let recent = new Map<string, KnownText>();
  let older = new Map<string, KnownText>();
  let since = now();
  let last: KnownText | undefined;

  const lookUp = (part: string): KnownText | undefined => {
    const found = recent.get(part) ?? older.get(part);
    const known = found ?? newText(part);
    if (known !== undefined) recent.set(known.text, known);
    return known;
  };

  const forget = (): void => {
    if (now() - since <= FORGET_AFTER_MS) return;
    [older, recent, since, last] = [recent, new Map(), now(), undefined];
    for (const known of older.values()) known.next = undefined;
  };

  return {
    read(text, from, mark) {
      const guess = last?.next;
      if (guess !== undefined && text.startsWith(guess.text, from) && text.startsWith(mark, from + guess.text.length)) {
        last = guess;
        return guess;
      }
      forget();
      const to = text.indexOf(mark, from);
      const known = to < 0 ? undefined : lookUp(text.slice(from, to));
      if (last !== undefined) last.next = known;
      last = known;
      return known;
    },
  };
}

/** A part of a text keeps the whole of it in memory, so what is kept is a copy. */
function newText(part: string): KnownText | undefined {
  const labels = readLabels(part);
  return labels === undefined ? undefined : { text: Buffer.from(part).toString(), labels, next: undefined };
}

/** An answer with a matrix: what it holds, and the rest of it without. */
export interface MatrixText {
  readonly series: readonly RawSeries[];
  readonly body: unknown;
}

const RESULT = '"result":[';
const LONGEST_FRAME = 300;
const METRIC = '{"metric":';
const VALUES = ',"values":[';

/**
 * Reads an answer in the form in which Prometheus and those like it write it, without making an object of every label and sample: with
 * thousands of series that is most of the work of a poll. Undefined for any other form of JSON, and for what is none: then the slow way
 * has to be taken. No text inside quotes can hold these marks, because a quote in it is escaped.
 */
export function readMatrixText(text: string, known: KnownLabels): MatrixText | undefined {
  const begin = text.slice(0, LONGEST_FRAME).indexOf(RESULT);
  if (begin < 0) return undefined;
  const reader: Reader = { text, at: begin + RESULT.length };
  const series: RawSeries[] = [];
  while (text.charCodeAt(reader.at) === OPEN_BRACE) {
    const one = readSeries(reader, known);
    if (one === undefined) return undefined;
    series.push(one);
    if (text.charCodeAt(reader.at) !== COMMA) break;
    reader.at++;
  }
  const body = parsed(`${text.slice(0, begin + RESULT.length)}${text.slice(reader.at)}`);
  return isEmptyMatrix(body) ? { series, body } : undefined;
}

interface Reader {
  readonly text: string;
  at: number;
}

const [QUOTE, COMMA, OPEN, CLOSE, OPEN_BRACE, CLOSE_BRACE] = [...'",[]{}'].map((mark) => mark.charCodeAt(0));

function readSeries(reader: Reader, known: KnownLabels): RawSeries | undefined {
  const { text } = reader;
  if (!text.startsWith(METRIC, reader.at)) return undefined;
  const labelsFrom = reader.at + METRIC.length;
  const read = known.read(text, labelsFrom, VALUES);
  if (read === undefined) return undefined;
  const { labels } = read;
  reader.at = labelsFrom + read.text.length + VALUES.length;
  const samples: RawSample[] = [];
  while (text.charCodeAt(reader.at) === OPEN) {
    const sample = readSample(reader);
    if (sample === undefined) return undefined;
    samples.push(sample);
    if (text.charCodeAt(reader.at) !== COMMA) break;
    reader.at++;
  }
  if (text.charCodeAt(reader.at) !== CLOSE || text.charCodeAt(reader.at + 1) !== CLOSE_BRACE) return undefined;
  reader.at += 2;
  return { labels, samples };
}

/** `[1790000000.123,"17"]`. */
function readSample(reader: Reader): RawSample | undefined {
  const { text } = reader;
  const timeTo = text.indexOf(',', reader.at);
  const valueTo = text.indexOf('"', timeTo + 2);
  // Cut to whole ms, as a Date does.
  const at = Math.trunc(Number(text.slice(reader.at + 1, timeTo)) * 1000);
  const isWhole = text.charCodeAt(timeTo + 1) === QUOTE && text.charCodeAt(valueTo + 1) === CLOSE;
  if (!isWhole || !(at > 0)) return undefined;
  reader.at = valueTo + 2;
  // What is no number (NaN, +Inf) is NaN here as with the slow way.
  return { at, value: Number.parseFloat(text.slice(timeTo + 2, valueTo)) };
}

function readLabels(text: string): Labels | undefined {
  const labels = parsed(text);
  if (!isLabels(labels)) return undefined;
  const { __name__: _, ...others } = labels;
  return others;
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

function isEmptyMatrix(body: unknown): boolean {
  const { status, data } = (body ?? {}) as { status?: unknown; data?: { resultType?: unknown; result?: unknown } };
  return (
    status === 'success' && data?.resultType === 'matrix' && Array.isArray(data.result) && data.result.length === 0
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
