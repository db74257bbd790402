import { describe, expect, it } from 'vitest';
import { type GivenDose, initialContext } from '../../../machines/experiment/context.ts';
import type { Standing } from '../../../machines/experiment/settle.ts';
import { type PlannedShare, shareEnd } from './share-end.ts';

const planned = (change: Partial<PlannedShare> = {}): PlannedShare => ({
  plan: {
    ramp: [
      { dosePpm: 10_000, forMs: 30_000 },
      { dosePpm: 100_000, forMs: 30_000 },
    ],
    ...{ baselineMs: 30_000, fuseMs: 60_000, startWithinMs: 600_000, hasObjectives: true, minFaulted: 10 },
  },
  ...{ isShare: true, mostShare: 0.05 },
  ...change,
});

const FIRST: GivenDose = {
  ...{ dosePpm: 10_000, decidedAt: 31_000, since: 32_000, until: null, matched: 0, faulted: 0, isProven: null },
  ...{ dose: '', steadyState: null, judged: '' },
};
const at = (state: Standing['state'], doses: readonly GivenDose[] = []): Standing => ({
  state,
  context: { ...initialContext, since: 1_000, startedAt: 1_000, doses },
});

const batch = (end: number, matched: number, faulted: number, others: number) => ({
  at: end,
  canary: { requests: matched, failures: faulted },
  stable: { requests: others, failures: 0 },
});
const seen = (now: number, ...batches: readonly ReturnType<typeof batch>[]) => ({
  at: now,
  evidence: { state: 'fresh' as const, batches },
});

describe('the limit of all requests', () => {
  it('ends what would be above it, by the part of the callers', () => {
    const half = batch(6_000, 1_000, 0, 1_000);
    expect(shareEnd(planned(), at('Baseline'), seen(17_000, half))).toBeNull();
    expect(shareEnd(planned({ mostShare: 0.04 }), at('Baseline'), seen(17_000, half))).toMatchObject({
      reason: 'ShareExceeded',
      message: expect.stringContaining('5 %'),
    });
  });

  it('waits for the scrapes of the other callers', () => {
    const alone = batch(6_000, 1_000, 0, 0);
    expect(shareEnd(planned(), at('Baseline'), seen(7_000, alone))).toBeNull();
    expect(shareEnd(planned(), at('Baseline'), seen(16_000, alone))).toMatchObject({ reason: 'ShareExceeded' });
  });

  it('takes callers of whom little was seen for all there are, once the baseline is over', () => {
    const few = batch(6_000, 40, 0, 0);
    expect(shareEnd(planned(), at('Baseline'), seen(7_000, few))).toBeNull();
    expect(shareEnd(planned(), at('Baseline'), seen(31_000, few))).toMatchObject({ reason: 'ShareExceeded' });
    expect(shareEnd(planned(), at('Arming'), seen(30_500, few))).toMatchObject({ reason: 'ShareExceeded' });
    expect(shareEnd(planned({ mostShare: 0.1 }), at('Arming'), seen(31_000, few))).toBeNull();
  });

  it('looks at the dose that is due, before it is written', () => {
    const alone = batch(40_000, 1_000, 10, 0);
    expect(shareEnd(planned(), at('Injecting', [FIRST]), seen(61_000, alone))).toBeNull();
    expect(shareEnd(planned(), at('Injecting', [FIRST]), seen(62_000, alone))).toMatchObject({
      reason: 'ShareExceeded',
    });
  });

  it('counts a fault by rate from its dose on, which the baseline does not dilute', () => {
    const byRate = planned({ isShare: false, mostShare: 0.25 });
    const batches = [batch(30_000, 10_000, 0, 0), batch(40_000, 1_000, 500, 0)];
    expect(shareEnd(byRate, at('Injecting', [FIRST]), seen(41_000, ...batches))).toMatchObject({
      reason: 'ShareExceeded',
      message: expect.stringContaining('50 %'),
    });
    expect(shareEnd(byRate, at('Baseline'), seen(29_000, batch(20_000, 1_000, 500, 0)))).toBeNull();
  });
});
