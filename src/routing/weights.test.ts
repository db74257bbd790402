import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { simplifyWeights } from './weights.ts';

describe('simplified weights', () => {
  test.each([
    [
      [9500, 500],
      [95, 5],
    ],
    [
      [9999, 1],
      [9999, 1],
    ],
    [
      [7500, 2500],
      [75, 25],
    ],
    [
      [20_000, 10_000],
      [2, 1],
    ],
    [
      [0, 3],
      [0, 100],
    ],
  ])('of %j are %j', (weights, simplified) => {
    expect(simplifyWeights(weights)).toEqual(simplified);
  });

  test('have exactly the same proportions and are whole numbers', () => {
    const weights = fc
      .array(fc.nat(10_000), { minLength: 1, maxLength: 6 })
      .filter((all) => all.some((one) => one > 0));
    fc.assert(
      fc.property(weights, (before) => {
        const after = simplifyWeights(before);
        const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);
        expect(after.every(Number.isInteger)).toBe(true);
        after.forEach((weight, i) => {
          expect(weight * sum(before)).toBe((before[i] ?? 0) * sum(after));
        });
      }),
    );
  });

  test('are refused when they would need more than 32 bits, or are all 0', () => {
    expect(() => simplifyWeights([2 ** 31 - 1, 2 ** 31 - 3])).toThrow(
      expect.objectContaining({ code: 'WEIGHTS_TOO_FINE' }),
    );
    expect(() => simplifyWeights([0, 0])).toThrow(expect.objectContaining({ code: 'ROUTE_INVALID' }));
  });
});
