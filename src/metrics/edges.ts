import { type ArmIncrement, cellOf, type Grid } from './cells.ts';

/** On which bucket edges the durations of both versions are told, as far as it is agreed. Changed only by `agreeOnEdges`. */
export interface EdgeAgreement {
  /** Edges in ms that all histograms so far have, rising; null before the first one. */
  edges: readonly number[] | null;
  hasCanary: boolean;
  hasStable: boolean;
  /** Batches that end at or after this time (ms) carry durations; null until both versions have answered. */
  since: number | null;
}

/** So many edges on each side of the objective's are read: slower ones show a tail, faster ones a shift, and the answer stays small. */
export const EDGES_PER_SIDE = 5;

export function noAgreement(): EdgeAgreement {
  return { edges: null, hasCanary: false, hasStable: false, since: null };
}

/** Those of the edges that are read for an objective at `underMs`: itself and its next neighbours. Rising; none when it is no edge. */
export function edgesAround(edges: readonly number[], underMs: number): readonly number[] {
  const rising = edges.filter((edge) => Number.isFinite(edge)).toSorted((a, b) => a - b);
  const index = rising.indexOf(underMs);
  return index < 0 ? [] : rising.slice(Math.max(0, index - EDGES_PER_SIDE), index + EDGES_PER_SIDE + 1);
}

/**
 * Agrees on the edges that all histograms have which grew up to the first cell by whose end both versions had answered. It does not
 * depend on how the same increments are spread over calls, and never changes afterwards: the judge compares like with like.
 */
export function agreeOnEdges(agreement: EdgeAgreement, increments: readonly ArmIncrement[], grid: Grid): void {
  if (agreement.since !== null) return;
  const byCell = increments
    .map((increment) => ({ cell: cellOf(increment.at, grid), increment }))
    .sort((a, b) => a.cell - b.cell);
  let last = Number.NEGATIVE_INFINITY;
  for (const { cell, increment } of byCell) {
    if (cell > last && agreement.hasCanary && agreement.hasStable) break;
    last = cell;
    const edges = increment.durations?.edges ?? [];
    agreement.edges = agreement.edges?.filter((edge) => edges.includes(edge)) ?? edges;
    if (increment.arm === 'canary') agreement.hasCanary = true;
    else agreement.hasStable = true;
  }
  if (agreement.hasCanary && agreement.hasStable) agreement.since = last;
}
