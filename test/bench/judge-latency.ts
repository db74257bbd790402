import {
  addBatch,
  beginJudging,
  DEFAULT_PARAMETERS,
  type JudgeParameters,
  type LatencyBatch,
} from '../../machines/judge/index.ts';
import { bucketShares, type Slowness, USUAL } from '../../src/simulate/durations.ts';
import { createRandom, type Random } from '../../src/simulate/random.ts';
import { estimatedP99, flagger } from '../../src/simulate/rivals.ts';
import { meanOf, shareOf } from '../../src/simulate/statistics.ts';
import { type Line, meanLine, shareLine } from './judge-report.ts';
import type { Runs } from './judge-runs.ts';

/** Default buckets of the Prometheus client libraries, milliseconds. */
const EDGES = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
const DURATIONS = { edges: EDGES, medianMs: 50 };
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

/** Seconds of our test and of Flagger's p99 below 500 ms (1 m, threshold 5); null where the table has no number for it. */
const ROWS: readonly (readonly [share: number, slowness: Slowness, seconds: number, flagger: number | null])[] = [
  [0.05, { factor: 1.1 }, 367, null],
  [0.05, { factor: 1.25 }, 70, 2358],
  [0.05, { factor: 1.5 }, 27, 839],
  [0.05, { factor: 2 }, 15, 383],
  [0.05, { stuckShare: 0.02, stuckMs: 1000 }, 46, 381],
  [0.5, { factor: 1.25 }, 20, null],
  [0.5, { factor: 1.5 }, 15, 1276],
];

const MINUTE_S = 60;

/** Table 2c: seconds until a slow canary is rolled back, and canaries of equal speed that are. */
export function latency(runs: Runs): readonly Line[] {
  const lines = ROWS.flatMap(([share, slowness, table, rival]) => {
    const label = `w ${share * 100} % ${nameOf(slowness)}`;
    return [
      meanLine(`${label}, s:`, table, meanOf(manyRuns(runs, share, slowness, BARE)), true),
      meanLine(`${label}, shipped, s:`, null, meanOf(manyRuns(runs, share, slowness, DEFAULT_PARAMETERS)), true),
      meanLine(`${label}, Flagger p99 < 500 ms, s:`, rival, meanOf(flaggerRuns(runs, share, slowness)), false),
    ];
  });
  const nulls = [0.05, 0.5].map((share) => {
    const seconds = manyRuns(runs, share, USUAL, BARE);
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
  const [usual, slow] = [bucketShares(DURATIONS, USUAL), bucketShares(DURATIONS, slowness)];
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

/** The same canaries by Flagger's rule: seconds to the rollback, an hour where there was none. */
function flaggerRuns({ runs, seed }: Runs, share: number, slowness: Slowness): readonly number[] {
  const shares = bucketShares(DURATIONS, slowness);
  return Array.from({ length: runs }, (_, run) => {
    const random = createRandom(seed + run * 7919);
    const rule = flagger({ most: 1, mostP99Ms: 500, threshold: 5 });
    for (let t = MINUTE_S; t <= HOUR_S; t += MINUTE_S) {
      const counted = histogram(random, RATE * MINUTE_S * share, shares);
      if (rule({ requests: counted.requests, failures: 0, p99Ms: estimatedP99(EDGES, counted) }) === 'RollBack')
        return t;
    }
    return HOUR_S;
  });
}

function nameOf(slowness: Slowness): string {
  return 'factor' in slowness ? `×${slowness.factor}` : `${slowness.stuckShare * 100} % of requests +1 s`;
}
