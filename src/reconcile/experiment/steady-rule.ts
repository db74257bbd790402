import { measureDispersion } from '../../../machines/judge/index.ts';
import type { Batch } from '../../metrics/port.ts';
import type { SteadyStateRule } from './steady-state.ts';

/** So much of what users saw before the experiment says how bursty their failures are (analysis 2d.2), in ms. */
export const PAST_MS = 3_600_000;

/** α: of experiments that harm nobody at most so many are stopped by chance, by all objectives and doses and the baseline together. */
const FALSE_STOP = 0.04;

export interface Testing {
  /** When the baseline began: what was before is the past. */
  readonly startedAt: number;
  readonly objectives: number;
  readonly doses: number;
}

/** How sure to be of one objective. Failures that come in clumps anyway are no sign of the fault: φ is that of the hour before. Pure. */
export function steadyRuleOf(
  { name, allowedRatio }: { readonly name: string; readonly allowedRatio: number },
  batches: readonly Batch[],
  { startedAt, objectives, doses }: Testing,
): SteadyStateRule {
  const past = batches
    .filter(({ at }) => at <= startedAt)
    .map(({ at, canary, stable }) => ({
      ...{ at, requests: canary.requests + stable.requests, failures: canary.failures + stable.failures },
    }));
  // Each dose is judged by itself, and so is the baseline.
  const falseStop = FALSE_STOP / (objectives * (doses + 1));
  return { objective: name, allowedRatio, falseStop, dispersion: measureDispersion(past).dispersion };
}
