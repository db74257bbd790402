import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearestStable, twoSampleFactor } from './two-sample.ts';

function arms(nc: number, xc: number, ns: number, xs: number) {
  return { canary: { requests: nc, failures: xc }, stable: { requests: ns, failures: xs } };
}

function expectation([nc, ns]: readonly [number, number], truth: readonly [number, number], guess: Guess, margin = 1) {
  let sum = 0;
  for (let xc = 0; xc <= nc; xc++) {
    for (let xs = 0; xs <= ns; xs++) {
      const factor = Math.exp(twoSampleFactor(arms(nc, xc, ns, xs), guess, margin));
      sum += binomial(nc, xc, truth[0]) * binomial(ns, xs, truth[1]) * factor;
    }
  }
  return sum;
}

/** Where a guess all but touches the null, the root loses half of its digits. */
const ROUNDING = 1e-7;

type Guess = { readonly canary: number; readonly stable: number };

function binomial(n: number, x: number, p: number): number {
  let coefficient = 1;
  for (let i = 1; i <= x; i++) coefficient = (coefficient * (n - x + i)) / i;
  return coefficient * p ** x * (1 - p) ** (n - x);
}

describe('the two-sample test', () => {
  it.each([
    { counts: arms(100, 4, 900, 1), guess: { canary: 0.05, stable: 0.001 }, expected: '6.837611' },
    { counts: arms(100, 0, 900, 1), guess: { canary: 0.05, stable: 0.001 }, expected: '-1.892175' },
    // The analysis prints 22.439944; in 40 digits it is 22.43994344….
    { counts: arms(500, 50, 500, 5), guess: { canary: 0.1, stable: 0.01 }, expected: '22.439943' },
  ])('gives the reference evidence $expected', ({ counts, guess, expected }) => {
    expect(twoSampleFactor(counts, guess, 1).toFixed(6)).toBe(expected);
  });

  it.each([
    [10, 30, { canary: 0.5, stable: 0.1 }, '0.168290937'],
    [200, 1800, { canary: 0.05, stable: 0.005 }, '0.008662549'],
  ])('finds the reference nearest null with a margin of 2 for %d and %d requests', (nc, ns, guess, expected) => {
    expect(nearestStable(arms(nc, 0, ns, 0), guess, 2).toFixed(9)).toBe(expected);
  });

  it('gives the reference evidence with a margin of 2', () => {
    const guess = { canary: 0.05, stable: 0.005 };
    expect(twoSampleFactor(arms(200, 9, 1800, 10), guess, 2).toFixed(6)).toBe('4.185229');
  });

  it.each([
    [0.03, '0.959072'],
    [0.065, '1.000000'],
  ])('has the enumerated expectation where both fail with %d', (p, expected) => {
    expect(expectation([10, 30], [p, p], { canary: 0.2, stable: 0.02 }).toFixed(6)).toBe(expected);
  });

  it('has no expectation above 1 for any canary within the margin', () => {
    const ratio = fc.double({ min: 0, max: 1, noNaN: true });
    const inner = fc.double({ min: 0.001, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })),
        fc.tuple(ratio, ratio),
        fc.record({ canary: inner, stable: inner }),
        fc.constantFrom(1, 1.1, 2, 10),
        (requests, [ps, fraction], guess, margin) => {
          const pc = Math.min(1, margin * ps) * fraction;
          expect(expectation(requests, [pc, ps], guess, margin)).toBeLessThanOrEqual(1 + ROUNDING);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('says nothing from a guess that is itself harmless', () => {
    expect(twoSampleFactor(arms(100, 50, 100, 0), { canary: 0.1, stable: 0.1 }, 1)).toBe(0);
    expect(twoSampleFactor(arms(100, 50, 100, 0), { canary: 0.15, stable: 0.1 }, 2)).toBe(0);
  });
});
