import {
  addBatch,
  beginJudging,
  DEFAULT_PARAMETERS,
  type JudgeParameters,
  verdictOf,
} from '../../machines/judge/index.ts';
import { createRandom } from '../../src/simulate/random.ts';
import { meanOf, shareOf } from '../../src/simulate/statistics.ts';
import { type Line, meanLine, shareLine } from './judge-report.ts';
import type { Runs } from './judge-runs.ts';
import { TICK_S, trafficOf, type World } from './judge-worlds.ts';

/** True ratio .1 %, 100 requests/s; table 2d.8: seconds until it is shown to be below 1 %. */
const ROWS = [
  [0.01, 483],
  [0.05, 102],
  [0.1, 59],
  [0.5, 18],
] as const;

/** Table 2d.8: how long a good canary takes to be shown good, and how often one that is exactly intolerable is. */
export function acceptance(runs: Runs): readonly Line[] {
  const parameters = { ...DEFAULT_PARAMETERS, tolerableFailureRatio: 0.01 };
  const lines = ROWS.map(([share, table]) => {
    const seconds = manyRuns(runs, worldOf(share, 0.001), parameters).map((found) => found ?? HOUR_S);
    return meanLine(`w ${share * 100} % p .1 %, s:`, table, meanOf(seconds), true);
  });
  const accepted = manyRuns(runs, worldOf(0.5, 0.01), parameters).filter((found) => found !== null).length;
  return [...lines, shareLine('p exactly 1 %, accepted within an hour:', { most: 0.05 }, shareOf(accepted, runs.runs))];
}

const HOUR_S = 3600;

function manyRuns({ runs, seed }: Runs, world: World, parameters: JudgeParameters): readonly (number | null)[] {
  return Array.from({ length: runs }, (_, run) => secondsToAccept(world, seed + run * 7919, parameters));
}

function secondsToAccept(world: World, seed: number, parameters: JudgeParameters): number | null {
  let state = beginJudging();
  let t = 0;
  for (const batch of trafficOf(world, createRandom(seed), HOUR_S)) {
    t += TICK_S;
    state = addBatch(state, batch, parameters);
    if (state.decided !== null) return null;
    if (verdictOf(state, parameters).acceptance.reached) return t;
  }
  return null;
}

function worldOf(share: number, ratio: number): World {
  return { rate: 100, share: () => share, canary: () => ratio, stable: () => ratio };
}
