import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArmIncrement, cutBatches, lastBorder, outcomeOf } from './batches.ts';

describe('a request counts as', () => {
  it.each([
    ['ok', { response_code: '200', response_flags: '-' }],
    ['ok', { response_code: '404', response_flags: '-' }],
    ['failure', { response_code: '500', response_flags: '-' }],
    ['failure', { response_code: '503', response_flags: 'UH' }],
    ['failure', { response_code: '503', response_flags: 'URX,UF' }],
    ['failure', { response_code: '504', response_flags: 'UT' }],
    ['failure', { response_code: '0', response_flags: 'UC' }],
    ['ok', { response_code: '0', response_flags: 'DC' }],
    ['ok', { response_code: '503', response_flags: 'UC,DC' }],
    ['excluded', { response_code: '555', response_flags: 'FI' }],
    ['excluded', { response_code: '503', response_flags: 'DI,FI' }],
    ['excluded', { response_code: '429', response_flags: 'RL' }],
    ['ok', { response_code: '200', response_flags: 'DI' }],
    ['failure', { response_code: '500', response_flags: 'RLSE' }],
    ['ok', { response_code: '200', response_flags: '-', grpc_response_status: '0' }],
    ['ok', { response_code: '200', response_flags: '-', grpc_response_status: '5' }],
    ['failure', { response_code: '200', response_flags: '-', grpc_response_status: '14' }],
    ['failure', { response_code: '200', response_flags: '-', grpc_response_status: '2' }],
    ['ok', { response_code: '200', response_flags: '-', grpc_response_status: '' }],
    ['ok', { response_code: '200', response_flags: '-', grpc_response_status: '-' }],
    ['ok', { response_code: '200', response_flags: 'DC', grpc_response_status: '14' }],
    ['failure', { response_code: '500' }],
    ['ok', {}],
  ] as const)('%s with %j', (outcome, labels) => {
    expect(outcomeOf(labels)).toBe(outcome);
  });
});

const canary = (at: number, amount: number, failed = false): ArmIncrement => ({ at, arm: 'canary', amount, failed });
const stable = (at: number, amount: number, failed = false): ArmIncrement => ({ at, arm: 'stable', amount, failed });

describe('batches', () => {
  const grid = { closedUntil: 10_000, until: 14_000, cellMs: 1000 };

  it('hold what was stamped after the last border and up to their own', () => {
    const batches = cutBatches([canary(12_000, 2, true), canary(11_001, 3), stable(12_001, 40)], grid);
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
        failed: fc.boolean(),
        amount: fc.integer({ min: 1, max: 1000 }),
      }),
    );
    fc.assert(
      fc.property(increments, (list) => {
        const batches = cutBatches(list, grid);
        const sum = (of: (batch: (typeof batches)[number]) => number) =>
          batches.reduce((all, batch) => all + of(batch), 0);
        const expected = (keep: (increment: ArmIncrement) => boolean) =>
          list.filter(keep).reduce((all, { amount }) => all + amount, 0);
        expect(sum(({ canary: { requests } }) => requests)).toBe(expected(({ arm }) => arm === 'canary'));
        expect(sum(({ stable: { failures } }) => failures)).toBe(
          expected(({ arm, failed }) => arm === 'stable' && failed),
        );
        const borders = batches.map(({ at }) => at);
        expect(borders).toEqual([...new Set(borders)].sort((a, b) => a - b));
        expect(borders.every((at) => at > grid.closedUntil && at <= grid.until && at % 1000 === 0)).toBe(true);
      }),
    );
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
