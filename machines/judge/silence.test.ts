import { describe, expect, it } from 'vitest';
import { addBatch, type Batch, beginJudging, DEFAULT_PARAMETERS, type JudgeState, verdictOf } from './index.ts';
import { canaryIsStarved, stableIsGone } from './silence.ts';

const PARAMETERS = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };
const CELL_MS = 250;

/** Batches of one cell each, canary and stable requests alone; `weight` as the route says. */
function judged(rows: readonly (readonly [number, number])[], more: Partial<Batch> = {}): JudgeState {
  return rows.reduce(
    (state, [canary, stable], i) =>
      addBatch(
        state,
        {
          at: (i + 1) * CELL_MS,
          canary: { requests: canary, failures: 0 },
          stable: { requests: stable, failures: 0 },
          ...more,
        },
        PARAMETERS,
      ),
    beginJudging(),
  );
}

const times = (count: number, row: readonly [number, number]) => Array.from({ length: count }, () => row);

describe('a canary without requests', () => {
  it('is not starved because a few short cells have none', () => {
    const state = judged([...times(10, [6, 594]), ...times(9, [0, 100])], { weight: 0.01 });
    expect(canaryIsStarved(state.silence)).toBe(false);
    expect(verdictOf(state, PARAMETERS)).toMatchObject({ kind: 'Advance' });
  });

  it('is starved once ten were to be expected', () => {
    const state = judged([...times(10, [6, 594]), ...times(10, [0, 100])], { weight: 0.01 });
    expect(verdictOf(state, PARAMETERS)).toMatchObject({ kind: 'Hold', reason: 'StarvedCanary' });
  });

  it('is starved also when it has never had one', () => {
    expect(canaryIsStarved(judged(times(9, [0, 99]), { weight: 0.01 }).silence)).toBe(false);
    expect(canaryIsStarved(judged(times(11, [0, 99]), { weight: 0.01 }).silence)).toBe(true);
  });

  it('is looked at by the share of requests that it has had where no weight is known', () => {
    expect(canaryIsStarved(judged([[10, 90], ...times(5, [0, 10])]).silence)).toBe(false);
    expect(canaryIsStarved(judged([[10, 90], ...times(15, [0, 10])]).silence)).toBe(true);
  });

  it('is not missed in scrapes that may be older than its weight', () => {
    expect(canaryIsStarved(judged(times(30, [0, 1000]), { weight: 0.5, raisedAt: 0 }).silence)).toBe(false);
    expect(canaryIsStarved(judged(times(41, [0, 1000]), { weight: 0.5, raisedAt: 0 }).silence)).toBe(true);
  });
});

describe('a stable version without requests', () => {
  it('still speaks while short cells without any are no surprise', () => {
    expect(stableIsGone(judged([[3, 1], ...times(9, [3, 0])], { weight: 0.75 }))).toBe(false);
    expect(stableIsGone(judged([[3, 1], ...times(10, [3, 0])], { weight: 0.75 }))).toBe(true);
  });

  it('is gone at 100 %', () => {
    expect(stableIsGone(judged([[0, 1], ...times(2, [3, 0])], { weight: 1 }))).toBe(false);
    expect(stableIsGone(judged([[0, 1], ...times(3, [3, 0])], { weight: 1 }))).toBe(true);
  });
});
