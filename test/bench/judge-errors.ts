import { DEFAULT_PARAMETERS, type JudgeParameters, measureDispersion } from '../../machines/judge/index.ts';
import { createRandom } from '../../src/simulate/random.ts';
import { exactLine, type Line, meanLine, shareLine } from './judge-report.ts';
import { argoRule, atLeast, checkFails, flaggerRule, type Rule, sluiceRule } from './judge-rules.ts';
import { compare, type Runs } from './judge-runs.ts';
import { trafficOf, type World } from './judge-worlds.ts';

const HOUR_S = 3600;

/** The judge as the tables of the analysis have it: the two-arm test alone, all staked on the start, no further rule. */
const BARE: JudgeParameters = {
  ...DEFAULT_PARAMETERS,
  margin: 1,
  weights: { harm: 1, latency: 0, slo: 0 },
  plannedBatches: 1,
  minFailures: 1,
  minBatches: 1,
};

/** The judge as it is shipped, for an objective of 99 %. */
const SHIPPED: JudgeParameters = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };

const MINUTE = { intervalS: 60, windowS: 60, most: 0.01 };
const FIVE_MINUTES = { intervalS: 300, windowS: 300, most: 0.01 };

const RULES = {
  'E Δ5': () => sluiceRule(5, BARE),
  'E Δ15': () => sluiceRule(15, BARE),
  'E Δ30': () => sluiceRule(30, BARE),
  'E Δ15 α.001': () => sluiceRule(15, { ...BARE, falseRollback: 0.001 }),
  'Flagger 10 s thr 2': () => flaggerRule({ ...MINUTE, intervalS: 10, threshold: 2 }),
  'Flagger 1 m thr 5': () => flaggerRule({ ...MINUTE, threshold: 5 }),
  'Flagger 1 m thr 10': () => flaggerRule({ ...MINUTE, threshold: 10 }),
  'Argo 1 m 99 %': () => argoRule({ ...MINUTE, failureLimit: 3 }),
  'Argo 5 m 99 %': () => argoRule({ ...FIVE_MINUTES, failureLimit: 3 }),
  'Argo 5 m 95 %': () => argoRule({ ...FIVE_MINUTES, most: 0.05, failureLimit: 3 }),
} as const;

type Cell = readonly [seconds: number, failed: number];

/** Table 2e: canary share, canary failure ratio, then a cell for each rule in the order of `RULES`. */
const DETECTION: readonly (readonly [number, number, readonly Cell[]])[] = [
  [
    0.01,
    0.01,
    [
      [489, 4.9],
      [497, 4.9],
      [509, 5.1],
      [681, 6.8],
      [129, 1.3],
      [726, 7.2],
      [1399, 14],
      [533, 5.3],
      [2350, 25],
      [3600, 36],
    ],
  ],
  [
    0.01,
    0.05,
    [
      [55, 2.7],
      [61, 3.0],
      [70, 3.5],
      [80, 3.9],
      [46, 2.2],
      [376, 19],
      [691, 34],
      [253, 13],
      [1200, 60],
      [2304, 121],
    ],
  ],
  [
    0.01,
    0.5,
    [
      [6.7, 3.4],
      [15, 7.5],
      [30, 15],
      [15, 7.6],
      [30, 15],
      [360, 180],
      [660, 330],
      [240, 120],
      [1200, 600],
      [1200, 600],
    ],
  ],
  [
    0.05,
    0.01,
    [
      [105, 5.3],
      [113, 5.7],
      [125, 6.3],
      [155, 7.8],
      [84, 4.2],
      [708, 35],
      [1348, 67],
      [521, 26],
      [2297, 120],
      [3600, 180],
    ],
  ],
  [
    0.05,
    0.05,
    [
      [14, 3.5],
      [20, 5.1],
      [31, 7.9],
      [24, 6],
      [31, 7.8],
      [360, 90],
      [660, 165],
      [240, 60],
      [1200, 300],
      [2268, 595],
    ],
  ],
  [
    0.05,
    0.5,
    [
      [5, 12],
      [15, 37],
      [30, 75],
      [15, 37],
      [30, 75],
      [360, 900],
      [660, 1650],
      [240, 600],
      [1200, 3000],
      [1200, 3000],
    ],
  ],
  [
    0.1,
    0.01,
    [
      [61, 6.1],
      [68, 6.8],
      [78, 7.8],
      [90, 9],
      [80, 8],
      [687, 69],
      [1327, 133],
      [503, 50],
      [2260, 238],
      [3600, 360],
    ],
  ],
  [
    0.1,
    0.05,
    [
      [9.8, 4.9],
      [16, 8.1],
      [30, 15],
      [18, 8.8],
      [30, 15],
      [360, 180],
      [660, 330],
      [240, 120],
      [1200, 600],
      [2260, 1181],
    ],
  ],
  [
    0.5,
    0.01,
    [
      [29, 14],
      [34, 17],
      [42, 21],
      [46, 23],
      [78, 39],
      [674, 337],
      [1289, 644],
      [491, 246],
      [2263, 1182],
      [3600, 1800],
    ],
  ],
  [
    0.5,
    0.05,
    [
      [5.8, 15],
      [15, 37],
      [30, 75],
      [15, 37],
      [30, 75],
      [360, 899],
      [660, 1650],
      [240, 600],
      [1200, 3000],
      [2250, 5879],
    ],
  ],
  [
    0.5,
    0.5,
    [
      [5, 125],
      [15, 375],
      [30, 750],
      [15, 375],
      [30, 750],
      [360, 8999],
      [660, 16502],
      [240, 6000],
      [1200, 30002],
      [1200, 30002],
    ],
  ],
];

const STABLE_RATIO = 0.001;

/** Rules as closed forms: nothing of the simulator may be believed before it agrees with them. */
export function closedForms(runs: Runs): readonly Line[] {
  const chances = [0.001, 0.005, 0.01, 0.05].map((p) => checkFails(60, p, 0.01, true));
  const lines: Line[] = [
    exactLine(
      'P(check fails) at w 1 %, p .1/.5/1/5 %:',
      '.058 .259 .451 .950',
      chances.map((f) => f.toFixed(3).slice(1)).join(' '),
    ),
  ];
  for (const [share, p] of [
    [0.01, 0.01],
    [0.01, 0.05],
    [0.05, 0.01],
  ] as const) {
    const f = checkFails(60 * 100 * share, p, 0.01, true);
    const found = compare(steady(100, share, p), RULES, { ...runs, seconds: 4 * HOUR_S });
    const label = `w ${share * 100} % p ${p * 100} %`;
    lines.push(
      meanLine(`${label} Flagger thr 5, s, (5/f + 1)·60:`, (5 / f + 1) * 60, found['Flagger 1 m thr 5'].seconds, false),
    );
    lines.push(meanLine(`${label} Argo 1 m, s, (3 + 1)/f·60:`, (4 / f) * 60, found['Argo 1 m 99 %'].seconds, false));
  }
  const healthy = compare(steady(100, 0.01, STABLE_RATIO), RULES, { ...runs, seconds: HOUR_S });
  const f = checkFails(60, STABLE_RATIO, 0.01, true);
  lines.push(
    shareLine(
      'false rollbacks of Flagger thr 5 at w 1 %, P(Bin(59, f) ≥ 5):',
      { is: atLeast(5, 59, f) },
      healthy['Flagger 1 m thr 5'].rolledBack,
    ),
  );
  return lines;
}

/** Table 2e: how long a fault that is there from the start lasts, and what it costs. */
export function detection(runs: Runs): readonly Line[] {
  return DETECTION.flatMap(([share, p, cells]) => {
    const rules = { ...RULES, 'shipped Δ5': () => sluiceRule(5, SHIPPED) };
    const found = compare(steady(100, share, p), rules, { ...runs, seconds: HOUR_S });
    return (Object.keys(rules) as (keyof typeof rules)[]).flatMap((name, i) => {
      const label = `w ${share * 100} % p ${p * 100} % ${name}`;
      const cell = cells[i];
      const isOurs = name.startsWith('E ');
      return [
        meanLine(`${label}, s:`, cell?.[0] ?? null, found[name].seconds, isOurs),
        meanLine(`${label}, failed:`, cell?.[1] ?? null, found[name].failed, isOurs),
      ];
    });
  });
}

/** Tables 2d.1 and 2f: faults that begin after half an hour, and what a margin costs. */
export function variants(runs: Runs): readonly Line[] {
  const late = (share: number, p: number) => ({
    ...steady(100, share, p),
    canary: (t: number) => (t < 1800 ? STABLE_RATIO : p),
  });
  const lateRules = {
    plain: () => sluiceRule(15, BARE),
    mixture: () => sluiceRule(15, { ...BARE, plannedBatches: 240 }),
  };
  const lateRows = [
    [0.05, 0.01, 344, 185],
    [0.05, 0.05, 68, 31],
    [0.5, 0.01, 139, 57],
    [0.5, 0.05, 31, 15],
  ] as const;
  const lines = lateRows.flatMap(([share, p, plain, mixture]) => {
    const found = compare(late(share, p), lateRules, { ...runs, seconds: 2 * HOUR_S, fromS: 1800 });
    const label = `fault at 30 min, w ${share * 100} % p ${p * 100} %`;
    return [
      meanLine(`${label}, plain start, s:`, plain, found.plain.seconds, false),
      meanLine(`${label}, change-point, s:`, mixture, found.mixture.seconds, true),
    ];
  });
  const margins = { 'r0 1': 1, 'r0 1.5': 1.5, 'r0 2': 2 } as const;
  const marginRows = [
    [0.05, 0.01, 114, 156, 203],
    [0.05, 0.05, 20, 22, 25],
    [0.5, 0.005, 90, 168, 298],
    [0.5, 0.01, 34, 51, 71],
  ] as const;
  const marginLines = marginRows.flatMap(([share, p, ...table]) => {
    const rules = Object.fromEntries(
      Object.entries(margins).map(([name, margin]) => [name, () => sluiceRule(15, { ...BARE, margin })]),
    );
    const found = compare(steady(100, share, p), rules, { ...runs, seconds: HOUR_S });
    return Object.keys(margins).flatMap((name, i) => {
      const outcome = found[name];
      return outcome
        ? [meanLine(`w ${share * 100} % p ${p * 100} % ${name}, s:`, table[i] ?? null, outcome.seconds, true)]
        : [];
    });
  });
  return [...lines, ...marginLines];
}

type FalseRow = readonly [
  label: string,
  world: World,
  rivals: readonly [number, number, number, number, number, number],
];

/** Table 2e, second half: share of harmless canaries that each rival rolls back in an hour, in the order of `RIVALS`. */
const HARMLESS: readonly FalseRow[] = [
  ['.1 %, w 1 %', steady(100, 0.01, 0.001), [0.97, 0.97, 0.26, 0.001, 0.46, 0]],
  ['.1 %, w 5 %', steady(100, 0.05, 0.001), [0.18, 0.093, 0, 0, 0, 0]],
  ['.1 %, w 50 %', steady(100, 0.5, 0.001), [0, 0, 0, 0, 0, 0]],
  ['.5 %, w 1 %', steady(100, 0.01, 0.005, 0.005), [1, 1, 1, 0.96, 1, 0.048]],
  ['.5 %, w 5 %', steady(100, 0.05, 0.005, 0.005), [1, 1, 0.87, 0.19, 0.95, 0]],
  ['.5 %, w 10 %', steady(100, 0.1, 0.005, 0.005), [1, 0.97, 0.23, 0.002, 0.44, 0]],
  ['.8 %, w 50 %', steady(100, 0.5, 0.008, 0.008), [1, 1, 0.81, 0.13, 0.92, 0]],
  ['2 %, w 10 %', steady(100, 0.1, 0.02, 0.02), [1, 1, 1, 1, 1, 1]],
  ['1 request/s, .1 %, w 5 %', steady(1, 0.05, 0.001), [1, 0.96, 0.21, 0.001, 0, 0]],
  ['both 5 % for 3 min, w 5 %', outage(0.05, 180), [1, 1, 0.004, 0, 0.09, 0]],
  ['both 5 % for 10 min, w 10 %', outage(0.1, 600), [1, 1, 1, 1, 1, 0]],
];

const RIVALS = {
  'Flagger 10 s thr 2': RULES['Flagger 10 s thr 2'],
  'Flagger 1 m thr 1': () => flaggerRule({ ...MINUTE, threshold: 1 }),
  'Flagger 1 m thr 5': RULES['Flagger 1 m thr 5'],
  'Flagger 1 m thr 10': RULES['Flagger 1 m thr 10'],
  'Argo 1 m 99 %': RULES['Argo 1 m 99 %'],
  'Argo 5 m 99 %': RULES['Argo 5 m 99 %'],
} as const;

const OURS = {
  'E Δ5': RULES['E Δ5'],
  'E Δ5 α.001': () => sluiceRule(5, { ...BARE, falseRollback: 0.001 }),
  'E Δ5 r0 2': () => sluiceRule(5, { ...BARE, margin: 2 }),
} as const;

/** Table 2e: harmless canaries that are rolled back within an hour. */
export function falseRollbacks(runs: Runs): readonly Line[] {
  return HARMLESS.flatMap(([label, world, table]) => {
    const rules = { ...OURS, shipped: () => sluiceRule(5, SHIPPED), ...RIVALS };
    const found = compare(world, rules, { ...runs, seconds: HOUR_S });
    return [
      shareLine(`${label} E Δ5:`, { most: 0.01 }, found['E Δ5'].rolledBack),
      shareLine(`${label} E Δ5 α.001:`, { most: 0.001 }, found['E Δ5 α.001'].rolledBack),
      shareLine(`${label} E Δ5 r0 2:`, { most: 0.01 }, found['E Δ5 r0 2'].rolledBack),
      shareLine(`${label} shipped Δ5:`, { most: 0.01 }, found.shipped.rolledBack),
      ...(Object.keys(RIVALS) as (keyof typeof RIVALS)[]).map((name, i) =>
        shareLine(`${label} ${name}:`, { is: table[i] ?? Number.NaN }, found[name].rolledBack),
      ),
    ];
  });
}

/** Table 2d.2: harmless canaries where failures are not independent; φ is measured on an hour of stable before each run. */
export function dependentFailures(runs: Runs): readonly Line[] {
  const clumps = { kind: 'clumps', meanSize: 5 } as const;
  const wandering = (deviation: number) => ({ kind: 'wandering', deviation, memoryS: 60 }) as const;
  const rows = [
    ['wandering sd .6', wandering(0.6), 0.019, 0.128],
    ['wandering sd 1', wandering(1), 0.09, 0.35],
    ['clumps of 5', clumps, 0.31, 0.51],
  ] as const;
  const lines = rows.flatMap(([label, failures, ...table]) =>
    [0.05, 0.5].flatMap((share, i) => {
      const world: World = { ...steady(100, share, STABLE_RATIO), failures };
      const rules = {
        naive: () => sluiceRule(5, BARE),
        tempered: measured(world, runs.seed, BARE),
        shipped: measured(world, runs.seed, SHIPPED),
      };
      const found = compare(world, rules, { ...runs, seconds: HOUR_S });
      const where = `${label}, w ${share * 100} %`;
      return [
        shareLine(`${where}, φ not used (table ${(table[i] ?? 0) * 100} %):`, null, found.naive.rolledBack),
        shareLine(`${where}, φ measured:`, { most: 0.01 }, found.tempered.rolledBack),
        shareLine(`${where}, shipped, φ measured:`, { most: 0.01 }, found.shipped.rolledBack),
      ];
    }),
  );
  const drift: World = {
    rate: 100,
    share: (t) => (t < 1800 ? 0.05 : 0.5),
    canary: (t) => (t < 1800 ? 0.001 : 0.01),
    stable: (t) => (t < 1800 ? 0.001 : 0.01),
  };
  const drifted = compare(
    drift,
    { bare: () => sluiceRule(5, BARE), shipped: () => sluiceRule(5, SHIPPED) },
    { ...runs, seconds: HOUR_S },
  );
  return [
    ...lines,
    shareLine('weight 5 → 50 % while both go .1 → 1 %, E Δ5:', { most: 0.01 }, drifted.bare.rolledBack),
    shareLine('weight 5 → 50 % while both go .1 → 1 %, shipped:', { most: 0.01 }, drifted.shipped.rolledBack),
  ];
}

/** Outages of both versions at weights at which stable has few requests to show them: they must hold, not roll back. */
export function commonOutages(runs: Runs): readonly Line[] {
  return [0.5, 0.75, 0.9, 0.95].flatMap((share) =>
    [0.03, 0.05, 0.5].map((depth) => {
      const rules = { shipped: () => sluiceRule(5, SHIPPED) };
      const found = compare(outage(share, 180, depth), rules, { ...runs, seconds: 1200 });
      const label = `both ${depth * 100} % for 3 min, w ${share * 100} % shipped:`;
      return shareLine(label, { most: 0.01 }, found.shipped.rolledBack);
    }),
  );
}

/** A rule that knows an hour of stable from before the release, another hour in each run. */
function measured(world: World, seed: number, parameters: JudgeParameters): () => Rule {
  let run = 0;
  return () => {
    const random = createRandom(seed + 104_729 * ++run);
    const past = [...trafficOf({ ...world, share: () => 0 }, random, HOUR_S)];
    const { dispersion } = measureDispersion(past.map(({ at, stable }) => ({ at, ...stable })));
    return sluiceRule(5, { ...parameters, dispersion });
  };
}

function steady(rate: number, share: number, canary: number, stable = STABLE_RATIO): World {
  return { rate, share: () => share, canary: () => canary, stable: () => stable };
}

function outage(share: number, seconds: number, depth = 0.05): World {
  const ratio = (t: number) => (t >= 600 && t < 600 + seconds ? depth : STABLE_RATIO);
  return { rate: 100, share: () => share, canary: ratio, stable: ratio };
}
