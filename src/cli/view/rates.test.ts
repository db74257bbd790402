import { describe, expect, it } from 'vitest';
import { RELEASING, sampleRollout } from '../../../test/support/sample-rollout.ts';
import { createRateMeter } from './rates.ts';

const SECOND = 1_000;

function counted(canary: readonly [number, number], stable: readonly [number, number], revision = '7f9c8b5d4f') {
  const [objective] = RELEASING.objectives ?? [];
  if (objective === undefined) throw new Error('the sample has no objective');
  const counts = ([requests, failures]: readonly [number, number]) => ({ requests, failures });
  return sampleRollout({
    ...RELEASING,
    canary: { revision },
    objectives: [{ ...objective, canary: counts(canary), stable: counts(stable) }],
  });
}

describe('the rate of requests', () => {
  it('is unknown at the first look', () => {
    expect(createRateMeter().observe(counted([10, 1], [90, 0]), 0)).toEqual({ stable: undefined, canary: undefined });
  });

  it('is what was counted since, per second', () => {
    const meter = createRateMeter();
    meter.observe(counted([10, 1], [90, 0]), 0);
    expect(meter.observe(counted([20, 4], [190, 0]), 10 * SECOND)).toEqual({
      canary: { requestsPerSecond: 1, failedPercent: 30 },
      stable: { requestsPerSecond: 10, failedPercent: 0 },
    });
  });

  it('forgets what is older than its window', () => {
    const meter = createRateMeter();
    meter.observe(counted([0, 0], [0, 0]), 0);
    meter.observe(counted([1000, 0], [0, 0]), 10 * SECOND);
    meter.observe(counted([1010, 0], [10, 0]), 20 * SECOND);
    expect(meter.observe(counted([1020, 0], [20, 0]), 30 * SECOND).canary?.requestsPerSecond).toBe(1);
  });

  it('has no share of failures without requests', () => {
    const meter = createRateMeter();
    meter.observe(counted([5, 0], [0, 0]), 0);
    expect(meter.observe(counted([5, 0], [50, 0]), 5 * SECOND).canary).toEqual({
      requestsPerSecond: 0,
      failedPercent: undefined,
    });
  });

  it('is unknown while nothing at all is counted', () => {
    const meter = createRateMeter();
    meter.observe(counted([5, 0], [50, 0]), 0);
    expect(meter.observe(counted([5, 0], [50, 0]), 20 * SECOND)).toEqual({ stable: undefined, canary: undefined });
  });

  it('begins anew with another release', () => {
    const meter = createRateMeter();
    meter.observe(counted([5, 0], [50, 0]), 0);
    expect(meter.observe(counted([9, 0], [90, 0], 'other'), 10 * SECOND).stable).toBeUndefined();
  });

  it('begins anew when the counts do', () => {
    const meter = createRateMeter();
    meter.observe(counted([5, 0], [50, 0]), 0);
    expect(meter.observe(counted([1, 0], [10, 0]), 10 * SECOND).stable).toBeUndefined();
  });
});
