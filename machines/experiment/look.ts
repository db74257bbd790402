import type { ExperimentContext, GivenDose } from './context.ts';
import type { ExperimentFacts } from './facts.ts';
import type { ExperimentPlan, PlannedDose } from './plan.ts';

/** One look at the world: all that a transition may depend on. */
export interface Look {
  readonly at: number;
  readonly plan: ExperimentPlan;
  readonly facts: ExperimentFacts;
}

/** The present dose; undefined before the first. */
export function presentDose({ doses }: Pick<ExperimentContext, 'doses'>): GivenDose | undefined {
  return doses.at(-1);
}

/** The dose after the present one; undefined when there is none. */
export function nextDose(
  { doses }: Pick<ExperimentContext, 'doses'>,
  { ramp }: ExperimentPlan,
): PlannedDose | undefined {
  return ramp[doses.length];
}

/** True once the present dose was in place for as long as it should be. */
export function isDoseOver(
  context: Pick<ExperimentContext, 'doses'>,
  { at, plan }: Pick<Look, 'at' | 'plan'>,
): boolean {
  const present = presentDose(context);
  const planned = plan.ramp[context.doses.length - 1];
  return present?.since != null && planned !== undefined && at >= present.since + planned.forMs;
}

/** A fuse that has less left than this is taken for burnt: its end may come between looking and writing. */
const BURNING_MS = 3_000;

/** Fuses that will still burn for a moment, by rising number. */
export function burningFuses({ at, facts }: Look): ExperimentFacts['fault']['fuses'] {
  return facts.fault.fuses.filter(({ expiresAt }) => expiresAt > at + BURNING_MS);
}
