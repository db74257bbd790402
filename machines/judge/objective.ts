import type { ArmCounts } from './counts.ts';

const MULTIPLES: readonly number[] = [
  1.5, 2, 3, 5, 8, 12, 20, 35, 60, 90, 200, 500, 1000, 3000, 10_000, 30_000, 100_000,
];
const NEARLY_ALL = 0.99;

/** Returns the failure ratios above the allowed one that the test bets on, up to nearly every request. */
export function breachGrid(allowed: number): readonly number[] {
  return [...MULTIPLES.map((multiple) => allowed * multiple).filter((ratio) => ratio < 0.95), NEARLY_ALL];
}

/**
 * Returns ln of the factor of one batch for each ratio: the odds of these failures at that ratio against the allowed one
 * (analysis.md 2b). Null where nothing was asked.
 */
export function breachFactors(counts: ArmCounts, ratios: readonly number[], allowed: number): readonly number[] | null {
  if (counts.requests === 0) return null;
  const successes = counts.requests - counts.failures;
  return ratios.map(
    (ratio) => counts.failures * Math.log(ratio / allowed) + successes * (Math.log1p(-ratio) - Math.log1p(-allowed)),
  );
}
