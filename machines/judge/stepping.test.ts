import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_STEPPING,
  expectedExtra,
  firstWeight,
  forget,
  learn,
  nextWeight,
  type Risk,
  UNKNOWN_RISK,
  WEIGHTS,
} from './stepping.ts';

const STABLE_RATIO = 0.001;

function learned(requests: number, failures: number): Risk {
  return learn(UNKNOWN_RISK, { requests, failures }, STABLE_RATIO);
}

function next(weight: number, risk: Risk, isShownGood = true): number {
  return nextWeight({ weight, risk, stableRatio: STABLE_RATIO, isShownGood }, DEFAULT_STEPPING);
}

describe('the first weight', () => {
  it('is 5 % at most', () => {
    expect(firstWeight(10, DEFAULT_STEPPING)).toBe(0.05);
    expect(firstWeight(0, DEFAULT_STEPPING)).toBe(0.05);
  });

  it('lets no more than 100 requests fail when all do', () => {
    for (const rate of [100, 1000, 5000]) {
      expect(firstWeight(rate, DEFAULT_STEPPING) * rate * DEFAULT_STEPPING.reactionSeconds).toBeLessThanOrEqual(100);
    }
  });

  it('is the smallest where even that is too much', () => {
    expect(firstWeight(1e9, DEFAULT_STEPPING)).toBe(0.001);
  });
});

describe('the next weight', () => {
  it('stays while nothing is known', () => {
    expect(next(0.05, UNKNOWN_RISK)).toBe(0.05);
  });

  it('rises as good requests come, never by more than the largest factor', () => {
    expect(next(0.05, learned(1000, 1))).toBe(0.1);
    expect(next(0.1, learned(3000, 3))).toBe(0.2);
    expect([0.2, 0.35, 0.5, 0.75].map((weight) => next(weight, learned(100_000, 100)))).toEqual([0.35, 0.5, 0.75, 1]);
  });

  it('stays when the canary fails more than stable', () => {
    expect(next(0.05, learned(500, 10))).toBe(0.05);
  });

  it('needs a release that is shown good for more than half of the traffic', () => {
    expect(next(0.5, learned(100_000, 100), false)).toBe(0.5);
  });

  it('is a weight that there is, and no less than the present one', () => {
    const counts = fc.record({ requests: fc.nat(1e6), failures: fc.nat(1e6) });
    fc.assert(
      fc.property(
        fc.constantFrom(...WEIGHTS),
        counts,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (weight, arm, ratio) => {
          const risk = learn(UNKNOWN_RISK, arm, ratio);
          const chosen = nextWeight({ weight, risk, stableRatio: ratio, isShownGood: true }, DEFAULT_STEPPING);
          expect(WEIGHTS).toContain(chosen);
          expect(chosen).toBeGreaterThanOrEqual(weight);
        },
      ),
    );
  });
});

describe('the expected harm', () => {
  it('is that of the prior before anything is known', () => {
    expect(expectedExtra(UNKNOWN_RISK, 0, DEFAULT_STEPPING)).toBeCloseTo(0.1 * (2.4899 / 11), 6);
  });

  it('is that of the failures seen once many are', () => {
    expect(expectedExtra(learned(10_000, 500), STABLE_RATIO, DEFAULT_STEPPING)).toBeCloseTo(0.049, 3);
  });

  it('never falls when one more request fails', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(4999), (requests, failures) => {
        fc.pre(failures < requests);
        const [fewer, more] = [learned(requests, failures), learned(requests, failures + 1)];
        const extra = (risk: Risk) => expectedExtra(risk, STABLE_RATIO, DEFAULT_STEPPING);
        expect(extra(more)).toBeGreaterThanOrEqual(extra(fewer) - 1e-12);
      }),
    );
  });

  it('is less sure after a step', () => {
    const sure = learned(5000, 5);
    const extra = (risk: Risk) => expectedExtra(risk, STABLE_RATIO, DEFAULT_STEPPING);
    expect(extra(forget(sure, DEFAULT_STEPPING))).toBeGreaterThan(extra(sure));
    expect(extra(forget(sure, DEFAULT_STEPPING))).toBeLessThan(extra(UNKNOWN_RISK));
  });
});
