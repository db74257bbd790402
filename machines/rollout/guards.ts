import type { RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import { routeFor } from './desired.ts';
import type { Facts, RequestFact } from './facts.ts';
import { isSameRoute, isUnderFault, revisionFact } from './facts.ts';
import type { Plan } from './plan.ts';
import { replicasFor } from './sizing.ts';
import { holdMsOf, isLastStep, nextTargetBp } from './steps.ts';
import { sightOf } from './verification.ts';

/** One look at the world: all that a transition may depend on. */
export interface Look {
  readonly at: number;
  readonly plan: Plan;
  readonly facts: Facts;
}

/**
 * How long a state whose route waits for proof from the metrics waits when the metrics are silent. Only for routes that take
 * traffic away from the canary, where waiting longer protects nobody; a step forward waits for as long as it takes.
 */
const BLIND_WAIT_MS = 60_000;

/** The operator's request when it is meant for this release, else null: a late repeat for another revision is nothing. */
export function requestFor(context: RolloutContext, facts: Facts): RequestFact | null {
  return facts.request !== null && facts.request.revision === context.release?.revision ? facts.request : null;
}

/** True while the operator's newest request for this release is to pause. */
export function isPaused(context: RolloutContext, facts: Facts): boolean {
  return requestFor(context, facts)?.type === 'Pause';
}

/** True when the operator asked to go on after the foreign edit was first seen: consent to write the route again. */
export function hasConsent(context: RolloutContext, facts: Facts): boolean {
  const foreign = context.release?.foreign;
  const request = requestFor(context, facts);
  return foreign != null && request?.type === 'Resume' && request.id !== foreign.requestId;
}

/** True at the first look that finds somebody else's content in the route. */
export function isEditNew({ release }: RolloutContext, { facts }: Look): boolean {
  return release !== null && release.foreign === null && facts.route.kind === 'foreign';
}

/** True while somebody else's content is in the route and nobody said that it may be replaced. */
export function isRouteHeld(context: RolloutContext, facts: Facts): boolean {
  return facts.route.kind === 'foreign' && !hasConsent(context, facts);
}

/** True when the route read back is the one that the state wants. */
export function isRouteWritten(state: RolloutState, context: RolloutContext, { facts }: Look): boolean {
  const wanted = routeFor(state, context);
  return wanted !== null && isSameRoute(facts.route, wanted);
}

/** True when requests were seen to follow the wanted route; `idle` counts only where `idleIsProof`. */
export function isRouteSeen(
  state: RolloutState,
  context: RolloutContext,
  look: Look,
  options: { readonly idleIsProof: boolean },
): boolean {
  const wanted = routeFor(state, context);
  if (wanted === null || !isRouteWritten(state, context, look)) return false;
  if (look.facts.evidence.state !== 'fresh') return false;
  const sight = sightOf(wanted, look.facts.traffic);
  return sight === 'seen' || (sight === 'idle' && options.idleIsProof);
}

/** True when a route that takes traffic away from what will be deleted has been out long enough, and was seen or cannot be. */
export function hasDrained(state: RolloutState, context: RolloutContext, look: Look): boolean {
  if (context.routeSince === null || !isRouteWritten(state, context, look)) return false;
  const waitedMs = look.at - context.routeSince;
  if (waitedMs < look.plan.drainMs) return false;
  // Somebody took the route back to the plain Service, which selects canary pods too: no metric will show them without requests.
  if (look.facts.route.kind === 'foreign') return true;
  if (isRouteSeen(state, context, look, { idleIsProof: true })) return true;
  return look.facts.evidence.state !== 'fresh' && waitedMs >= BLIND_WAIT_MS;
}

/** Weight that the canary has, or may have, in a state. */
export function liveWeightBp(state: RolloutState, context: RolloutContext): number {
  const { release } = context;
  if (release === null || release.evidenceSince === null) return 0;
  if (state === 'Scaling') return release.weightBp;
  if (state === 'Shifting' || state === 'Holding') return release.targetBp;
  return state === 'Baking' || state === 'HandingOver' ? 10_000 : 0;
}

/** True when the canary has the ready pods, and its Service the endpoints, that the present step needs. */
export function isCanaryReady(context: RolloutContext, { facts }: Look): boolean {
  const { release } = context;
  if (release === null) return false;
  const needed = replicasFor(release.targetBp, release, facts);
  const canary = revisionFact(facts, release.revision);
  return canary.ready >= needed && canary.service.readyEndpoints >= needed && canary.service.policiesInStep;
}

/** True when stable's own Service can take all the requests. */
export function isStableOpen(context: RolloutContext, facts: Facts): boolean {
  const stable = revisionFact(facts, context.stable);
  return stable.ready > 0 && stable.service.readyEndpoints >= stable.ready && stable.service.policiesInStep;
}

/** True when the judge lets this revision go on, from evidence that is fresh. */
export function mayAdvance(context: RolloutContext, facts: Facts): boolean {
  const { verdict } = facts;
  if (isUnderFault(facts)) return false;
  return (
    facts.evidence.state === 'fresh' && verdict?.revision === context.release?.revision && verdict?.kind === 'Advance'
  );
}

/** What the newest evidence may say against more weight. */
const DOUBTS: readonly string[] = ['StableBreachesSlo', 'SuspectedHarm', 'CanaryBreachesSlo', 'TooLittleToDecide'];

/** True when the evidence has turned since the step was taken, while pods were started for it. */
export function isDoubtful({ release }: RolloutContext, { verdict }: Facts): boolean {
  if (release === null || release.isPromoted || verdict?.revision !== release.revision) return false;
  return verdict.kind === 'Hold' && DOUBTS.includes(verdict.reason);
}

/** True when neither an operator nor a foreign edit keeps the release from going on. */
export function canAct(context: RolloutContext, { facts }: Look): boolean {
  return !isPaused(context, facts) && !isRouteHeld(context, facts);
}

/** True when an operator asked to skip what is left. */
export function isPromoteRequested(context: RolloutContext, { facts }: Look): boolean {
  return context.release?.isPromoted === true || requestFor(context, facts)?.type === 'Promote';
}

/** True while the canary has no requests because it is suspected of what both versions do. */
export function isSuspended({ release }: Pick<RolloutContext, 'release'>): boolean {
  return release?.targetBp === 0;
}

/** True when the present step has been held long enough and the judge, or an operator, lets the release go on. */
export function mayGoOn(context: RolloutContext, look: Look): boolean {
  const { release, routeSince } = context;
  if (release === null || !canAct(context, look) || !isCanaryReady(context, look)) return false;
  if (isPromoteRequested(context, look)) return true;
  if (isSuspended(context)) return false;
  const isHeldLongEnough = look.at >= (routeSince ?? Number.POSITIVE_INFINITY) + holdMsOf(release, look.plan);
  const hasNext = isLastStep(release) || nextTargetBp(release, look) > release.targetBp;
  return isHeldLongEnough && hasNext && mayAdvance(context, look.facts);
}

/** The same for the bake at 100 %; beyond the absence of harm, the release must have been shown to be good. */
export function mayPromote(context: RolloutContext, look: Look): boolean {
  if (!canAct(context, look) || !isCanaryReady(context, look)) return false;
  if (isPromoteRequested(context, look)) return true;
  const isBaked = look.at >= context.since + look.plan.bakeMs;
  return isBaked && mayAdvance(context, look.facts) && look.facts.verdict?.isShownGood === true;
}

export function isHandedOver({ release }: RolloutContext, { facts }: Look): boolean {
  return revisionFact(facts, release?.revision).owner === 'Deployment';
}

/** True when the Deployment runs, or is on its way to, something else than what we know as stable. */
export function isBetweenRevisions({ stable }: RolloutContext, { facts: { workload, active } }: Look): boolean {
  if (workload === null) return false;
  if (workload.rolling || (!workload.paused && !workload.settled)) return true;
  return workload.settled && active !== null && active !== stable;
}

/** True when a release is wanted, may begin, and its objectives were found to be measurable. */
export function isReleaseDue(context: RolloutContext, { facts }: Look): boolean {
  return isReleaseWanted(context, facts) && facts.embargo === null && facts.preflight.state === 'passed';
}

/** A template that is neither stable's nor the one taken back last, on a Deployment that runs nothing but stable. */
export function isReleaseWanted(
  context: RolloutContext,
  facts: Pick<Facts, 'workload' | 'active' | 'deleting' | 'revisions'>,
): boolean {
  const { workload, active, deleting } = facts;
  const { stable, refused } = context;
  if (workload === null || !workload.paused || deleting || active === null || active !== stable) return false;
  if (workload.revision === stable || revisionFact(facts, stable).ready === 0) return false;
  // The generation covers a hash that changed with the server's defaults: the user did not touch the template.
  return refused === null || (refused.revision !== workload.revision && refused.generation !== workload.generation);
}

/** True when no pod of the canary is left that is ours to remove. */
export function isCanaryGone({ release }: RolloutContext, { facts }: Look): boolean {
  const { owner, left } = revisionFact(facts, release?.revision);
  return owner === 'Deployment' || (owner === null && left === 0);
}

/** Nothing of ours is left: no revision Service and no ReplicaSet that the Rollout owns. */
export function isClean(facts: Facts): boolean {
  return Object.values(facts.revisions).every((revision) => !revision.service.exists && revision.owner !== 'Rollout');
}
