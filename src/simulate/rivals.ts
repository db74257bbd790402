import type { ArmCounts } from '../../machines/judge/index.ts';

/** What a rival measures at a tick: the new version over the window of its query. */
export interface Measured extends ArmCounts {
  /** 99 % of the requests are answered within this, in ms, as `histogram_quantile` estimates it; null where not asked. */
  readonly p99Ms: number | null;
}

/** What a rule wants after a tick. */
export type Wish = 'GoOn' | 'Wait' | 'RollBack';

/** A rule that remembers its failed checks; takes what one tick measured. */
export type TickRule = (measured: Measured) => Wish;

/** What makes a check fail. */
export interface Thresholds {
  /** Failure ratio above which a check fails. */
  readonly most: number;
  /** Duration of 99 % of the requests above which a check fails, in ms; absent where durations are not checked. */
  readonly mostP99Ms?: number;
}

/**
 * Flagger (its own source, analysis 1.4): a check also fails without requests; failed checks add up over the whole release and hold the
 * weight; the rollback comes at the tick after the last that is needed.
 */
export function flagger({ threshold, ...limits }: Thresholds & { readonly threshold: number }): TickRule {
  let failed = 0;
  return (measured) => {
    if (failed >= threshold) return 'RollBack';
    if (measured.requests > 0 && !exceeds(measured, limits)) return 'GoOn';
    failed++;
    return 'Wait';
  };
}

/**
 * Argo Rollouts with a background analysis: an empty measurement is ignored; failed ones add up, and one more than the limit rolls back
 * at once. Steps go on by time whatever the measurements are.
 */
export function argo({ failureLimit, ...limits }: Thresholds & { readonly failureLimit: number }): TickRule {
  let failed = 0;
  return (measured) => {
    if (measured.requests > 0 && exceeds(measured, limits)) failed++;
    return failed > failureLimit ? 'RollBack' : 'GoOn';
  };
}

function exceeds({ requests, failures, p99Ms }: Measured, { most, mostP99Ms }: Thresholds): boolean {
  return failures > most * requests || (p99Ms !== null && mostP99Ms !== undefined && p99Ms > mostP99Ms);
}

/** How a rival is set up. Times in seconds. */
export interface Rival {
  readonly name: string;
  /** For people; ends without a full stop. */
  readonly description: string;
  /** Between two ticks. */
  readonly intervalS: number;
  /** Length of the window of its query. */
  readonly windowS: number;
  /** Whether it looks at durations. */
  readonly measuresP99: boolean;
  readonly rule: () => TickRule;
  /** Weights one after the other, as shares; after the last one it is promoted. */
  readonly weights: readonly number[];
  /** How long each weight is held: `tick` until a check passes, else by time alone. */
  readonly hold: 'tick' | number;
}

const TENTHS = [0.1, 0.2, 0.3, 0.4, 0.5];
const FIFTHS = [0.2, 0.4, 0.6, 0.8];

/** Flagger's built-in metrics as its tutorials use them: success of 99 %, and 99 % of the requests within 500 ms. */
const FLAGGER_LIMITS: Thresholds = { most: 0.01, mostP99Ms: 500 };
const FLAGGER = { windowS: 60, measuresP99: true, weights: TENTHS, hold: 'tick' } as const;

/** The rivals by the names of `--against`. */
export const RIVALS: readonly Rival[] = [
  {
    ...FLAGGER,
    name: 'flagger-default',
    description: 'threshold and interval left unset (1 and 60 s), 10 % steps to 50 %, success 99 %, p99 500 ms',
    intervalS: 60,
    rule: () => flagger({ ...FLAGGER_LIMITS, threshold: 1 }),
  },
  {
    ...FLAGGER,
    name: 'flagger-docs',
    description: 'as in its tutorials: threshold 5, interval 1m, 10 % steps to 50 %, success 99 %, p99 500 ms',
    intervalS: 60,
    rule: () => flagger({ ...FLAGGER_LIMITS, threshold: 5 }),
  },
  {
    ...FLAGGER,
    name: 'flagger-tuned',
    description: 'as fast as it gets: threshold 1, interval 10 s, 10 % steps to 50 %, success 99 %, p99 500 ms',
    intervalS: 10,
    rule: () => flagger({ ...FLAGGER_LIMITS, threshold: 1 }),
  },
  {
    name: 'argo-default',
    description: 'failureLimit left unset (0), interval 5m, success 95 %, steps 20/40/60/80 % of 10m',
    ...{ intervalS: 300, windowS: 300, measuresP99: false, weights: FIFTHS, hold: 600 },
    rule: () => argo({ most: 0.05, failureLimit: 0 }),
  },
  {
    name: 'argo-docs',
    description: 'as in its documentation: failureLimit 3, interval 5m, success 95 %, steps 20/40/60/80 % of 10m',
    ...{ intervalS: 300, windowS: 300, measuresP99: false, weights: FIFTHS, hold: 600 },
    rule: () => argo({ most: 0.05, failureLimit: 3 }),
  },
  {
    name: 'argo-tuned',
    description: 'as fast as it gets: failureLimit 0, interval 10 s, success 99 % over 1m, steps 20/40/60/80 % of 1m',
    ...{ intervalS: 10, windowS: 60, measuresP99: false, weights: FIFTHS, hold: 60 },
    rule: () => argo({ most: 0.01, failureLimit: 0 }),
  },
];

/**
 * What `histogram_quantile(0.99, …)` says: linear within its bucket; the last edge where the quantile lies beyond it. NaN, and so never
 * above a limit, without requests.
 */
export function estimatedP99(edges: readonly number[], { requests, within }: CumulativeCounts): number {
  const rank = 0.99 * requests;
  const bucket = within.findIndex((count) => count >= rank);
  if (requests === 0) return Number.NaN;
  if (bucket === -1) return edges.at(-1) ?? Number.NaN;
  const [from, to] = [edges[bucket - 1] ?? 0, edges[bucket] ?? 0];
  const [below, upTo] = [within[bucket - 1] ?? 0, within[bucket] ?? 0];
  return upTo === below ? to : from + ((to - from) * (rank - below)) / (upTo - below);
}

interface CumulativeCounts {
  readonly requests: number;
  readonly within: readonly number[];
}
