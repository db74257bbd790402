import { describe, expect, it } from 'vitest';
import { isCold } from './raises.ts';

const RAISES = [
  { at: 100_000, weightBp: 1_000 },
  { at: 200_000, weightBp: 10_000 },
  { at: 300_000, weightBp: 1_000 },
  { at: 400_000, weightBp: 5_000 },
];
const WARMUP_MS = 10_000;

describe('requests may have been answered by cold pods', () => {
  it.each([
    ['before the first raise', 80_000, 100_000, false],
    ['right after it', 100_000, 105_000, true],
    ['from before it, in a scrape that is rare', 90_000, 120_000, true],
    ['once they are warm, in a scrape that reaches back', 105_000, 120_000, true],
    ['once they are warm', 110_000, 125_000, false],
    ['after a later raise, which starts more pods', 195_000, 201_000, true],
    ['after a step back, which starts none', 300_000, 305_000, false],
    ['after a raise up to what it had before', 400_000, 405_000, false],
    ['from when nobody knows', Number.NEGATIVE_INFINITY, 190_000, true],
  ] as const)('%s', (_, from, at, cold) => {
    expect(isCold({ from, at }, RAISES, WARMUP_MS)).toBe(cold);
  });

  it('never without a warm-up', () => {
    expect(isCold({ from: 100_000, at: 105_000 }, RAISES, 0)).toBe(false);
  });
});
