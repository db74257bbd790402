import { describe, expect, it } from 'vitest';
import { addBatch } from './add-batch.ts';
import { DEFAULT_PARAMETERS } from './parameters.ts';
import { type ReleaseTimes, releaseVerdict } from './release-verdict.ts';
import { beginJudging, type JudgeState } from './state.ts';

const PARAMETERS = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };

const TIMES: ReleaseTimes = { at: 0, bakingSince: 0, bakeMs: 60_000, deadlineAt: 600_000, staleAfterMs: 30_000 };

function judged(batches: number, canaryFailures: number): JudgeState {
  let state = beginJudging();
  for (let i = 1; i <= batches; i++) {
    const canary = { requests: 100, failures: canaryFailures };
    state = addBatch(state, { at: i * 5000, canary, stable: { requests: 900, failures: 1 } }, PARAMETERS);
  }
  return state;
}

function kindAt(at: number, batches: number, canaryFailures = 0, times: Partial<ReleaseTimes> = {}) {
  return releaseVerdict(judged(batches, canaryFailures), PARAMETERS, { ...TIMES, at, ...times });
}

describe('the verdict on a release', () => {
  it('promotes a release that is shown good and baked', () => {
    expect(kindAt(100_000, 20)).toMatchObject({ kind: 'Promote', reason: 'ShownGood' });
  });

  it('does not promote before the bake is over, nor before it is shown good', () => {
    expect(kindAt(50_000, 10).kind).toBe('Advance');
    expect(kindAt(100_000, 20, 0, { bakingSince: null }).kind).toBe('Advance');
    expect(kindAt(70_000, 2, 0, { staleAfterMs: 100_000 }).kind).toBe('Advance');
  });

  it('says when it expects to know', () => {
    expect(kindAt(10_000, 2).message).toMatch(/; shown good in about \d+ s$/);
  });

  it('holds while the newest counts are old, and without any', () => {
    expect(kindAt(200_000, 20)).toMatchObject({ kind: 'Hold', reason: 'StaleEvidence' });
    expect(kindAt(5000, 0)).toMatchObject({ kind: 'Hold', message: 'No requests counted yet' });
  });

  it('is inconclusive at the deadline and never promotes for it', () => {
    expect(kindAt(600_000, 1)).toMatchObject({ kind: 'Inconclusive', reason: 'DeadlinePassed' });
  });

  it('rolls back even at the deadline and from old counts', () => {
    expect(kindAt(700_000, 5, 40)).toMatchObject({ kind: 'Rollback', reason: 'HarmAgainstStable' });
  });
});
