import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addBatch } from './add-batch.ts';
import { type ArmLatencies, addLatencies, EMPTY_LATENCY, type LatencyBatch, lnSlower, sharedEdges } from './latency.ts';
import { DEFAULT_PARAMETERS, type JudgeParameters } from './parameters.ts';
import { beginJudging } from './state.ts';
import { verdictOf } from './verdict.ts';

const EDGES = [10, 25, 50, 100, 250, 500, 1000];

/** Cumulative shares of a distribution with median 50, and of the same shifted one bucket up. */
const USUAL = [0.05, 0.2, 0.5, 0.8, 0.96, 0.99, 0.999];
const SLOWER = [0.02, 0.1, 0.35, 0.65, 0.9, 0.97, 0.995];

function arm(requests: number, shares: readonly number[]): ArmLatencies {
  return { requests, within: shares.map((share) => Math.round(requests * share)) };
}

function batch(canaryShares: readonly number[]): LatencyBatch {
  return { edges: EDGES, canary: arm(200, canaryShares), stable: arm(1800, USUAL) };
}

function slowerAfter(batches: readonly LatencyBatch[], parameters: JudgeParameters = DEFAULT_PARAMETERS): number {
  const state = batches.reduce((sum, one) => addLatencies(sum, one, parameters), EMPTY_LATENCY);
  return lnSlower(state, parameters);
}

function repeated<T>(count: number, value: T): readonly T[] {
  return Array.from({ length: count }, () => value);
}

describe('the latency test', () => {
  it('finds no harm where both versions are alike', () => {
    expect(slowerAfter(repeated(50, batch(USUAL)))).toBeLessThan(0);
  });

  it('finds a canary that is slower in all buckets', () => {
    expect(slowerAfter(repeated(4, batch(SLOWER)))).toBeGreaterThan(Math.log(1000));
  });

  it('finds a canary of which only a few requests are much slower', () => {
    const stuck = USUAL.map((share) => share * 0.97);
    expect(slowerAfter(repeated(4, batch(stuck)))).toBeGreaterThan(Math.log(1000));
  });

  it('does not blame a faster canary', () => {
    const faster = [0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 1];
    expect(slowerAfter(repeated(50, batch(faster)))).toBeLessThan(0);
  });

  it('learns from stable before it bets', () => {
    expect(slowerAfter([batch(SLOWER)])).toBe(0);
  });

  it('puts half of the stake on the edge that is the objective', () => {
    const parameters = { ...DEFAULT_PARAMETERS, latencyEdge: 1000 };
    const stuckAtTheEdge = [0.05, 0.2, 0.5, 0.8, 0.96, 0.96, 0.96];
    const batches = repeated(4, batch(stuckAtTheEdge));
    expect(slowerAfter(batches, parameters)).toBeGreaterThan(slowerAfter(batches));
  });

  it('ignores a batch without the edges, or with counts that are none', () => {
    const usual = addLatencies(EMPTY_LATENCY, batch(USUAL), DEFAULT_PARAMETERS);
    const other = { ...batch(SLOWER), edges: EDGES.map((edge) => edge + 1) };
    expect(addLatencies(usual, other, DEFAULT_PARAMETERS)).toBe(usual);
    const broken = { ...batch(SLOWER), canary: arm(Number.NaN, SLOWER) };
    expect(addLatencies(usual, broken, DEFAULT_PARAMETERS)).toBe(usual);
  });

  it('takes the edges that both versions have', () => {
    expect(sharedEdges([5, 10, 50, Number.POSITIVE_INFINITY], [50, 10, 7, Number.POSITIVE_INFINITY])).toEqual([10, 50]);
    expect(sharedEdges([5], [7])).toEqual([]);
  });

  it('rolls a slow release back without a single failed request', () => {
    let state = beginJudging();
    for (let i = 1; i <= 10; i++) {
      const counts = { canary: { requests: 200, failures: 0 }, stable: { requests: 1800, failures: 0 } };
      state = addBatch(state, { at: i * 5000, ...counts, latency: batch(SLOWER) }, DEFAULT_PARAMETERS);
    }
    const verdict = verdictOf(state, DEFAULT_PARAMETERS);
    expect(verdict).toMatchObject({ kind: 'Rollback', reason: 'SlowerThanStable' });
    expect(verdict.blame.latency).toBeGreaterThan(0.99);
  });

  it('stays finite for any histogram', () => {
    const count = fc.oneof(fc.nat(1e6), fc.constantFrom(0, 1e15));
    const histogram = fc.record({ requests: count, within: fc.array(count, { minLength: 7, maxLength: 7 }) });
    fc.assert(
      fc.property(fc.array(fc.tuple(histogram, histogram), { maxLength: 8 }), (rows) => {
        const batches = rows.map(([canary, stable]) => ({ edges: EDGES, canary, stable }));
        expect(Number.isFinite(slowerAfter(batches))).toBe(true);
      }),
    );
  });
});
