import type { Outcome, RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import { routeFor, stepWeightBp } from './desired.ts';
import type { Facts, RequestFact } from './facts.ts';
import { isSameRoute, revisionFact } from './facts.ts';
import type { Plan } from './plan.ts';
import { replicasFor } from './sizing.ts';
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

/** True while somebody else's content is in the route and nobody said that it may be replaced. */
export function isRouteHeld(context: RolloutContext, facts: Facts): boolean {
  return facts.route.kind === 'foreign' && !hasConsent(context, facts);
}

/** True when the route read back is the one that the state wants. */
export function isRouteWritten(state: RolloutState, context: RolloutContext, { plan, facts }: Look): boolean {
  const wanted = routeFor(state, context, plan);
  return wanted !== null && isSameRoute(facts.route, wanted);
}

/** True when requests were seen to follow the wanted route; `idle` counts only where `idleIsProof`. */
export function isRouteSeen(
  state: RolloutState,
  context: RolloutContext,
  look: Look,
  options: { readonly idleIsProof: boolean },
): boolean {
  const wanted = routeFor(state, context, look.plan);
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
  if (isRouteSeen(state, context, look, { idleIsProof: true })) return true;
  return look.facts.evidence.state !== 'fresh' && waitedMs >= BLIND_WAIT_MS;
}

/** Weight that the canary has, or may have, in a state. */
export function liveWeightBp(state: RolloutState, context: RolloutContext, plan: Plan): number {
  const { release } = context;
  if (release === null || release.evidenceSince === null) return 0;
  if (state === 'Scaling') return release.weightBp;
  if (state === 'Shifting' || state === 'Holding') return stepWeightBp(release, plan);
  return state === 'Baking' || state === 'HandingOver' ? 10_000 : 0;
}

/** True when the canary has the ready pods, and its Service the endpoints, that the present step needs. */
export function isCanaryReady(context: RolloutContext, { plan, facts }: Look): boolean {
  const { release } = context;
  if (release === null) return false;
  const needed = replicasFor(stepWeightBp(release, plan), release, facts);
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
  return (
    facts.evidence.state === 'fresh' && verdict?.revision === context.release?.revision && verdict?.kind === 'Advance'
  );
}

/**
 * Why the release must go back now, or null. Nothing here waits: not for readiness, not for metrics, not for a person. The order
 * is that of blame, for the message only.
 */
export function reasonToWithdraw(state: RolloutState, context: RolloutContext, look: Look): Outcome | null {
  const { at, plan, facts } = look;
  const { release } = context;
  if (release === null || facts.workload === null) return null;
  const canary = revisionFact(facts, release.revision);
  const { verdict } = facts;
  if (verdict?.kind === 'Rollback' && verdict.revision === release.revision) {
    return { kind: 'RolledBack', reason: verdict.reason, message: verdict.message };
  }
  if (liveWeightBp(state, context, plan) > 0 && (canary.ready === 0 || canary.service.readyEndpoints === 0)) {
    return {
      kind: 'RolledBack',
      reason: 'CanaryLost',
      message: withProblem('no canary pod is ready any more', canary.problem),
    };
  }
  if (requestFor(context, facts)?.type === 'Abort') {
    return { kind: 'Aborted', reason: 'AbortRequested', message: 'an operator asked to abort' };
  }
  if (facts.deleting) return { kind: 'Deleted', reason: 'RolloutDeleted', message: 'the Rollout is being deleted' };
  if (facts.workload.revision === context.stable) {
    return {
      kind: 'Reverted',
      reason: 'TemplateReverted',
      message: 'the pod template is that of the stable version again',
    };
  }
  if (facts.workload.revision !== release.revision) {
    return {
      kind: 'Superseded',
      reason: 'NewerTemplate',
      message: `a newer pod template (${facts.workload.revision}) took its place`,
    };
  }
  return overdue(state, context, { at, plan, facts });
}

function overdue(state: RolloutState, context: RolloutContext, { at, plan, facts }: Look): Outcome | null {
  const { release, unreadySince, since } = context;
  if (release === null) return null;
  const canary = revisionFact(facts, release.revision);
  const waitingSince = state === 'Scaling' ? since : unreadySince;
  if (
    waitingSince !== null &&
    at >= waitingSince + plan.progressDeadlineMs &&
    !isCanaryReady(context, { at, plan, facts })
  ) {
    const what = `canary pods were not ready within ${plan.progressDeadlineMs / 1000} s`;
    return { kind: 'RolledBack', reason: 'ProgressDeadlineExceeded', message: withProblem(what, canary.problem) };
  }
  if (plan.onInconclusive === 'RollBack' && at >= release.deadlineAt && release.pausedAt === null) {
    return {
      kind: 'RolledBack',
      reason: 'DeadlineExceeded',
      message: `no decision within the deadline: ${facts.verdict?.message ?? facts.evidence.message}`,
    };
  }
  return null;
}

function withProblem(what: string, problem: string | null): string {
  return problem === null ? what : `${what}: ${problem}`;
}
