import { ColumnSeries, SampleColumns } from '../columns.ts';
import type { RawSeries } from '../provider.ts';
import { type KnownLabels, type Marks, parsed } from './known-series.ts';

/** An answer with a matrix: what it holds, and the rest of it without. */
export interface MatrixText {
  readonly series: readonly RawSeries[];
  readonly body: unknown;
}

const RESULT = Buffer.from('"result":[');
const LONGEST_FRAME = 300;
/** A label set stands between these. */
export const LABEL_MARKS: Marks = { before: Buffer.from('{"metric":'), after: Buffer.from(',"values":[') };
/** Numbers of so many digits are whole numbers to us, and their quotient by a power of ten is the nearest number to the text. */
const MOST_DIGITS = 15;
const POWERS = Array.from({ length: MOST_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

/**
 * Reads an answer in the form in which Prometheus and those like it write it, without making an object of every label and sample: with
 * thousands of series that is most of the work of a poll. Undefined for any other form of JSON, and for what is none: then the slow way
 * has to be taken. No text inside quotes can hold these marks, because a quote in it is escaped.
 */
export function readMatrixText(body: Buffer, known: KnownLabels): MatrixText | undefined {
  const begin = body.subarray(0, LONGEST_FRAME).indexOf(RESULT);
  if (begin < 0) return undefined;
  const reader: Reader = { body, at: begin + RESULT.length };
  const series: RawSeries[] = [];
  const columns = new SampleColumns();
  while (body[reader.at] === OPEN_BRACE) {
    const one = readSeries(reader, known, columns);
    if (one === undefined) return undefined;
    series.push(one);
    if (body[reader.at] !== COMMA) break;
    reader.at++;
  }
  const frame = parsed(`${body.toString('utf8', 0, begin + RESULT.length)}${body.toString('utf8', reader.at)}`);
  return isEmptyMatrix(frame) ? { series, body: frame } : undefined;
}

interface Reader {
  readonly body: Buffer;
  at: number;
}

const [QUOTE, COMMA, OPEN, CLOSE, OPEN_BRACE, CLOSE_BRACE] = [...Buffer.from('",[]{}')];
const [ZERO, NINE, POINT] = [48, 57, 46];

function readSeries(reader: Reader, known: KnownLabels, columns: SampleColumns): RawSeries | undefined {
  const { body } = reader;
  const read = known.read(body, reader.at);
  if (read === undefined) return undefined;
  reader.at += read.bytes.length;
  const from = columns.length;
  while (body[reader.at] === OPEN) {
    if (!readSample(reader, columns)) return undefined;
    if (body[reader.at] !== COMMA) break;
    reader.at++;
  }
  if (body[reader.at] !== CLOSE || body[reader.at + 1] !== CLOSE_BRACE) return undefined;
  reader.at += 2;
  return new ColumnSeries(read.labels, columns, from);
}

/** `[1790000000.123,"17"]`; false for anything else. */
function readSample(reader: Reader, columns: SampleColumns): boolean {
  const { body } = reader;
  const timeTo = endOfNumber(body, reader.at + 1, COMMA);
  if (body[timeTo + 1] !== QUOTE) return false;
  const valueTo = endOfNumber(body, timeTo + 2, QUOTE);
  if (body[valueTo + 1] !== CLOSE) return false;
  // Cut to whole ms, as a Date does.
  const at = Math.trunc(numberAt(body, reader.at + 1, timeTo) * 1000);
  if (!(at > 0)) return false;
  reader.at = valueTo + 2;
  columns.push(at, numberAt(body, timeTo + 2, valueTo));
  return true;
}

/** Where the mark is; the end of the body when it is not there. */
function endOfNumber(body: Buffer, from: number, mark: number | undefined): number {
  let to = from;
  while (to < body.length && body[to] !== mark) to++;
  return to;
}

/** What `Number.parseFloat` makes of the text: what is no number (NaN, +Inf) is NaN here as with the slow way. */
function numberAt(body: Buffer, from: number, to: number): number {
  let whole = 0;
  let point = to;
  if (to <= from || to - from > MOST_DIGITS) return Number.parseFloat(body.toString('latin1', from, to));
  for (let at = from; at < to; at++) {
    const byte = body[at] ?? 0;
    if (byte >= ZERO && byte <= NINE) whole = whole * 10 + byte - ZERO;
    else if (byte === POINT && point === to && at > from) point = at;
    else return Number.parseFloat(body.toString('latin1', from, to));
  }
  return point === to ? whole : whole / (POWERS[to - point - 1] ?? 1);
}

function isEmptyMatrix(body: unknown): boolean {
  const { status, data } = (body ?? {}) as { status?: unknown; data?: { resultType?: unknown; result?: unknown } };
  return (
    status === 'success' && data?.resultType === 'matrix' && Array.isArray(data.result) && data.result.length === 0
  );
}
