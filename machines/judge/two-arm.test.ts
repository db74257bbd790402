import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logSumExp } from './log-space.ts';
import { ratioGrid, twoArmFactors } from './two-arm.ts';

type Row = readonly [canaryRequests: number, stableRequests: number, canaryFailures: number, stableFailures: number];

const ROWS: readonly Row[] = [
  [75, 1425, 0, 1],
  [75, 1425, 1, 2],
  [300, 1200, 3, 0],
  [750, 750, 6, 1],
];

function factorsOf([nc, ns, xc, xs]: Row, ratios: readonly number[], margin: number): readonly number[] {
  const batch = { canary: { requests: nc, failures: xc }, stable: { requests: ns, failures: xs } };
  return twoArmFactors(batch, ratios, margin) ?? [];
}

/** Per-ratio sums after each row, and ln E of the uniform mixture. */
function runningOn(ratios: readonly number[], margin: number) {
  let sums: readonly number[] = ratios.map(() => 0);
  const evidence: number[] = [];
  for (const row of ROWS) {
    const factors = factorsOf(row, ratios, margin);
    sums = sums.map((sum, i) => sum + (factors[i] ?? Number.NaN));
    evidence.push(logSumExp(sums) - Math.log(ratios.length));
  }
  return { sums, evidence };
}

/** Σ over all outcomes of P(outcome) · factor. */
function expectation(nc: number, ns: number, [pc, ps]: readonly [number, number], [ratio, margin]: [number, number]) {
  let sum = 0;
  for (let xc = 0; xc <= nc; xc++) {
    for (let xs = 0; xs <= ns; xs++) {
      const [factor = Number.NaN] = factorsOf([nc, ns, xc, xs], [ratio], margin);
      sum += binomial(nc, xc, pc) * binomial(ns, xs, ps) * Math.exp(factor);
    }
  }
  return sum;
}

function binomial(n: number, x: number, p: number): number {
  let coefficient = 1;
  for (let i = 1; i <= x; i++) coefficient = (coefficient * (n - x + i)) / i;
  return coefficient * p ** x * (1 - p) ** (n - x);
}

describe('the two-arm test', () => {
  it('gives the reference evidence of four batches', () => {
    const { evidence, sums } = runningOn([2, 5, 10, 50], 1);
    expect(evidence.map((value) => value.toFixed(6))).toEqual(['-0.369173', '0.511594', '3.898796', '5.663576']);
    expect(sums.map((value) => value.toFixed(6))).toEqual(['3.351091', '5.911447', '6.517502', '4.357346']);
  });

  it('gives the reference evidence with a margin of 1.5', () => {
    const { evidence } = runningOn([2, 5, 10, 50], 1.5);
    expect(evidence.map((value) => value.toFixed(6))).toEqual(['-0.344480', '0.204899', '2.661637', '3.555630']);
  });

  it.each([
    [0.01, '0.999336'],
    // The analysis prints .584298; the closed form (1−p+pu)^10·(1−p+pv)^30 in 40 digits is .58439811….
    [0.3, '0.584398'],
    [0.7, '0.069612'],
  ])('has the enumerated expectation where both fail with %d', (p, expected) => {
    expect(expectation(10, 30, [p, p], [3, 1]).toFixed(6)).toBe(expected);
  });

  it('has no expectation above 1 for any harmless canary, whatever the margin', () => {
    const ratio = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })),
        fc.tuple(ratio, ratio),
        fc.constantFrom(1, 1.5, 2, 5),
        fc.constantFrom(1.01, 2, 10, 500),
        ([nc, ns], [ps, fraction], margin, above) => {
          const pc = Math.min(1, margin * ps) * fraction;
          expect(expectation(nc, ns, [pc, ps], [margin * above, margin])).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('agrees with its textbook form', () => {
    const [nc, ns, xc, xs] = [137, 2203, 4, 3];
    const [q0, q] = [(nc * 1.5) / (nc * 1.5 + ns), (nc * 8) / (nc * 8 + ns)];
    const textbook = xc * Math.log(q / q0) + xs * Math.log((1 - q) / (1 - q0));
    expect(factorsOf([nc, ns, xc, xs], [8], 1.5)[0]).toBeCloseTo(textbook, 12);
  });

  it('says nothing where a version had no request', () => {
    expect(factorsOf([0, 100, 0, 9], [2], 1)).toEqual([]);
    expect(factorsOf([100, 0, 9, 0], [2], 1)).toEqual([]);
  });

  it('bets only on ratios above the margin, and always on one', () => {
    expect(ratioGrid(1)).toHaveLength(13);
    expect(ratioGrid(1.5)[0]).toBe(2);
    expect(ratioGrid(1000)).toEqual([2000]);
  });
});
