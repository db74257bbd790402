import { describe, expect, it } from 'vitest';
import {
  addBatch,
  type Batch,
  beginJudging,
  DEFAULT_PARAMETERS,
  type JudgeParameters,
  type JudgeState,
  verdictOf,
} from './index.ts';

const PARAMETERS: JudgeParameters = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };

type Row = readonly [canaryRequests: number, stableRequests: number, canaryFailures: number, stableFailures: number];

function judged(rows: readonly Row[], parameters = PARAMETERS): JudgeState {
  return rows.reduce((state, row, i) => addBatch(state, batchOf(row, i + 1), parameters), beginJudging());
}

function batchOf([canaryRequests, stableRequests, canaryFailures, stableFailures]: Row, number: number): Batch {
  return {
    at: number * 5000,
    canary: { requests: canaryRequests, failures: canaryFailures },
    stable: { requests: stableRequests, failures: stableFailures },
  };
}

function verdict(rows: readonly Row[], parameters = PARAMETERS) {
  return verdictOf(judged(rows, parameters), parameters);
}

describe('the judge', () => {
  it('waits for requests before it has seen any', () => {
    expect(verdict([])).toMatchObject({ kind: 'Hold', reason: 'TooFewRequests', oddsAgainstHarmless: 1 });
  });

  it('rolls back in one batch when half the canary answers fail', () => {
    expect(verdict([[100, 900, 50, 1]])).toMatchObject({ kind: 'Rollback', reason: 'HarmAgainstStable' });
  });

  it('rolls back a canary whose every answer fails', () => {
    expect(verdict([[10, 990, 10, 0]])).toMatchObject({ kind: 'Rollback' });
  });

  it('wants three failures however strong the odds are', () => {
    const rows: Row[] = [
      [5, 9995, 2, 0],
      [5, 9995, 0, 0],
    ];
    expect(verdict(rows).kind).not.toBe('Rollback');
  });

  it('lets a healthy canary go on', () => {
    const rows = Array.from({ length: 60 }, (): Row => [100, 900, 0, 1]);
    expect(verdict(rows)).toMatchObject({ kind: 'Advance', reason: 'NoEvidenceOfHarm' });
  });

  it('holds while an outage hits both versions, and goes on after it', () => {
    const before = Array.from({ length: 20 }, (): Row => [100, 900, 0, 1]);
    const outage = Array.from({ length: 20 }, (): Row => [100, 900, 30, 270]);
    const after = Array.from({ length: 60 }, (): Row => [100, 900, 0, 1]);
    expect(verdict([...before, ...outage])).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
    expect(verdict([...before, ...outage, ...after])).toMatchObject({ kind: 'Advance' });
  });

  it('judges by the objective alone at weight 100 %', () => {
    const healthy = Array.from({ length: 20 }, (): Row => [1000, 0, 1, 0]);
    expect(verdict(healthy)).toMatchObject({ kind: 'Advance' });
    expect(verdict([...healthy, [1000, 0, 100, 0]])).toMatchObject({ kind: 'Rollback', reason: 'SloBreach' });
  });

  it('holds when the canary gets nothing', () => {
    const rows: Row[] = [[100, 900, 0, 1], ...Array.from({ length: 3 }, (): Row => [0, 1000, 0, 1])];
    expect(verdict(rows)).toMatchObject({ kind: 'Hold', reason: 'StarvedCanary' });
  });

  it('says the odds and the counts in one sentence', () => {
    const { message } = verdict([
      [100, 1900, 4, 2],
      [112, 2131, 3, 1],
    ]);
    expect(message).toMatch(
      /^The canary fails more often than stable: 1 in [\d,]+ against harmless; 7 of 212 failed, stable 3 of 4,031$/,
    );
  });

  it('ignores a batch that it has had', () => {
    const state = judged([[100, 900, 1, 1]]);
    expect(addBatch(state, batchOf([100, 900, 50, 0], 1), PARAMETERS)).toBe(state);
  });

  it('survives JSON unchanged', () => {
    const state = judged([
      [100, 900, 1, 1],
      [0, 900, 0, 1],
      [100, 0, 1, 0],
    ]);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });
});
