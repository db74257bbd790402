import type { Release, RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import type { Facts } from './facts.ts';
import { canAct, isRouteHeld, isSuspended, type Look, liveWeightBp } from './guards.ts';
import { ALL_BP, stepBackTo } from './steps.ts';

/**
 * True when the canary has all requests and breaches an objective: without requests to stable nobody can tell whose fault it is, so
 * stable gets some back.
 */
export function mustStepBack(state: RolloutState, context: RolloutContext, look: Look): boolean {
  return isUncompared(state, context, look.facts) && canStepBack(state, context, look);
}

export function isUncompared(state: RolloutState, context: RolloutContext, { verdict }: Facts): boolean {
  const isBreach = verdict?.revision === context.release?.revision && verdict?.reason === 'BreachUncompared';
  return isBreach && liveWeightBp(state, context) === ALL_BP;
}

/**
 * False where the breach has to be taken back uncompared: the route is not ours to write, stable is about to go, or this was tried before. A
 * fault that shows only with all requests would otherwise go up and back until the deadline.
 */
export function canStepBack(state: RolloutState, context: RolloutContext, { plan, facts }: Look): boolean {
  const { release } = context;
  if (release === null || release.isPromoted || state === 'HandingOver' || isRouteHeld(context, facts)) return false;
  if (hasSteppedBack(release)) return false;
  return stepBackTo(release, plan) !== null;
}

/** True when both versions broke with a step: the canary loses its requests until stable shows whose fault it is. */
export function mustSuspend(state: RolloutState, context: RolloutContext, { facts }: Look): boolean {
  return isSuspect(state, context, facts) && canSuspend(state, context, facts);
}

/** True when stable is well again and the canary was not the cause. */
export function mayResume(context: RolloutContext, look: Look): boolean {
  const { verdict, evidence } = look.facts;
  if (!isSuspended(context) || !canAct(context, look) || evidence.state !== 'fresh') return false;
  if (verdict === null || verdict.revision !== context.release?.revision) return false;
  return verdict.reason !== 'BreachSinceStep' && verdict.reason !== 'StableBreachesSlo';
}

export function isSuspect(state: RolloutState, context: RolloutContext, { verdict }: Facts): boolean {
  const isHeld = verdict?.revision === context.release?.revision && verdict?.kind === 'Hold';
  return isHeld && verdict?.reason === 'BreachSinceStep' && liveWeightBp(state, context) > 0;
}

export function canSuspend(state: RolloutState, context: RolloutContext, facts: Facts): boolean {
  return state !== 'HandingOver' && context.release?.isPromoted === false && !isRouteHeld(context, facts);
}

function hasSteppedBack({ raises }: Release): boolean {
  return raises.some(({ weightBp }, index) => weightBp < ALL_BP && raises[index - 1]?.weightBp === ALL_BP);
}
