import {
  addBatch,
  beginJudging,
  DEFAULT_PARAMETERS,
  DEFAULT_STEPPING,
  firstWeight,
  forget,
  type JudgeState,
  learn,
  nextWeight,
  type Risk,
  type SteppingParameters,
  UNKNOWN_RISK,
  verdictOf,
} from '../../machines/judge/index.ts';
import { createRandom, type Random } from '../../src/simulate/random.ts';
import { meanOf, shareOf } from '../../src/simulate/statistics.ts';
import { type Line, meanLine, shareLine } from './judge-report.ts';
import type { Runs } from './judge-runs.ts';

const BATCH_S = 15;
const ROUTE_BACK_S = 5;
const HOUR_S = 3600;
const STABLE_RATIO = 0.001;

/** The judge as table 3 has it: errors against stable and against 99 %, equal shares, change-point start, no margin. */
const JUDGE = {
  ...DEFAULT_PARAMETERS,
  margin: 1,
  sloFailureRatio: 0.01,
  tolerableFailureRatio: 0.01,
  minFailures: 1,
  minBatches: 1,
  weights: { harm: 1, latency: 0, slo: 1 },
};

/** Columns b = .00125 of table 3: two scrapes of dwell, and 120 s. */
const RULES = {
  'dwell 30 s': { dwellS: 30, stepping: { ...DEFAULT_STEPPING, largestFactorAbove: 2.5 } },
  'dwell 120 s': { dwellS: 120, stepping: { ...DEFAULT_STEPPING, largestFactorAbove: 2.5 } },
  'default, dwell 120 s': { dwellS: 120, stepping: DEFAULT_STEPPING },
} as const;

type Rule = { readonly dwellS: number; readonly stepping: SteppingParameters };

/** Requests per second, failure ratio of the canary (null: healthy), failed requests or seconds to 100 % with 30 s and 120 s of dwell. */
const ROWS: readonly (readonly [rate: number, ratio: number | null, fast: number | null, slow: number | null])[] = [
  [100, null, 120, 480],
  [100, 0.01, 10.5, 7.8],
  [100, 0.05, 7, 6.9],
  [100, 0.5, 50, 50],
  [1000, null, 210, 840],
  [1000, 0.01, 9.2, 7.1],
  [1000, 0.05, 6.7, 6.4],
  [10, null, 175, 483],
  [10, 0.01, 24, 13],
  [10, 0.05, 5.1, 4.2],
];

/** Table 3: what an adaptive release costs when it is harmful, and how long it takes when it is not. */
export function stepping(runs: Runs): readonly Line[] {
  return ROWS.flatMap(([rate, ratio, fast, slow]) =>
    (Object.keys(RULES) as (keyof typeof RULES)[]).flatMap((name, i) => {
      const results = Array.from({ length: runs.runs }, (_, run) =>
        release(createRandom(runs.seed + run * 7919), rate, ratio ?? STABLE_RATIO, RULES[name]),
      );
      const table = [fast, slow, null][i] ?? null;
      const label = `${rate} requests/s, ${name}`;
      if (ratio !== null) {
        return [
          meanLine(`${label}, p ${ratio * 100} %, failed:`, table, meanOf(results.map(({ failed }) => failed)), true),
        ];
      }
      const rolledBack = results.filter((result) => result.rolledBack).length;
      return [
        meanLine(`${label}, healthy, s to 100 %:`, table, meanOf(results.map(({ fullAtS }) => fullAtS)), true),
        shareLine(`${label}, healthy, rolled back:`, { most: 0.01 }, shareOf(rolledBack, runs.runs)),
      ];
    }),
  );
}

interface Progress {
  readonly judge: JudgeState;
  readonly risk: Risk;
  readonly weight: number;
  readonly steppedAtS: number;
}

function release(random: Random, rate: number, ratio: number, rule: Rule) {
  let progress: Progress = {
    judge: beginJudging(),
    risk: UNKNOWN_RISK,
    weight: firstWeight(rate, rule.stepping),
    steppedAtS: 0,
  };
  let [failed, fullAtS] = [0, HOUR_S];
  for (let t = BATCH_S; t <= HOUR_S; t += BATCH_S) {
    const canary = countsOf(random, rate * progress.weight * BATCH_S, ratio);
    const stable = countsOf(random, rate * (1 - progress.weight) * BATCH_S, STABLE_RATIO);
    failed += canary.failures;
    const judge = addBatch(progress.judge, { at: t * 1000, canary, stable }, JUDGE);
    if (judge.decided !== null) {
      failed += countsOf(random, rate * progress.weight * ROUTE_BACK_S, ratio).failures;
      return { failed, fullAtS, rolledBack: true };
    }
    progress = stepped({ ...progress, judge, risk: learn(progress.risk, canary, STABLE_RATIO) }, t, rule);
    if (progress.weight === 1) fullAtS = Math.min(fullAtS, t);
  }
  return { failed, fullAtS, rolledBack: false };
}

function stepped(progress: Progress, t: number, { dwellS, stepping: parameters }: Rule): Progress {
  const { risk, judge } = progress;
  if (t - progress.steppedAtS < dwellS) return progress;
  const isShownGood = verdictOf(judge, JUDGE).acceptance.reached;
  const weight = nextWeight({ weight: progress.weight, risk, stableRatio: STABLE_RATIO, isShownGood }, parameters);
  return weight === progress.weight ? progress : { judge, risk: forget(risk, parameters), weight, steppedAtS: t };
}

function countsOf(random: Random, expected: number, ratio: number) {
  const failures = random.poisson(expected * ratio);
  return { requests: failures + random.poisson(expected * (1 - ratio)), failures };
}
