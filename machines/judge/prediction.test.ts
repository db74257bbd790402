import { describe, expect, it } from 'vitest';
import { logSumExp } from './log-space.ts';
import { acceptGrid, oneSampleFactors } from './one-sample.ts';
import { requestsToAccept, requestsToRuleOut } from './prediction.ts';

const START = { falseAccept: 0.05, expectedRatio: 0.001, lnAccept: 0 };

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

  it('is nothing once accepted and never where the canary is no better than tolerable', () => {
    expect(requestsToAccept({ ...START, tolerableRatio: 0.01, lnAccept: 3 })).toBe(0);
    expect(requestsToAccept({ ...START, tolerableRatio: 0.001 })).toBeNull();
  });

  it('needs 300 good requests to rule out 1 % and 3,000 for 0.1 %', () => {
    expect(requestsToRuleOut(0.01, 0.05)).toBe(300);
    expect(requestsToRuleOut(0.001, 0.05)).toBe(2996);
  });
});
