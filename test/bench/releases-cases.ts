import type { Behaviour } from '../../lab/echo/behaviour.ts';
import type { RolloutSpecInput } from '../../lab/shop/manifests.ts';
import type { RunFigures } from './releases-measure.ts';

/** What runs of one case may measure at most. */
export interface Bound {
  readonly figure: keyof RunFigures;
  readonly median?: number;
  readonly worst?: number;
}

/** One kind of release and what must come of it. */
export interface ReleaseCase {
  /** In one line, for the table. */
  readonly title: string;
  readonly runs: number;
  readonly rollout: RolloutSpecInput;
  /** How the new version differs from a plain echo. */
  readonly canary?: Partial<Behaviour>;
  /** How the stable version does. */
  readonly stable?: Partial<Behaviour>;
  /** The shop has a service behind the released one. */
  readonly withDependency?: boolean;
  /** That service fails for so long once the new version has had requests for a few seconds. */
  readonly outageMs?: number;
  readonly expected: 'Promoted' | 'RolledBack';
  readonly bounds: readonly Bound[];
  /** When a run counts as stuck. */
  readonly withinMs: number;
}

const MINUTE_MS = 60_000;
const SHORT = { bake: '5s', deadline: '20m' };
const FIRST_STEP_10 = { steps: [{ weight: 10, hold: '3m' }, { weight: 100 }], analysis: SHORT };
const NOTHING_LOST: Bound = { figure: 'lostRequests', worst: 0 };
const NOTHING_FAILED: Bound = { figure: 'failedRequests', worst: 0 };

const bad = (errorRatio: number, exposure: Omit<Bound, 'figure'>): ReleaseCase => ({
  title: `${errorRatio * 100} % errors, first step 10 %`,
  runs: 10,
  rollout: FIRST_STEP_10,
  canary: { errorRatio },
  expected: 'RolledBack',
  bounds: [{ figure: 'exposureS', ...exposure }, NOTHING_LOST],
  withinMs: 4 * MINUTE_MS,
});

const held = (title: string, behaviour: Partial<Behaviour>): ReleaseCase => ({
  title,
  runs: 1,
  rollout: { steps: [{ weight: 10, hold: '10m' }, { weight: 100 }], analysis: SHORT },
  canary: behaviour,
  stable: behaviour,
  expected: 'Promoted',
  bounds: [NOTHING_LOST],
  withinMs: 15 * MINUTE_MS,
});

/** Service times as they are in practice: a median of 40 ms, nine in ten within 24 to 66 ms. */
const TYPICAL = { latencyMs: 40, latencySpread: 0.3 };

const slow = (title: string, canary: Partial<Behaviour>, worst: number): ReleaseCase => ({
  title,
  runs: 3,
  rollout: {
    ...FIRST_STEP_10,
    objectives: [
      { name: 'availability', requests: { successRatio: 99 } },
      { name: 'latency', requests: { under: '250ms', ratio: 99 } },
    ],
  },
  canary: { ...TYPICAL, ...canary },
  stable: TYPICAL,
  expected: 'RolledBack',
  bounds: [{ figure: 'detectedS', worst }, NOTHING_LOST],
  withinMs: 5 * MINUTE_MS,
});

/** All cases, in the order in which they run; the bounds are those of the issue. */
export const CASES: Readonly<Record<string, ReleaseCase>> = {
  error100: bad(1, { median: 6, worst: 9 }),
  error50: bad(0.5, { median: 6, worst: 9 }),
  error5: bad(0.05, { median: 15 }),
  'default-steps': {
    ...bad(1, {}),
    title: '100 % errors, default steps: first 1 %',
    rollout: { strategy: { canary: {} }, analysis: SHORT },
    bounds: [{ figure: 'failedRequests', worst: 40 }, NOTHING_LOST],
  },
  'no-answer': {
    ...bad(1, {}),
    title: 'every connection is closed without an answer, first step 10 %',
    canary: { errorRatio: 1, errorStatus: 0 },
    // The callers see nothing of the version that fails them, so there is no first and last answer of it.
    bounds: [{ figure: 'failedRequests', worst: 180 }],
  },
  healthy: {
    title: 'nothing wrong',
    runs: 20,
    rollout: {
      steps: [{ weight: 10, hold: '5s' }, { weight: 50, hold: '5s' }, { weight: 100 }],
      analysis: SHORT,
    },
    expected: 'Promoted',
    bounds: [NOTHING_FAILED, NOTHING_LOST],
    withinMs: 5 * MINUTE_MS,
  },
  held: held('nothing wrong, held at 10 % for 10 min', {}),
  'slo-noise': held('0.5 % errors in both versions, held at 10 % for 10 min', { errorRatio: 0.005 }),
  slow50: slow('50 % slower at the median', { latencyMs: 60 }, 90),
  tail: slow('3 % of requests 1 s slower', { slowRatio: 0.03, slowMs: 1000 }, 120),
  outage: {
    title: 'a dependency of both versions fails for 60 s',
    runs: 3,
    // The hold would be over in the middle of the outage.
    rollout: { steps: [{ weight: 10, hold: '45s' }, { weight: 100 }], analysis: SHORT },
    withDependency: true,
    outageMs: 60_000,
    expected: 'Promoted',
    bounds: [NOTHING_LOST],
    withinMs: 10 * MINUTE_MS,
  },
  'canary-outage': {
    title: 'the new version breaks what both depend on',
    runs: 3,
    rollout: FIRST_STEP_10,
    canary: { overloads: true },
    withDependency: true,
    expected: 'RolledBack',
    bounds: [{ figure: 'detectedS', worst: 60 }, NOTHING_LOST],
    withinMs: 5 * MINUTE_MS,
  },
};
