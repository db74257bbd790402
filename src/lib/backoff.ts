import type { Random } from './random.ts';

export interface BackoffOptions {
  /** How many tries have failed so far; 1 after the first failure. */
  readonly failures: number;
  /** Wait after the first failure, in ms. */
  readonly baseMs: number;
  /** Longest wait, in ms. */
  readonly maxMs: number;
  readonly random: Random;
}

/**
 * How long to wait in ms before the next try: doubles with each failure up to `maxMs`. The lower half is fixed, so that a retry
 * is never at once; the upper half is random, so that many who failed together do not come back together.
 */
export function backoffMs({ failures, baseMs, maxMs, random }: BackoffOptions): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(Math.max(0, failures - 1), 30));
  return ceiling / 2 + (ceiling / 2) * random();
}
