import { describe, expect, it } from 'vitest';
import { backOffMs, restartDelayMs } from './back-off.ts';

describe('the back-off of restarts', () => {
  it('doubles from 10 s to 5 min', () => {
    expect([1, 2, 3, 4, 5, 6, 100].map((failures) => backOffMs(failures) / 1000)).toEqual([
      10, 20, 40, 80, 160, 300, 300,
    ]);
  });

  it('restarts at once after the first crash', () => {
    expect([1, 2, 3].map((crashes) => restartDelayMs(crashes) / 1000)).toEqual([0, 10, 20]);
  });
});
