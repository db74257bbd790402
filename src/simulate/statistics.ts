/** Mean of a sample and the half-width of its 95 % interval. */
export interface Mean {
  readonly mean: number;
  readonly half: number;
}

/** A share and its 95 % interval. */
export interface Share {
  readonly hits: number;
  readonly runs: number;
  readonly low: number;
  readonly high: number;
}

const Z = 1.96;

export function meanOf(values: readonly number[]): Mean {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, half: Z * Math.sqrt(squares / Math.max(1, values.length - 1) / values.length) };
}

/** Wilson's interval: right also for no hit at all. */
export function shareOf(hits: number, runs: number): Share {
  const p = hits / runs;
  const centre = (p + (Z * Z) / (2 * runs)) / (1 + (Z * Z) / runs);
  const half = (Z / (1 + (Z * Z) / runs)) * Math.sqrt((p * (1 - p)) / runs + (Z * Z) / (4 * runs * runs));
  return { hits, runs, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** P(X ≤ x) of the standard normal; relative error about 1e-7, also far out on the left. */
export function normalBelow(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + z / 2);
  const terms = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ];
  const series = terms.reduceRight((sum, term) => sum * t + term, 0);
  const tail = (t * Math.exp(-z * z + series)) / 2;
  return x <= 0 ? tail : 1 - tail;
}

/** The value below which `share` of the sample lies, by the nearest rank; null for an empty sample. */
export function quantileOf(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
