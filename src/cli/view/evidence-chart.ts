import { oddsLabel, sinceInWords, timeTicks, topOf } from '../../explain/axes.ts';
import type { EvidenceLine } from '../../explain/evidence-line.ts';
import type { Paint, Tone } from './paint.ts';

export interface ChartOptions {
  /** Times at the left and at the right edge. */
  readonly from: number;
  readonly to: number;
  /** When the weight was raised, with what is to be written there. */
  readonly marks: readonly { readonly at: number; readonly label: string }[];
  /** Columns for all of it. */
  readonly columns: number;
  readonly paint: Paint;
  /** Nothing but ASCII. */
  readonly isAscii: boolean;
}

const ROWS = 8;
/** Columns for the labels of the odds, and the axis. */
const GUTTER = 8;

interface Glyphs {
  /** Parts of a cell that are filled from below, from nothing to all of it. */
  readonly bars: readonly string[];
  readonly threshold: string;
  readonly mark: string;
  readonly axis: string;
  readonly corner: string;
  readonly floor: string;
}

const UNICODE: Glyphs = { bars: [...' ▁▂▃▄▅▆▇█'], threshold: '─', mark: '┊', axis: '│', corner: '└', floor: '─' };
const ASCII: Glyphs = { bars: [' ', '.', '#'], threshold: '-', mark: ':', axis: '|', corner: '+', floor: '-' };

/** Odds over time as bars, with the line at which they decide, marks where the weight was raised, and a time axis. */
export function evidenceChart(line: EvidenceLine, options: ChartOptions): readonly string[] {
  const { paint, isAscii, marks } = options;
  const glyphs = isAscii ? ASCII : UNICODE;
  const width = Math.max(10, options.columns - GUTTER - 1);
  const columnOf = columnsOver(options, width);
  const values = valuesIn(line, columnOf, width);
  const top = topOf(values, line.threshold);
  const decidesIn = ROWS - 1 - Math.min(ROWS - 1, Math.floor((line.threshold / top) * ROWS));
  const marked = new Set(marks.map(({ at }) => columnOf(at)));
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const cells = values.map((value, column): Cell => {
      const glyph = barIn({ row, share: value / top }, glyphs.bars);
      if (glyph !== ' ') return { glyph, tone: toneOf(line, value) };
      if (row === decidesIn) return { glyph: glyphs.threshold, tone: 'strong' };
      return { glyph: marked.has(column) ? glyphs.mark : ' ', tone: 'quiet' };
    });
    return `${labelOf({ row, decidesIn, top }, line)}${glyphs.axis}${painted(cells, paint)}`;
  });
  const floor = `${oddsLabel(0).padStart(GUTTER - 1)} ${glyphs.corner}${glyphs.floor.repeat(width)}`;
  const ticks = timeTicks(options.to - options.from, Math.max(2, Math.floor(width / 12)));
  const times = placed(
    ticks.map((ms) => ({ column: columnOf(options.from + ms), text: sinceInWords(ms) })),
    width,
  );
  const weights = placed(
    marks.map(({ at, label }) => ({ column: columnOf(at), text: label })),
    width,
  );
  return [...rows, floor, lead('') + times, ...(marks.length === 0 ? [] : [lead('weight') + weights])];
}

const lead = (text: string): string => `${text.padStart(GUTTER - 1)}  `;

function columnsOver({ from, to }: ChartOptions, width: number): (at: number) => number {
  const span = Math.max(1, to - from);
  return (at) => Math.min(width - 1, Math.max(0, Math.floor(((at - from) / span) * width)));
}

/** The most in each column; evidence stays what it is until the next batch. */
function valuesIn(line: EvidenceLine, columnOf: (at: number) => number, width: number): readonly number[] {
  const values = new Array<number | undefined>(width).fill(undefined);
  for (const { at, value } of line.points) {
    const column = columnOf(at);
    values[column] = Math.max(values[column] ?? 0, value);
  }
  let last = 0;
  const end = line.points.at(-1);
  const lastColumn = end === undefined ? -1 : columnOf(end.at);
  return values.map((value, column) => {
    last = value ?? last;
    return column <= lastColumn ? last : 0;
  });
}

function barIn({ row, share }: { readonly row: number; readonly share: number }, bars: readonly string[]): string {
  const steps = bars.length - 1;
  const filled = Math.round(Math.min(1, share) * ROWS * steps) - (ROWS - 1 - row) * steps;
  return bars[Math.min(steps, Math.max(0, filled))] ?? ' ';
}

function toneOf({ kind, threshold }: EvidenceLine, value: number): Tone {
  if (value < threshold) return 'busy';
  return kind === 'harm' ? 'bad' : 'good';
}

/** The odds that decide stand at their line, others at every second row. */
function labelOf(
  { row, decidesIn, top }: { readonly row: number; readonly decidesIn: number; readonly top: number },
  { threshold }: EvidenceLine,
): string {
  const isFree = row % 2 === 0 && Math.abs(row - decidesIn) > 1;
  const text = row === decidesIn ? oddsLabel(threshold) : isFree ? oddsLabel((top * (ROWS - row)) / ROWS) : '';
  return `${text.padStart(GUTTER - 1)} `;
}

/** Texts at their columns; one that would touch the one before it is left out. */
function placed(texts: readonly { readonly column: number; readonly text: string }[], width: number): string {
  let line = '';
  for (const { column, text } of texts) {
    const start = Math.min(column, Math.max(0, width - text.length));
    if (line === '' ? start >= 0 : start > line.length + 1) line = line.padEnd(start) + text;
  }
  return line;
}

interface Cell {
  readonly glyph: string;
  readonly tone: Tone;
}

/** Neighbours in the same dress share it. */
function painted(cells: readonly Cell[], paint: Paint): string {
  const runs: { tone: Tone; text: string }[] = [];
  for (const { glyph, tone } of cells) {
    const last = runs.at(-1);
    if (last !== undefined && (last.tone === tone || glyph === ' ')) last.text += glyph;
    else runs.push({ tone, text: glyph });
  }
  return runs.map(({ tone, text }, i) => paint(tone, i === runs.length - 1 ? text.trimEnd() : text)).join('');
}
