import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { carryFailures, cutBatches } from './batches.ts';
import { type ArmIncrement, lastBorder } from './cells.ts';

const canary = (at: number, requests: number, failures = 0): ArmIncrement => ({
  at,
  arm: 'canary',
  requests,
  failures,
});
const stable = (at: number, requests: number, failures = 0): ArmIncrement => ({
  at,
  arm: 'stable',
  requests,
  failures,
});

describe('batches', () => {
  const grid = { closedUntil: 10_000, until: 14_000, cellMs: 1000 };

  it('hold what was stamped after the last border and up to their own', () => {
    const batches = cutBatches([canary(12_000, 2, 2), canary(11_001, 3), stable(12_001, 40)], grid);
    expect(batches).toEqual([
      { at: 12_000, canary: { requests: 5, failures: 2 }, stable: { requests: 0, failures: 0 } },
      { at: 13_000, canary: { requests: 0, failures: 0 }, stable: { requests: 40, failures: 0 } },
    ]);
  });

  it('take late growth into the first open cell', () => {
    expect(cutBatches([canary(3000, 7)], grid)).toEqual([
      { at: 11_000, canary: { requests: 7, failures: 0 }, stable: { requests: 0, failures: 0 } },
    ]);
  });

  it('are none without increments', () => {
    expect(cutBatches([], grid)).toEqual([]);
  });

  it('may begin anywhere at the first cut', () => {
    const [batch] = cutBatches([canary(3000, 7)], { ...grid, closedUntil: Number.NEGATIVE_INFINITY });
    expect(batch?.at).toBe(3000);
  });

  it('hold every request once, at rising borders of open cells', () => {
    const increments = fc.array(
      fc.record({
        at: fc.integer({ min: 0, max: 14_000 }),
        arm: fc.constantFrom('canary' as const, 'stable' as const),
        failures: fc.nat(10),
        requests: fc.integer({ min: 10, max: 1000 }),
      }),
    );
    fc.assert(
      fc.property(increments, (list) => {
        const batches = cutBatches(list, grid);
        const sum = (of: (batch: (typeof batches)[number]) => number) =>
          batches.reduce((all, batch) => all + of(batch), 0);
        const expected = (arm: string, of: (increment: ArmIncrement) => number) =>
          list.filter((increment) => increment.arm === arm).reduce((all, increment) => all + of(increment), 0);
        expect(sum(({ canary: { requests } }) => requests)).toBe(expected('canary', ({ requests }) => requests));
        expect(sum(({ stable: { failures } }) => failures)).toBe(expected('stable', ({ failures }) => failures));
        const borders = batches.map(({ at }) => at);
        expect(borders).toEqual([...new Set(borders)].sort((a, b) => a - b));
        expect(borders.every((at) => at > grid.closedUntil && at <= grid.until && at % 1000 === 0)).toBe(true);
      }),
    );
  });
});

describe('durations', () => {
  const grid = { closedUntil: 0, until: 3000, cellMs: 1000 };
  const agreement = { edges: [100, 300], hasCanary: true, hasStable: true, since: 2000 };
  const timed = (at: number, arm: 'canary' | 'stable', durations: ArmIncrement['durations']): ArmIncrement => {
    return { at, arm, requests: 10, failures: 2, ...(durations && { durations }) };
  };

  it('are told at the agreed edges, from the agreement on', () => {
    const wide = { edges: [50, 100, 300], within: [1, 4, 8] };
    const batches = cutBatches(
      [
        timed(900, 'stable', wide),
        timed(1500, 'stable', wide),
        timed(1600, 'canary', { edges: [100, 300], within: [0, 8] }),
      ],
      grid,
      agreement,
    );
    expect(batches[0]).not.toHaveProperty('latency');
    expect(batches[1]?.latency).toEqual({
      edges: [100, 300],
      canary: { requests: 10, within: [0, 8] },
      stable: { requests: 10, within: [4, 8] },
    });
  });

  it('of a histogram without an agreed edge are left out, its requests are not', () => {
    const [batch] = cutBatches([timed(1500, 'canary', { edges: [300], within: [8] })], grid, agreement);
    expect(batch?.canary).toEqual({ requests: 10, failures: 2 });
    expect(batch?.latency?.canary).toEqual({ requests: 0, within: [0, 0] });
  });
});

describe('the pods of stable', () => {
  const grid = { closedUntil: 0, until: 3000, cellMs: 1000 };

  it('have counts of their own, with no more failures than requests', () => {
    const [batch] = cutBatches(
      [
        { ...stable(500, 9), pod: 'a' },
        { ...stable(600, 0, 2), pod: 'a' },
        { ...stable(700, 1, 0), pod: 'b' },
        { ...stable(700, 0, 3), pod: 'b' },
      ],
      grid,
    );
    expect(batch?.stablePods).toEqual({ a: { requests: 9, failures: 2 }, b: { requests: 1, failures: 1 } });
  });

  it('are not told when one is unknown', () => {
    const [batch] = cutBatches([{ ...stable(500, 9), pod: 'a' }, stable(500, 1)], grid);
    expect(batch).not.toHaveProperty('stablePods');
  });
});

describe('failures that come before their requests', () => {
  it('wait for them', () => {
    const carried = { canary: 0, stable: 0 };
    const grid = { closedUntil: 0, until: 3000, cellMs: 1000 };
    const increments = [canary(500, 0, 5), canary(1500, 3), stable(1500, 4, 1), canary(2500, 9, 1)];
    expect(carryFailures(cutBatches(increments, grid), carried)).toMatchObject([
      { at: 2000, canary: { requests: 3, failures: 3 }, stable: { requests: 4, failures: 1 } },
      { at: 3000, canary: { requests: 9, failures: 3 } },
    ]);
    expect(carried).toEqual({ canary: 0, stable: 0 });
  });
});

describe('the last border', () => {
  it.each([
    [999, 0],
    [1000, 1000],
    [1999, 1000],
  ])('of %i is %i', (at, border) => {
    expect(lastBorder(at, 1000)).toBe(border);
  });
});
