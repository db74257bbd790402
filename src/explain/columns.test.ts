import { describe, expect, it } from 'vitest';
import type { Batch } from '../../machines/judge/index.ts';
import { columnsSchema, fromColumns, toColumns } from './columns.ts';

const counts = (requests: number, failures = 0) => ({ requests, failures });

const BATCHES: readonly Batch[] = [
  { at: 1_767_323_045_250, canary: counts(3, 1), stable: counts(61.5) },
  { at: 1_767_323_045_300, from: 1_767_323_015_301, canary: counts(3), stable: counts(61) },
  {
    at: 1_767_323_045_500,
    canary: counts(2),
    stable: counts(40),
    latency: {
      edges: [2.5, 10, 250],
      canary: { requests: 2, within: [0, 1, 2] },
      stable: { requests: 40, within: [3, 39, 39] },
    },
    stablePods: { 'checkout-a': counts(20), 'checkout-b': counts(20) },
  },
  {
    at: 1_767_323_049_000,
    canary: counts(0),
    stable: counts(7, 7),
    latency: { edges: [10], canary: { requests: 0, within: [0] }, stable: { requests: 7, within: [1] } },
    stablePods: { 'checkout-c': counts(7, 7) },
  },
  {
    at: 1_767_323_049_250,
    canary: counts(1),
    stable: counts(1),
    latency: { edges: [], canary: { requests: 1, within: [] }, stable: { requests: 1, within: [] } },
  },
];

describe('columns', () => {
  it('leave out since when a batch is where nobody knows it, which the judge takes for the same', () => {
    const batch: Batch = { at: 1_000, from: Number.NEGATIVE_INFINITY, canary: counts(1), stable: counts(1) };
    expect(fromColumns(toColumns([batch]))).toEqual([{ at: 1_000, canary: counts(1), stable: counts(1) }]);
  });

  it('give back the same batches, also through JSON', () => {
    const columns = columnsSchema.parse(JSON.parse(JSON.stringify(toColumns(BATCHES))));
    expect(fromColumns(columns)).toEqual(BATCHES);
  });

  it('of no batches are no batches', () => {
    expect(fromColumns(toColumns([]))).toEqual([]);
  });

  it('leave out what the record says in its raises', () => {
    const [batch] = BATCHES;
    const judged = batch === undefined ? [] : [{ ...batch, raisedAt: 7, weight: 0.05 }];
    expect(fromColumns(toColumns(judged))).toEqual([batch]);
  });
});
