import {
  addBatch,
  beginJudging,
  DEFAULT_PARAMETERS,
  type JudgeParameters,
  type LatencyBatch,
} from '../../machines/judge/index.ts';
import { createRandom, type Random } from './judge-random.ts';
import { type Line, meanLine, shareLine } from './judge-report.ts';
import type { Runs } from './judge-runs.ts';
import { meanOf, normalBelow, shareOf } from './judge-statistics.ts';

/** Default buckets of the Prometheus client libraries, milliseconds. */
const EDGES = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
const MEDIAN_MS = 50;
const SIGMA = 0.8;
const RATE = 100;
const BATCH_S = 15;
const HOUR_S = 3600;

/** The latency test alone, as table 2c has it: no margin, all staked on the start. */
const BARE: JudgeParameters = {
  ...DEFAULT_PARAMETERS,
  latencyMargin: 1,
  plannedBatches: 1,
  minBatches: 1,
  weights: { harm: 1e-6, latency: 1, slo: 0 },
};

/** How the canary is slower: everything by a factor, or a share of the requests by a second. */
type Slowness = { readonly factor: number } | { readonly stuckShare: number };

const ROWS: readonly (readonly [share: number, slowness: Slowness, seconds: number])[] = [
  [0.05, { factor: 1.1 }, 367],
  [0.05, { factor: 1.25 }, 70],
  [0.05, { factor: 1.5 }, 27],
  [0.05, { factor: 2 }, 15],
  [0.05, { stuckShare: 0.02 }, 46],
  [0.5, { factor: 1.25 }, 20],
  [0.5, { factor: 1.5 }, 15],
];

/** Table 2c: seconds until a slow canary is rolled back, and canaries of equal speed that are. */
export function latency(runs: Runs): readonly Line[] {
  const lines = ROWS.flatMap(([share, slowness, table]) => {
    const label = `w ${share * 100} % ${nameOf(slowness)}`;
    return [
      meanLine(`${label}, s:`, table, meanOf(manyRuns(runs, share, slowness, BARE)), true),
      meanLine(`${label}, shipped, s:`, null, meanOf(manyRuns(runs, share, slowness, DEFAULT_PARAMETERS)), true),
    ];
  });
  const nulls = [0.05, 0.5].map((share) => {
    const seconds = manyRuns(runs, share, { factor: 1 }, BARE);
    return shareLine(
      `w ${share * 100} % no slower, rolled back:`,
      { most: 0.01 },
      shareOf(seconds.filter((s) => s < HOUR_S).length, runs.runs),
    );
  });
  return [...lines, ...nulls];
}

function manyRuns(
  { runs, seed }: Runs,
  share: number,
  slowness: Slowness,
  parameters: JudgeParameters,
): readonly number[] {
  const [usual, slow] = [bucketShares({ factor: 1 }), bucketShares(slowness)];
  return Array.from({ length: runs }, (_, run) => {
    const random = createRandom(seed + run * 7919);
    const batch = (weight: number): LatencyBatch => ({
      edges: EDGES,
      canary: histogram(random, RATE * BATCH_S * weight, slow),
      stable: histogram(random, RATE * BATCH_S * (1 - weight), usual),
    });
    // Stable is known from before the canary had traffic.
    let state = addBatch(beginJudging(), asBatch(0, batch(0)), parameters);
    for (let t = BATCH_S; t <= HOUR_S; t += BATCH_S) {
      state = addBatch(state, asBatch(t, batch(share)), parameters);
      if (state.decided !== null) return t;
    }
    return HOUR_S;
  });
}

function asBatch(t: number, latencies: LatencyBatch) {
  const { canary, stable } = latencies;
  const counts = (requests: number) => ({ requests, failures: 0 });
  return { at: t * 1000, canary: counts(canary.requests), stable: counts(stable.requests), latency: latencies };
}

function histogram(random: Random, expected: number, shares: readonly number[]) {
  let requests = 0;
  const cumulative = shares.map((share) => {
    requests += random.poisson(expected * share);
    return requests;
  });
  return { requests, within: cumulative.slice(0, EDGES.length) };
}

/** Share of the requests in each bucket, the last one without an upper edge. */
function bucketShares(slowness: Slowness): readonly number[] {
  const below = [...EDGES.map((edge) => shareBelow(edge, slowness)), 1];
  return below.map((share, i) => share - (below[i - 1] ?? 0));
}

function shareBelow(edge: number, slowness: Slowness): number {
  const within = (ms: number) => (ms <= 0 ? 0 : normalBelow(Math.log(ms / MEDIAN_MS) / SIGMA));
  if ('factor' in slowness) return within(edge / slowness.factor);
  return (1 - slowness.stuckShare) * within(edge) + slowness.stuckShare * within(edge - 1000);
}

function nameOf(slowness: Slowness): string {
  return 'factor' in slowness ? `×${slowness.factor}` : `${slowness.stuckShare * 100} % of requests +1 s`;
}
