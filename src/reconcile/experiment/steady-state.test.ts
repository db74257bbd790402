import { describe, expect, it } from 'vitest';
import type { SteadyStateKind } from '../../../machines/experiment/facts.ts';
import { createDice } from '../../../test/sim/dice.ts';
import type { Batch } from '../../metrics/port.ts';
import { steadyStateOf, worstOf } from './steady-state.ts';

const RULE = { objective: 'availability', allowedRatio: 0.01, falseStop: 0.01, dispersion: 1 };

const batches = (count: number, requests: number, failures: number): readonly Batch[] =>
  Array.from({ length: count }, (_, i) => ({
    at: (i + 1) * 5_000,
    canary: { requests, failures },
    stable: { requests: 0, failures: 0 },
  }));

describe('the steady state', () => {
  it.each([
    ['Undecided', 'nothing was seen', []],
    ['Undecided', 'too little was seen', batches(1, 20, 0)],
    ['Holds', 'enough was seen', batches(20, 1000, 2)],
    ['Breached', 'too much fails', batches(3, 1000, 100)],
  ] as const)('is %s where %s', (kind, _, seen) => {
    expect(steadyStateOf(RULE, seen)).toMatchObject({ objective: 'availability', kind });
  });

  it('says the counts, and what is allowed', () => {
    expect(steadyStateOf(RULE, batches(3, 1000, 100)).message).toMatch(
      /^availability: breached, .*1 in .* against harmless: 100 of 1,000 failed, 1 % are allowed$/,
    );
  });

  it('of several is the worst', () => {
    const [holds, breached, undecided] = [batches(20, 1000, 2), batches(3, 1000, 100), []].map((seen) =>
      steadyStateOf(RULE, seen),
    );
    if (!holds || !breached || !undecided) throw new Error('nothing was judged');
    expect(worstOf([holds, undecided, breached])).toBe(breached);
    expect(worstOf([holds, undecided])).toBe(undecided);
    expect(worstOf([])).toBeNull();
  });

  it.each<[string, SteadyStateKind, (index: number) => readonly [number, number]]>([
    ['users without the fault are well', 'Breached', () => [100, 0]],
    ['users without the fault fail as often', 'BreachedEverywhere', () => [100, 10]],
    ['they fail too, more rarely, and breach it', 'BreachedEverywhere', () => [1_000, 40]],
    [
      'there are too few of them to show it, and they fail as often',
      'BreachedEverywhere',
      (index) => [index === 0 ? 10 : 0, index === 0 ? 1 : 0],
    ],
    ['they fail within what is allowed', 'Breached', () => [1_000, 9]],
    ['there are none', 'Breached', () => [0, 0]],
  ])('is, where %s, %s', (_, kind, control) => {
    const seen = batches(3, 1000, 100).map((batch, index) => {
      const [requests = 0, failures = 0] = control(index);
      return { ...batch, stable: { requests, failures } };
    });
    expect(steadyStateOf(RULE, seen).kind).toBe(kind);
  });

  it('says the counts of both groups', () => {
    const seen = batches(20, 212, 7).map((batch) => ({ ...batch, stable: { requests: 4_031, failures: 3 } }));
    expect(steadyStateOf(RULE, seen).message).toContain(
      '21 of 636 failed under the fault, 9 of 12,093 without, 1 % are allowed',
    );
  });

  it('is breached without any fault in fewer than 5 % of 1,000 experiments of 10 min at what the objective allows', () => {
    const dice = createDice(7);
    const harmless = Array.from({ length: 1_000 }, () => {
      const seen = Array.from({ length: 120 }, (_, i) => {
        const failures = Array.from({ length: 100 }).filter(() => dice.next() < RULE.allowedRatio).length;
        return { at: (i + 1) * 5_000, canary: { requests: 100, failures }, stable: { requests: 0, failures: 0 } };
      });
      return steadyStateOf(RULE, seen).kind;
    });
    expect(harmless.filter((kind) => kind === 'Breached').length).toBeLessThan(50);
  }, 60_000);
});
