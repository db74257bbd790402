import { EMPTY_MIXTURE, grow, lnEvidence, type Mixture, type Stake, temper } from './mixture.ts';
import type { JudgeParameters } from './parameters.ts';
import { twoSampleFactor } from './two-sample.ts';

/** Requests of one version in one batch by how long they took. */
export interface ArmLatencies {
  /** Requests timed, at any duration. */
  readonly requests: number;
  /** Requests that took at most each edge, in the order of the edges: a classic histogram's cumulative buckets. */
  readonly within: readonly number[];
}

/** Durations of both versions in one batch. */
export interface LatencyBatch {
  /** Finite bucket edges that both versions have, in ascending order and in one unit. */
  readonly edges: readonly number[];
  readonly canary: ArmLatencies;
  readonly stable: ArmLatencies;
}

/** Evidence that the canary is slower. */
export interface LatencyState {
  /** Edges of the first batch; later batches must have them too. */
  readonly edges: readonly number[];
  /** Stable's timed requests so far, and those slower than each edge: what the next batch is guessed from. */
  readonly timed: number;
  readonly slow: readonly number[];
  readonly bets: Mixture;
}

/** No request timed yet. */
export const EMPTY_LATENCY: LatencyState = { edges: [], timed: 0, slow: [], bets: EMPTY_MIXTURE };

/** How many times higher the odds of a slow request may be in the canary, on each of which the test bets. */
const ODDS: readonly number[] = [1.1, 1.25, 1.5, 2, 3, 5, 10, 30, 100];

/** Before stable has shown this many timed requests there is nothing to guess from. */
const MIN_TIMED = 20;

/** Returns the edges in both lists, ascending. A release may change its buckets; without a common edge nothing can be compared. */
export function sharedEdges(a: readonly number[], b: readonly number[]): readonly number[] {
  const other = new Set(b);
  return a.filter((edge) => Number.isFinite(edge) && other.has(edge)).toSorted((x, y) => x - y);
}

/**
 * Takes one batch of durations into account (analysis.md 2c, bucket family): at each edge the two-sample test for "more canary
 * requests are slower than this", averaged over edges and odds, so that any dependence between edges is allowed. A batch that lacks
 * one of the edges, or is no histogram, changes nothing.
 */
export function addLatencies(state: LatencyState, batch: LatencyBatch, safe: JudgeParameters): LatencyState {
  const edges = state.edges.length > 0 ? state.edges : batch.edges;
  const canary = slowerThan(batch.edges, batch.canary, edges);
  const stable = slowerThan(batch.edges, batch.stable, edges);
  if (canary === null || stable === null || edges.length === 0) return state;
  const comparable = batch.canary.requests > 0 && batch.stable.requests > 0 && state.timed >= MIN_TIMED;
  const factors = edges.flatMap((_, i) =>
    ODDS.map((odds) => {
      const guess = guessAt(state, i, odds);
      const arms = {
        canary: { requests: batch.canary.requests, failures: canary[i] ?? 0 },
        stable: { requests: batch.stable.requests, failures: stable[i] ?? 0 },
      };
      return comparable ? twoSampleFactor(arms, guess, safe.latencyMargin) : 0;
    }),
  );
  return {
    edges,
    timed: state.timed + batch.stable.requests,
    slow: stable.map((count, i) => count + (state.slow[i] ?? 0)),
    bets: comparable ? grow(state.bets, temper(factors, safe.dispersion), stakeOn(edges, safe)) : state.bets,
  };
}

/** Returns ln of the evidence that the canary is slower; 0 before both versions have been timed. */
export function lnSlower(state: LatencyState, safe: JudgeParameters): number {
  return lnEvidence(state.bets, stakeOn(state.edges, safe));
}

/** Half the stake is on the objective's edge where there is one, since users were promised that one. */
function stakeOn(edges: readonly number[], safe: JudgeParameters): Stake {
  const { latencyEdge, plannedBatches } = safe;
  const promised = edges.length > 1 && latencyEdge !== null && edges.includes(latencyEdge);
  const shareOf = (edge: number) => {
    if (!promised) return 1 / edges.length;
    return edge === latencyEdge ? 0.5 : 0.5 / (edges.length - 1);
  };
  return { plannedBatches, lnShares: edges.flatMap((edge) => ODDS.map(() => Math.log(shareOf(edge) / ODDS.length))) };
}

function guessAt(state: LatencyState, index: number, odds: number): { canary: number; stable: number } {
  const stable = ((state.slow[index] ?? 0) + 0.5) / (state.timed + 1);
  return { stable, canary: (odds * stable) / (1 - stable + odds * stable) };
}

/** Requests slower than each of `wanted`; null when an edge is missing or a count is none. */
function slowerThan(
  edges: readonly number[],
  { requests, within }: ArmLatencies,
  wanted: readonly number[],
): readonly number[] | null {
  if (!(requests >= 0 && requests <= Number.MAX_SAFE_INTEGER)) return null;
  const slow: number[] = [];
  for (const edge of wanted) {
    const count = within[edges.indexOf(edge)];
    if (count === undefined || !(count >= 0)) return null;
    slow.push(Math.max(0, requests - count));
  }
  return slow;
}
