import { describe, expect, it } from 'vitest';
import type { Batch } from './batch.ts';
import { comparable } from './comparable.ts';

const RAISED_AT = 100_000;
const batch: Batch = {
  at: RAISED_AT + 5_000,
  raisedAt: RAISED_AT,
  weight: 0.5,
  canary: { requests: 100, failures: 20 },
  stable: { requests: 1000, failures: 25 },
  latency: {
    edges: [100, 300],
    canary: { requests: 100, within: [80, 100] },
    stable: { requests: 1000, within: [900, 990] },
  },
};

describe('a batch that spans a raise', () => {
  it("leaves out stable's good requests beyond the split, and keeps its failed and slow ones", () => {
    expect(comparable(batch)).toMatchObject({
      canary: batch.canary,
      stable: { requests: 100, failures: 25 },
      latency: { canary: batch.latency?.canary, stable: { requests: 100, within: [0, 90] } },
    });
  });

  it('keeps all of them where stable has no more than its share, or the raise is long past, or nobody knows the weight', () => {
    const even: Batch = { ...batch, stable: { requests: 90, failures: 1 }, latency: null };
    expect(comparable(even)).toMatchObject({ canary: even.canary, stable: even.stable });
    for (const other of [{ at: RAISED_AT + 10_000 }, { raisedAt: null }, { weight: null }]) {
      expect(comparable({ ...batch, ...other })).toMatchObject({ stable: batch.stable, latency: batch.latency });
    }
  });

  it('is told by when it began, however long it is', () => {
    const long: Batch = { ...batch, at: RAISED_AT + 61_000, from: RAISED_AT + 1_000 };
    expect(comparable(long)).toMatchObject({ stable: { requests: 100 } });
    expect(comparable({ ...long, from: RAISED_AT + 2_000 })).toMatchObject({ stable: batch.stable });
    expect(comparable({ ...batch, from: RAISED_AT + 2_000 })).toMatchObject({ stable: batch.stable });
    expect(comparable({ ...batch, from: Number.NEGATIVE_INFINITY })).toMatchObject({ stable: { requests: 100 } });
  });

  it('compares nothing of stable at 100 %', () => {
    expect(comparable({ ...batch, weight: 1 })).toMatchObject({ stable: { requests: 25, failures: 25 } });
  });
});

describe('a batch that spans a lowering', () => {
  it("leaves out the canary's failures and slow requests beyond the split first", () => {
    const lowered: Batch = {
      ...{ ...batch, isLowered: true, weight: 0.1, stable: { requests: 450, failures: 5 } },
      canary: { requests: 500, failures: 480 },
      latency: {
        edges: [100],
        canary: { requests: 500, within: [20] },
        stable: { requests: 450, within: [450] },
      },
    };
    expect(comparable(lowered)).toMatchObject({
      canary: { requests: 50, failures: 30 },
      stable: lowered.stable,
      latency: { canary: { requests: 50, within: [20] } },
    });
    expect(comparable({ ...lowered, weight: 0 })).toMatchObject({ canary: { requests: 0, failures: 0 } });
  });
});
