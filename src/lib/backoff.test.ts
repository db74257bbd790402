import { describe, expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

const waits = (random: () => number) =>
  [1, 2, 3, 4, 100].map((failures) => backoffMs({ failures, baseMs: 100, maxMs: 1_000, random }));

describe('back-off', () => {
  test('doubles with each failure up to the longest wait', () => {
    expect(waits(() => 1)).toEqual([100, 200, 400, 800, 1_000]);
  });

  test('never falls below half of its ceiling, so that a retry is never at once', () => {
    expect(waits(() => 0)).toEqual([50, 100, 200, 400, 500]);
  });
});
