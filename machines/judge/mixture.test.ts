import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capped, EMPTY_MIXTURE, FROM_THE_START, grow, lnEvidence, type Mixture, type Stake } from './mixture.ts';

const STAKE: Stake = { plannedBatches: 10 };

function grown(rows: readonly (readonly number[])[], stake: Stake): Mixture {
  return rows.reduce((mixture, row) => grow(mixture, row, stake), EMPTY_MIXTURE);
}

describe('a change-point mixture', () => {
  it('is worth its whole stake as long as nothing speaks for either side', () => {
    const rows = Array.from({ length: 25 }, () => [0, 0, 0]);
    for (let i = 0; i <= rows.length; i++) expect(lnEvidence(grown(rows.slice(0, i), STAKE), STAKE)).toBeCloseTo(0, 12);
  });

  it('is the plain average of the alternatives when everything is staked on the start', () => {
    const mixture = grown(
      [
        [1, -2],
        [0.5, 3],
      ],
      FROM_THE_START,
    );
    expect(lnEvidence(mixture, FROM_THE_START)).toBeCloseTo(Math.log((Math.exp(1.5) + Math.exp(1)) / 2), 12);
  });

  it('follows the recursion of the analysis, with a tenth kept for what comes after the planned batches', () => {
    const factors = [0.3, -0.2, 1.1, 0.7, ...Array.from({ length: 8 }, () => -0.1)];
    let [mass, left] = [0, 1];
    factors.forEach((factor, i) => {
      const batch = i + 1;
      const share = batch === 1 ? 0.4 + 1 / 20 : batch <= 10 ? 1 / 20 : 1 / (batch - 1) - 1 / batch;
      mass = (mass + share) * Math.exp(factor);
      left -= share;
    });
    const mixture = grown(
      factors.map((factor) => [factor]),
      STAKE,
    );
    expect(lnEvidence(mixture, STAKE)).toBeCloseTo(Math.log(mass + left), 12);
  });

  it('still finds a fault that begins long after the planned batches', () => {
    const rows = [...Array.from({ length: 1000 }, () => [-2]), ...Array.from({ length: 8 }, () => [2])];
    expect(lnEvidence(grown(rows, STAKE), STAKE)).toBeGreaterThan(0);
  });

  it('gives each alternative its own share of the stake', () => {
    const stake: Stake = { plannedBatches: 1, lnShares: [Math.log(0.9), Math.log(0.1)] };
    expect(lnEvidence(grown([[0, 2]], stake), stake)).toBeCloseTo(Math.log(0.9 + 0.1 * Math.exp(2)), 12);
  });

  it('finds a late fault far sooner than bets placed at the start', () => {
    const rows = [...Array.from({ length: 8 }, () => [-2]), [2], [2]];
    expect(lnEvidence(grown(rows, STAKE), STAKE)).toBeGreaterThan(0);
    expect(lnEvidence(grown(rows, FROM_THE_START), FROM_THE_START)).toBe(-12);
  });

  it('is never lifted by a cap, and holds it', () => {
    const factor = fc.double({ min: -50, max: 50, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(factor, factor), { minLength: 1, maxLength: 20 }), factor, (rows, lnCap) => {
        const mixture = grown(rows, FROM_THE_START);
        const held = lnEvidence(capped(mixture, lnCap), FROM_THE_START);
        expect(held).toBeLessThanOrEqual(Math.max(lnCap, Number.NEGATIVE_INFINITY) + 1e-9);
        expect(held).toBeLessThanOrEqual(lnEvidence(mixture, FROM_THE_START) + 1e-9);
      }),
    );
  });
});
