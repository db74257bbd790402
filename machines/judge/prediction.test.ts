import { describe, expect, it } from 'vitest';
import { logSumExp } from './log-space.ts';
import { acceptGrid, oneSampleFactors } from './one-sample.ts';
import { requestsToAccept, requestsToRuleOut, secondsToDetect } from './prediction.ts';

const START = { falseAccept: 0.05, expectedRatio: 0.001, lnAccept: 0, dispersion: 1 };

describe('the prediction of acceptance', () => {
  it.each([
    [0.01, 483, 594],
    [0.005, 1260, 1658],
    [0.003, 3666, 4287],
  ])('lies within the measured range for a tolerable ratio of %d', (tolerableRatio, least, most) => {
    const requests = requestsToAccept({ ...START, tolerableRatio });
    expect(requests).toBeGreaterThanOrEqual(least);
    expect(requests).toBeLessThanOrEqual(most);
  });

  it('comes true for a canary without failures', () => {
    const predicted = requestsToAccept({ ...START, expectedRatio: 0, tolerableRatio: 0.01 }) ?? Number.NaN;
    const lnAfter = (requests: number) => {
      const factors = oneSampleFactors({ requests, failures: 0 }, acceptGrid(0.01), 0.01) ?? [];
      return logSumExp(factors) - Math.log(factors.length);
    };
    expect(lnAfter(predicted * 1.05)).toBeGreaterThan(Math.log(20));
    expect(lnAfter(predicted * 0.9)).toBeLessThan(Math.log(20));
  });

  it('needs as many times more requests as failures clump', () => {
    const once = requestsToAccept({ ...START, tolerableRatio: 0.01 }) ?? Number.NaN;
    expect(requestsToAccept({ ...START, tolerableRatio: 0.01, dispersion: 5 })).toBeCloseTo(5 * once, -1);
  });

  it('is nothing once accepted and never where the canary is no better than tolerable', () => {
    expect(requestsToAccept({ ...START, tolerableRatio: 0.01, lnAccept: 3 })).toBe(0);
    expect(requestsToAccept({ ...START, tolerableRatio: 0.001 })).toBeNull();
  });

  it('needs 300 good requests to rule out 1 % and 3,000 for 0.1 %', () => {
    expect(requestsToRuleOut(0.01, 0.05)).toBe(300);
    expect(requestsToRuleOut(0.001, 0.05)).toBe(2996);
  });
});

describe('the prediction of detection', () => {
  const FAULT = { falseRollback: 0.01, requestRate: 100, stableRatio: 0.001, canaryRatio: 0.01, batchSeconds: 15 };

  it.each([
    [0.01, '526'],
    [0.05, '117'],
    [0.1, '66'],
    [0.5, '34'],
  ])('gives the reference delay of a 1 %% fault at weight %d', (canaryShare, expected) => {
    expect(secondsToDetect({ ...FAULT, canaryShare })?.toFixed(0)).toBe(expected);
  });

  it('is one batch at least, also where stable never fails', () => {
    expect(secondsToDetect({ ...FAULT, canaryShare: 0.1, canaryRatio: 1 })).toBe(15);
    expect(secondsToDetect({ ...FAULT, canaryShare: 0.1, stableRatio: 0, canaryRatio: 0.5 })).toBe(15);
  });

  it('is never for a harmless canary, or without traffic', () => {
    expect(secondsToDetect({ ...FAULT, canaryShare: 0.1, canaryRatio: 0.001 })).toBeNull();
    expect(secondsToDetect({ ...FAULT, canaryShare: 0 })).toBeNull();
    expect(secondsToDetect({ ...FAULT, canaryShare: 0.1, requestRate: 0 })).toBeNull();
  });
});
