import { describe, expect, it } from 'vitest';
import { baselineOf, NO_BASELINE, type PastPart } from './baseline.ts';

/** An hour in parts of 15 s with 1,500 requests each; `slowerAt` says how many of part `i` were slower than each edge. */
const hour = (slowerAt: (i: number) => readonly number[] | undefined, failuresAt: (i: number) => number = () => 1) =>
  Array.from({ length: 240 }, (_, i): PastPart => {
    const slower = slowerAt(i);
    return { at: (i + 1) * 15_000, requests: 1_500, failures: failuresAt(i), ...(slower !== undefined && { slower }) };
  });

describe('the past of stable', () => {
  it('is nothing where nothing was asked', () => {
    expect(baselineOf([])).toEqual(NO_BASELINE);
  });

  it('is summed up', () => {
    const baseline = baselineOf(hour(() => undefined));
    expect(baseline).toMatchObject({ requests: 360_000, recentRatio: 4 / 6_000 });
    expect(baseline.failureRatio).toBeCloseTo(1 / 1_500, 9);
    expect(baseline.requestRate).toBeCloseTo(100.4, 1);
  });

  it('is as bursty as the burstiest of the edges that are tested', () => {
    const even = baselineOf(hour(() => [20, 1]));
    const pauses = baselineOf(hour((i) => [i % 4 === 0 ? 80 : 0, 1]));
    expect(even.dispersion).toBe(1);
    expect(pauses.dispersion).toBeGreaterThan(20);
  });

  it('counts the rarer side of an edge that most requests are beyond', () => {
    expect(baselineOf(hour(() => [1_480, 1])).dispersion).toBe(1);
    expect(baselineOf(hour((i) => [i % 4 === 0 ? 1_420 : 1_500, 1])).dispersion).toBeGreaterThan(20);
  });
});
