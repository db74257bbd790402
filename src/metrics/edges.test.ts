import { describe, expect, it } from 'vitest';
import type { ArmIncrement } from './cells.ts';
import { agreeOnEdges, edgesAround, noAgreement } from './edges.ts';

const grid = { closedUntil: 0, until: 10_000, cellMs: 1000 };
const grew = (at: number, arm: ArmIncrement['arm'], ...edges: number[]): ArmIncrement => ({
  at,
  arm,
  requests: 1,
  failures: 0,
  durations: { edges, within: edges.map(() => 1) },
});

describe('edges around an objective', () => {
  const edges = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, Number.POSITIVE_INFINITY];

  it('are five on each side and the objective, as far as there are finite ones', () => {
    expect(edgesAround(edges, 250)).toEqual([5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]);
    expect(edgesAround(edges, 1)).toEqual([1, 5, 10, 25, 50, 100]);
    expect(edgesAround(edges.toReversed(), 30_000)).toEqual([500, 1000, 2500, 5000, 10_000, 30_000]);
  });

  it.each([300, Number.POSITIVE_INFINITY])('are none where %s is no finite edge', (underMs) => {
    expect(edgesAround(edges, underMs)).toEqual([]);
  });
});

describe('an agreement', () => {
  it('holds what all have up to the first cell by whose end both versions had answered', () => {
    const agreement = noAgreement();
    const late = grew(4500, 'canary', 100);
    agreeOnEdges(agreement, [grew(500, 'stable', 50, 100, 250), grew(2500, 'canary', 100, 250, 500), late], grid);
    expect(agreement).toMatchObject({ edges: [100, 250], since: 3000 });
  });

  it('is the same when the growth comes in parts, and never changes afterwards', () => {
    const agreement = noAgreement();
    agreeOnEdges(agreement, [grew(500, 'stable', 50, 100, 250)], grid);
    expect(agreement.since).toBeNull();
    agreeOnEdges(agreement, [grew(2500, 'canary', 100, 250, 500)], { ...grid, closedUntil: 1000 });
    agreeOnEdges(agreement, [grew(4500, 'canary', 100)], { ...grid, closedUntil: 3000 });
    expect(agreement).toMatchObject({ edges: [100, 250], since: 3000 });
  });

  it('is empty where the versions have no edge in common', () => {
    const agreement = noAgreement();
    agreeOnEdges(agreement, [grew(500, 'stable', 50), grew(600, 'canary', 60)], grid);
    expect(agreement).toMatchObject({ edges: [], since: 1000 });
  });
});
