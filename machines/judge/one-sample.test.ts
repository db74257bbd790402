import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logSumExp } from './log-space.ts';
import { acceptGrid, breachGrid, oneSampleFactors } from './one-sample.ts';

/** The conjugate form of analysis.md 2b and 2d.8 (prior Beta ½,½ cut at the boundary): the oracle of the grid form. */
function lnConjugate(n: number, x: number, boundary: number, side: 'above' | 'below'): number {
  const [a, b] = [0.5, 0.5];
  const lnTail = (alpha: number, beta: number) =>
    side === 'above' ? lnIncompleteBeta(1 - boundary, beta, alpha) : lnIncompleteBeta(boundary, alpha, beta);
  const likelihood = x * Math.log(boundary) + (n - x) * Math.log1p(-boundary);
  return lnTail(a + x, b + n - x) - lnTail(a, b) - likelihood;
}

/** ln of the incomplete beta integral from 0 to x of t^(a−1) (1−t)^(b−1), by its continued fraction. */
function lnIncompleteBeta(x: number, a: number, b: number): number {
  if (x > (a + 1) / (a + b + 2)) {
    const lnWhole = lnGamma(a) + lnGamma(b) - lnGamma(a + b);
    return lnWhole + Math.log1p(-Math.exp(lnIncompleteBeta(1 - x, b, a) - lnWhole));
  }
  const lnFront = a * Math.log(x) + b * Math.log1p(-x) - Math.log(a);
  let [c, d] = [1, 1 / (1 - ((a + b) * x) / (a + 1))];
  let fraction = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 / (1 + term * d);
      c = 1 + term / c;
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return lnFront + Math.log(fraction);
}

/** Stirling's series after shifting the argument above 20. */
function lnGamma(z: number): number {
  let [shifted, lnProduct] = [z, 0];
  for (; shifted < 20; shifted++) lnProduct += Math.log(shifted);
  const inverse = 1 / shifted;
  const series = inverse / 12 - inverse ** 3 / 360 + inverse ** 5 / 1260 - inverse ** 7 / 1680;
  return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + series - lnProduct;
}

function lnGrid(n: number, x: number, boundary: number, grid: readonly number[]): number {
  const factors = oneSampleFactors({ requests: n, failures: x }, grid, boundary) ?? [];
  return logSumExp(factors) - Math.log(grid.length);
}

function expectation(n: number, p: number, boundary: number, ratio: number): number {
  let sum = 0;
  for (let x = 0; x <= n; x++) {
    const [factor = Number.NaN] = oneSampleFactors({ requests: n, failures: x }, [ratio], boundary) ?? [];
    let coefficient = 1;
    for (let i = 1; i <= x; i++) coefficient = (coefficient * (n - x + i)) / i;
    sum += coefficient * p ** x * (1 - p) ** (n - x) * Math.exp(factor);
  }
  return sum;
}

const BREACHES = [
  [100, 0, 0.01, '-3.664837'],
  [100, 3, 0.01, '-1.201491'],
  [100, 5, 0.01, '1.655654'],
  [1000, 10, 0.01, '-4.270180'],
  [1000, 25, 0.01, '4.405888'],
  [50, 2, 0.001, '3.281624'],
  [10_000, 25, 0.001, '3.106207'],
] as const;

const ACCEPTANCES = [
  [300, 0, 0.01, '2.328801'],
  [500, 0, 0.01, '4.096224'],
  [1000, 1, 0.01, '5.771019'],
  [5000, 5, 0.003, '3.378321'],
  [1000, 10, 0.01, '-1.667400'],
] as const;

/** What the grid may lose against the conjugate form: less than ln of its size, 2.6 nats at most. */
const GRID_LOSS = 2;

describe('the one-sample test', () => {
  it.each(BREACHES)('is held to a conjugate form that gives the reference for a breach: %d, %d, %d', (n, x, p0, ln) => {
    expect(lnConjugate(n, x, p0, 'above').toFixed(6)).toBe(ln);
  });

  it.each(ACCEPTANCES)(
    'is held to a conjugate form that gives the reference for acceptance: %d, %d, %d',
    (n, x, p, ln) => {
      expect(lnConjugate(n, x, p, 'below').toFixed(6)).toBe(ln);
    },
  );

  it.each(BREACHES)('finds about as much of a breach as the conjugate form in %d, %d, %d', (n, x, p0) => {
    expect(lnGrid(n, x, p0, breachGrid(p0))).toBeGreaterThan(lnConjugate(n, x, p0, 'above') - GRID_LOSS);
  });

  it.each(ACCEPTANCES)('finds about as much for acceptance as the conjugate form in %d, %d, %d', (n, x, p) => {
    expect(lnGrid(n, x, p, acceptGrid(p))).toBeGreaterThan(lnConjugate(n, x, p, 'below') - GRID_LOSS);
  });

  it('stays finite where the conjugate form has long underflowed', () => {
    expect(lnGrid(1e12, 1e12, 1e-9, breachGrid(1e-9))).toBeGreaterThan(1e12);
    expect(Number.isFinite(lnGrid(1e15, 0, 0.98, breachGrid(0.98)))).toBe(true);
  });

  it('has no expectation above 1 within the objective, nor at least at the tolerable ratio', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    const boundary = fc.double({ min: 0.001, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 25 }), boundary, unit, (n, bound, fraction) => {
        for (const ratio of breachGrid(bound)) {
          expect(expectation(n, bound * fraction, bound, ratio)).toBeLessThanOrEqual(1 + 1e-9);
        }
        for (const ratio of acceptGrid(bound)) {
          expect(expectation(n, bound + (1 - bound) * fraction, bound, ratio)).toBeLessThanOrEqual(1 + 1e-9);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('bets on the ratios of the analysis for an objective of 99 %', () => {
    const grid = breachGrid(0.01).map((ratio) => Number(ratio.toFixed(6)));
    expect(grid).toEqual([0.015, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.35, 0.6, 0.9, 0.99]);
  });

  it('says nothing where nothing was asked', () => {
    expect(oneSampleFactors({ requests: 0, failures: 0 }, [0.5], 0.01)).toBeNull();
  });
});
