import type { ArmCounts } from './counts.ts';

const BREACH_MULTIPLES: readonly number[] = [
  1.5, 2, 3, 5, 8, 12, 20, 35, 60, 90, 200, 500, 1000, 3000, 10_000, 30_000, 100_000,
];
const NEARLY_ALL = 0.99;
const ACCEPT_MULTIPLES: readonly number[] = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5];

/** Returns the failure ratios above the allowed one that a test for a breach bets on, up to nearly every request. */
export function breachGrid(allowed: number): readonly number[] {
  return [...BREACH_MULTIPLES.map((multiple) => allowed * multiple).filter((ratio) => ratio < 0.95), NEARLY_ALL];
}

/** Returns the failure ratios below the tolerable one that the accept test bets on (analysis.md 2d.8). */
export function acceptGrid(tolerable: number): readonly number[] {
  return ACCEPT_MULTIPLES.map((multiple) => tolerable * multiple);
}

/**
 * Returns ln of the factor of one batch for each ratio: the odds of these failures at that ratio against those at `boundary`. With
 * ratios above the boundary they speak against "at most the boundary" (analysis.md 2b), with ratios below against "at least the
 * boundary" (2d.8). Null where nothing was asked.
 */
export function oneSampleFactors(
  counts: ArmCounts,
  ratios: readonly number[],
  boundary: number,
): readonly number[] | null {
  if (counts.requests === 0) return null;
  const successes = counts.requests - counts.failures;
  return ratios.map(
    (ratio) => counts.failures * Math.log(ratio / boundary) + successes * (Math.log1p(-ratio) - Math.log1p(-boundary)),
  );
}
