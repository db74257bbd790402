import { AppError } from '../lib/errors.ts';

/** Istio holds weights and their sum as 32-bit integers. */
const MAX_TOTAL = 2 ** 31 - 1;
/** Totals that people read easily (percent, basis points), in order of preference. */
const READABLE_TOTALS = [100, 10_000] as const;

/**
 * The same proportions in the smallest readable whole numbers: summing to 100 where that is exact, else to 10,000, else as small
 * as can be. Nothing is ever rounded: a share of 0.01 % stays one. Throws where no total of 32 bits is exact.
 */
export function simplifyWeights(weights: readonly number[]): readonly number[] {
  const divisor = weights.reduce(gcd, 0);
  if (divisor === 0) throw new AppError('InvariantError', 'ROUTE_INVALID', 'every weight of a route is 0');
  const smallest = weights.map((weight) => weight / divisor);
  const total = smallest.reduce((sum, weight) => sum + weight, 0);
  if (total > MAX_TOTAL) {
    throw new AppError('ConfigError', 'WEIGHTS_TOO_FINE', 'the weights cannot be split exactly; make them rounder');
  }
  const readable = READABLE_TOTALS.find((candidate) => candidate % total === 0) ?? total;
  return smallest.map((weight) => (weight * readable) / total);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
