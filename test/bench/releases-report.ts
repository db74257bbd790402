import type { Bound, ReleaseCase } from './releases-cases.ts';
import type { Run } from './releases-measure.ts';

/** One line of the closing table. */
export interface Summary {
  readonly case: string;
  readonly text: string;
  readonly ok: boolean;
}

/** What the runs of a case say about each of its bounds, and whether all ended as they should. */
export function summarise(name: string, plan: ReleaseCase, runs: readonly Run[]): readonly Summary[] {
  if (runs.length === 0) return [{ case: name, text: `${plan.title}: not run`, ok: false }];
  const asExpected = runs.filter((run) => run.outcome === plan.expected && hasHeld(plan, run)).length;
  const outcome = {
    case: name,
    text: `${plan.title}: ${asExpected} of ${runs.length} ${plan.expected}`,
    ok: asExpected === runs.length,
  };
  return [outcome, ...plan.bounds.map((bound) => ({ case: name, ...summariseBound(bound, runs) }))];
}

/** During an outage a release stays where it was. */
function hasHeld({ outageMs }: ReleaseCase, { seen }: Run): boolean {
  return outageMs === undefined || /^Holding 1:/.test(seen ?? '');
}

function summariseBound({ figure, median, worst }: Bound, runs: readonly Run[]): Omit<Summary, 'case'> {
  // A figure that a run does not have is worse than any bound.
  const sorted = runs.map((run) => run[figure] ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const seenWorst = sorted.at(-1) ?? Number.POSITIVE_INFINITY;
  const seenMedian = medianOf(sorted);
  return {
    text: `  ${figure}: median ${beside(seenMedian, median)}, worst ${beside(seenWorst, worst)}`,
    ok: seenWorst <= (worst ?? Number.POSITIVE_INFINITY) && seenMedian <= (median ?? Number.POSITIVE_INFINITY),
  };
}

function beside(seen: number, allowed: number | undefined): string {
  return allowed === undefined ? `${seen}` : `${seen} (≤ ${allowed})`;
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.POSITIVE_INFINITY;
  const high = sorted[Math.floor(middle)] ?? Number.POSITIVE_INFINITY;
  return Math.round(50 * (low + high)) / 100;
}

/** The table at the end. */
export function tableOf(summaries: readonly Summary[]): string {
  const width = Math.max(0, ...summaries.map((summary) => summary.case.length));
  return summaries
    .map(({ case: name, text, ok }) => `${ok ? 'ok  ' : 'MISS'} ${name.padEnd(width)} ${text}`)
    .join('\n');
}
