import { DEFAULT_STEPPING } from '../../machines/judge/index.ts';
import type { Stepping } from '../../machines/rollout/plan.ts';

/** `spec.strategy.canary.adaptive` as far as it says something. */
export interface StatedAdaptive {
  readonly profile?: 'Careful' | 'Fast';
  /** Percent. */
  readonly firstWeight?: number;
  readonly dwell?: string;
}

/** What the profiles stand for (analysis 3): how long a weight is held, and by how much a step may multiply it. */
const PROFILES = {
  Careful: { dwell: '2m', largestFactor: 2 },
  Fast: { dwell: '30s', largestFactor: 2.5 },
} as const;

/** Steps by evidence, from how the user wants them. */
export function adaptiveStepping(
  { profile = 'Careful', firstWeight, dwell = PROFILES[profile].dwell }: StatedAdaptive,
  durationMs: (path: string, text: string) => number,
): Stepping {
  const { largestFactor } = PROFILES[profile];
  return {
    kind: 'adaptive',
    parameters: { ...DEFAULT_STEPPING, largestFactor },
    dwellMs: durationMs('spec.strategy.canary.adaptive.dwell', dwell),
    firstBp: firstWeight === undefined ? null : Math.round(firstWeight * 100),
  };
}
