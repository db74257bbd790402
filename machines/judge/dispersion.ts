import type { ArmCounts } from './counts.ts';

/** Stable's counts in one batch of its past. */
export interface PastBatch extends ArmCounts {
  /** End of the batch, milliseconds since the epoch. */
  readonly at: number;
}

/** How bursty a service's failures are. */
export interface Dispersion {
  /** φ: the number to divide evidence by, from 1 to `MOST_DISPERSION`. */
  readonly dispersion: number;
  /** φ as measured, before it was limited; 1 where too little has failed to measure it. */
  readonly measured: number;
  /** True above the limit: failures come in bursts too large for a comparison of the two versions to be trusted. */
  readonly tooBursty: boolean;
}

/** Above this a relative test says too little to be of use. */
export const MOST_DISPERSION = 20;

/** Failures may clump within seconds or wander over minutes: the worst of these block lengths counts. */
const BLOCKS_MS: readonly number[] = [15_000, 60_000, 300_000];

/** Fewer blocks than this give no mean worth the name. */
const MIN_BLOCKS = 10;

/**
 * Measures φ on stable's past, best on its last hour before the release (analysis.md 2d.2): the largest over the block lengths of
 * the mean of (x − n·p̂)² / (n·p̂). Estimated during the release it would come too late.
 */
export function measureDispersion(past: readonly PastBatch[]): Dispersion {
  const measured = Math.max(1, ...BLOCKS_MS.map((blockMs) => meanSquare(blocksOf(past, blockMs))));
  return { dispersion: Math.min(MOST_DISPERSION, measured), measured, tooBursty: measured > MOST_DISPERSION };
}

function blocksOf(past: readonly PastBatch[], blockMs: number): readonly ArmCounts[] {
  const blocks = new Map<number, ArmCounts>();
  for (const { at, requests, failures } of past) {
    // A batch belongs to the block in which it ends; one that ends on the border belongs to the block before it.
    const key = Math.ceil(at / blockMs);
    const block = blocks.get(key) ?? { requests: 0, failures: 0 };
    blocks.set(key, { requests: block.requests + requests, failures: block.failures + failures });
  }
  return [...blocks.values()].filter((block) => block.requests > 0);
}

function meanSquare(blocks: readonly ArmCounts[]): number {
  const requests = blocks.reduce((sum, block) => sum + block.requests, 0);
  const failures = blocks.reduce((sum, block) => sum + block.failures, 0);
  if (blocks.length < MIN_BLOCKS || failures === 0) return 1;
  const ratio = failures / requests;
  const squares = blocks.reduce((sum, block) => {
    const expected = block.requests * ratio;
    return sum + (block.failures - expected) ** 2 / expected;
  }, 0);
  // The mean was taken from the same blocks, which takes one degree of freedom.
  return squares / (blocks.length - 1);
}
