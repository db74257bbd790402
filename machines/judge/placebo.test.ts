import { describe, expect, it } from 'vitest';
import { addBatch } from './add-batch.ts';
import type { ArmCounts } from './counts.ts';
import { DEFAULT_PARAMETERS } from './parameters.ts';
import { addPlaceboBatch, NO_PLACEBO, placeboReport } from './placebo.ts';
import { beginJudging } from './state.ts';
import { verdictOf } from './verdict.ts';

function pods(failures: readonly number[]): Record<string, ArmCounts> {
  return Object.fromEntries(failures.map((count, i) => [`pod-${i}`, { requests: 100, failures: count }]));
}

describe('the placebo test', () => {
  it('raises no alarm where all pods are alike', () => {
    let state = NO_PLACEBO;
    for (let i = 0; i < 20; i++) state = addPlaceboBatch(state, pods([1, 0, 1, 0]), DEFAULT_PARAMETERS);
    expect(placeboReport(state, DEFAULT_PARAMETERS)).toMatchObject({ pods: 4, alarms: 0 });
  });

  it('reports a stable pod that a rollback would have been due to', () => {
    const state = addPlaceboBatch(NO_PLACEBO, pods([30, 0, 0, 0]), DEFAULT_PARAMETERS);
    expect(placeboReport(state, DEFAULT_PARAMETERS)).toMatchObject({ pods: 4, alarms: 1 });
  });

  it('keeps the peak of a pod that has gone', () => {
    const before = addPlaceboBatch(NO_PLACEBO, pods([30, 0, 0]), DEFAULT_PARAMETERS);
    const after = addPlaceboBatch(before, { 'pod-1': { requests: 100, failures: 0 } }, DEFAULT_PARAMETERS);
    expect(placeboReport(after, DEFAULT_PARAMETERS).lnPeak).toBe(placeboReport(before, DEFAULT_PARAMETERS).lnPeak);
  });

  it('judges twenty pods and no more', () => {
    const state = addPlaceboBatch(NO_PLACEBO, pods(Array.from({ length: 50 }, () => 1)), DEFAULT_PARAMETERS);
    expect(placeboReport(state, DEFAULT_PARAMETERS).pods).toBe(20);
  });

  it('spares a canary that looks no worse than a stable pod', () => {
    const batch = { at: 5000, canary: { requests: 100, failures: 30 }, stable: { requests: 400, failures: 0 } };
    const rolledBack = addBatch(beginJudging(), batch, DEFAULT_PARAMETERS);
    expect(verdictOf(rolledBack, DEFAULT_PARAMETERS).kind).toBe('Rollback');
    const stable = { requests: 400, failures: 60 };
    const spared = addBatch(
      beginJudging(),
      { at: 5000, canary: { requests: 100, failures: 55 }, stable, stablePods: pods([58, 1, 1, 0]) },
      DEFAULT_PARAMETERS,
    );
    expect(verdictOf(spared, DEFAULT_PARAMETERS).kind).toBe('Hold');
  });
});
