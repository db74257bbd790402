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

  it('spares a canary that looks no worse than a stable pod has looked', () => {
    const rows = [
      { canary: 0, pods: [60, 0, 0, 0] },
      { canary: 20, pods: [0, 0, 0, 0] },
    ];
    const judge = (hasPods: boolean) =>
      rows.reduce((state, row, i) => {
        const stable = { requests: 400, failures: row.pods.reduce((sum, count) => sum + count, 0) };
        const canary = { requests: 100, failures: row.canary };
        const stablePods = hasPods ? pods(row.pods) : null;
        return addBatch(state, { at: (i + 1) * 5000, canary, stable, stablePods }, DEFAULT_PARAMETERS);
      }, beginJudging());
    expect(verdictOf(judge(false), DEFAULT_PARAMETERS).kind).toBe('Rollback');
    expect(verdictOf(judge(true), DEFAULT_PARAMETERS)).toMatchObject({ kind: 'Hold', reason: 'StablePodAsBad' });
  });
});
