import type { Mean, Share } from '../../src/simulate/statistics.ts';

/**
 * One line of the report; `ok` is null where the analysis has nothing to compare with, and `open` where so few runs can neither show nor
 * refute the claim.
 */
export interface Line {
  readonly ok: boolean | 'open' | null;
  readonly text: string;
}

/** How far a figure may lie above the table's before it counts as worse: what issue and analysis allow. */
const ALLOWED = 1.15;

/** A duration or a number of failures against the table. Better is as good as equal for our own rule, but not for a rival's. */
export function meanLine(label: string, table: number | null, { mean, half }: Mean, isOurs: boolean): Line {
  const here = `${digits(mean)} ±${digits(half)}`;
  if (table === null) return { ok: null, text: `${label} ${here}` };
  // The table is rounded, which matters where it has one digit.
  const rounding = table < 10 ? 0.05 : 0.5;
  const isLow = mean + half >= (table - rounding) / ALLOWED;
  const isHigh = mean - half <= (table + rounding) * ALLOWED;
  return {
    ok: isHigh && (isOurs || isLow),
    text: `${label} ${here} (table ${digits(table)}, ratio ${(mean / table).toFixed(2)})`,
  };
}

/** A share of rollbacks against the table, or against what is allowed at most: shown where the whole interval is below. */
export function shareLine(
  label: string,
  table: { readonly is: number } | { readonly most: number } | null,
  share: Share,
): Line {
  const { hits, runs, low, high } = share;
  const here = `${percent(hits / runs)} [${percent(low)}–${percent(high)}]`;
  if (table === null) return { ok: null, text: `${label} ${here}` };
  if ('most' in table) {
    const ok = high <= table.most ? true : low > table.most ? false : 'open';
    return { ok, text: `${label} ${here} (allowed ${percent(table.most)})` };
  }
  const slack = 0.01 + 0.02 * table.is;
  return {
    ok: table.is >= low - slack && table.is <= high + slack,
    text: `${label} ${here} (table ${percent(table.is)})`,
  };
}

/** A figure that must be one number. */
export function exactLine(label: string, expected: string, found: string): Line {
  return { ok: expected === found, text: `${label} ${found} (expected ${expected})` };
}

export function printSection(title: string, lines: readonly Line[]): void {
  console.log(`\n${title}`);
  for (const { ok, text } of lines) console.log(`  ${WORDS[`${ok}`]} ${text}`);
}

const WORDS = { true: 'ok    ', false: 'DIFFER', open: 'open  ', null: '      ' } as const;

export function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
