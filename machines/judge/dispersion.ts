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

/** A block of the shortest length in which at least this share fails, and five times what is usual, is an outage and no clump. */
const OUTAGE_RATIO = 0.1;
const OUTAGE_FACTOR = 5;
/** With few requests a clump of two would be one: so many must fail. */
const OUTAGE_FAILURES = 10;

/** Fewer blocks than this give no mean worth the name. */
const MIN_BLOCKS = 10;

/**
 * Measures φ on stable's past, best on its last hour before the release (analysis.md 2d.2): the largest over the block lengths of
 * the mean of (x − n·p̂)² / (n·p̂). Estimated during the release it would come too late. Outages are left out: one of a minute would
 * make the judge blind for an hour, and the tests against stable tell an outage of both versions by themselves.
 */
export function measureDispersion(past: readonly PastBatch[]): Dispersion {
  const usual = withoutOutages(past);
  const measured = Math.max(1, ...BLOCKS_MS.map((blockMs) => meanSquare([...blocksOf(usual, blockMs).values()])));
  return { dispersion: Math.min(MOST_DISPERSION, measured), measured, tooBursty: measured > MOST_DISPERSION };
}

/** Leaves out blocks with an outage and those beside them, into which it may reach. */
function withoutOutages(past: readonly PastBatch[]): readonly PastBatch[] {
  const blockMs = BLOCKS_MS[0] ?? 1;
  const blocks = blocksOf(past, blockMs);
  const ratios = [...blocks.values()].map(({ requests, failures }) => failures / requests).toSorted((a, b) => a - b);
  const limit = Math.max(OUTAGE_RATIO, OUTAGE_FACTOR * (ratios[Math.floor(ratios.length / 2)] ?? 0));
  const isOutage = (key: number) => {
    const { requests = 0, failures = 0 } = blocks.get(key) ?? {};
    return failures >= OUTAGE_FAILURES && failures / requests >= limit;
  };
  return past.filter(({ at }) => ![-1, 0, 1].some((offset) => isOutage(Math.ceil(at / blockMs) + offset)));
}

function blocksOf(past: readonly PastBatch[], blockMs: number): ReadonlyMap<number, ArmCounts> {
  const blocks = new Map<number, ArmCounts>();
  for (const { at, requests, failures } of past) {
    // A batch belongs to the block in which it ends; one that ends on the border belongs to the block before it.
    const key = Math.ceil(at / blockMs);
    const block = blocks.get(key) ?? { requests: 0, failures: 0 };
    blocks.set(key, { requests: block.requests + requests, failures: block.failures + failures });
  }
  return new Map([...blocks].filter(([, { requests }]) => requests > 0));
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
