import { describe, expect, it } from 'vitest';
import { argo, estimatedP99, flagger, type Measured, RIVALS, type TickRule } from './rivals.ts';

const GOOD: Measured = { requests: 1000, failures: 10, p99Ms: 400 };
const FAILING: Measured = { ...GOOD, failures: 11 };
const EMPTY: Measured = { requests: 0, failures: 0, p99Ms: null };
const LIMITS = { most: 0.01, mostP99Ms: 500 };

const wishes = (rule: TickRule, ticks: readonly Measured[]) => ticks.map(rule);

describe("Flagger's rule", () => {
  it('rolls back at the tick after the one that reached the threshold', () => {
    const rule = flagger({ ...LIMITS, threshold: 2 });
    expect(wishes(rule, [FAILING, FAILING, GOOD])).toEqual(['Wait', 'Wait', 'RollBack']);
  });

  it('adds up failed checks however many pass in between', () => {
    const rule = flagger({ ...LIMITS, threshold: 2 });
    expect(wishes(rule, [FAILING, GOOD, FAILING, GOOD])).toEqual(['Wait', 'GoOn', 'Wait', 'RollBack']);
  });

  it('counts silence as a failed check', () => {
    expect(wishes(flagger({ ...LIMITS, threshold: 1 }), [EMPTY, GOOD])).toEqual(['Wait', 'RollBack']);
  });

  it('counts durations', () => {
    const slow = { ...GOOD, p99Ms: 501 };
    expect(wishes(flagger({ ...LIMITS, threshold: 1 }), [slow, GOOD])).toEqual(['Wait', 'RollBack']);
  });
});

describe('the rule of Argo Rollouts', () => {
  it('needs one failure more than its limit, and acts at once', () => {
    const rule = argo({ most: 0.01, failureLimit: 3 });
    const ticks = [FAILING, FAILING, GOOD, FAILING, FAILING];
    expect(wishes(rule, ticks)).toEqual(['GoOn', 'GoOn', 'GoOn', 'GoOn', 'RollBack']);
  });

  it('ignores silence', () => {
    expect(wishes(argo({ most: 0.01, failureLimit: 0 }), [EMPTY, EMPTY])).toEqual(['GoOn', 'GoOn']);
  });
});

describe('the estimated quantile', () => {
  const edges = [100, 250, 500];

  it('is linear within its bucket', () => {
    // Rank 99 of 100 lies 9 of 10 requests into the bucket from 250 to 500.
    expect(estimatedP99(edges, { requests: 100, within: [50, 90, 100] })).toBeCloseTo(475, 9);
  });

  it('is the last edge where the quantile lies beyond it', () => {
    expect(estimatedP99(edges, { requests: 100, within: [50, 80, 90] })).toBe(500);
  });

  it('is no number without requests', () => {
    expect(estimatedP99(edges, { requests: 0, within: [0, 0, 0] })).toBeNaN();
  });
});

it('has presets with names of their own', () => {
  expect(new Set(RIVALS.map(({ name }) => name)).size).toBe(RIVALS.length);
});
