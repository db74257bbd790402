import { canStepBack, canSuspend, isSuspect, isUncompared } from './comparing.ts';
import type { Outcome, RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import { isUnderFault, revisionFact } from './facts.ts';
import { answerOf, isLostUnderFault } from './gates.ts';
import { isSuspended, type Look, liveWeightBp, requestFor } from './guards.ts';
import { replicasFor } from './sizing.ts';

/** How long stable may go on breaching without the canary before the release ends: its pods may harm without a request. */
const LONGEST_SUSPENSION_MS = 300_000;

/**
 * Why the release must go back now, or null. Nothing here waits: not for readiness, not for metrics, not for a person, not for the
 * Deployment. The order is that of blame, for the message only.
 */
export function reasonToWithdraw(state: RolloutState, context: RolloutContext, look: Look): Outcome | null {
  const { release } = context;
  if (release === null) return null;
  return (
    harm(state, context, look) ?? wish(context, look) ?? routeTakenAway(state, look) ?? overdue(state, context, look)
  );
}

/** The canary does, or is about to do, harm. */
function harm(state: RolloutState, context: RolloutContext, look: Look): Outcome | null {
  const { release } = context;
  const { facts } = look;
  const { verdict } = facts;
  if (verdict?.kind === 'Rollback' && verdict.revision === release?.revision) {
    return { kind: 'RolledBack', reason: verdict.reason, message: verdict.message };
  }
  if (verdict && isUncompared(state, context, facts) && !canStepBack(state, context, look)) {
    return { kind: 'RolledBack', reason: 'SloBreach', message: verdict.message };
  }
  if (verdict && isSuspect(state, context, facts) && !canSuspend(state, context, facts)) {
    return { kind: 'RolledBack', reason: 'BreachSinceStep', message: verdict.message };
  }
  const gate = answerOf(release, facts);
  if (gate?.state === 'failed') {
    return { kind: 'RolledBack', reason: 'ResilienceGateFailed', message: `gate ${gate.name}: ${gate.message}` };
  }
  const canary = revisionFact(facts, release?.revision);
  if (isLostUnderFault(context, look)) return null;
  if (liveWeightBp(state, context) === 0 || (canary.ready > 0 && canary.service.readyEndpoints > 0)) return null;
  const message = withProblem('no canary pod is ready any more', canary.problem);
  return { kind: 'RolledBack', reason: 'CanaryLost', message };
}

/** The user wants something else. */
function wish(context: RolloutContext, { facts }: Look): Outcome | null {
  const { release, stable } = context;
  const { workload } = facts;
  if (requestFor(context, facts)?.type === 'Abort') {
    return { kind: 'Aborted', reason: 'AbortRequested', message: 'an operator asked to abort' };
  }
  if (facts.deleting) return { kind: 'Deleted', reason: 'RolloutDeleted', message: 'the Rollout is being deleted' };
  if (workload === null) {
    return { kind: 'Aborted', reason: 'WorkloadDeleted', message: 'the Deployment was deleted during the release' };
  }
  if (workload.revision === stable) {
    const message = 'the pod template is that of the stable version again';
    return { kind: 'Reverted', reason: 'TemplateReverted', message };
  }
  if (workload.revision === release?.revision) return null;
  const message = `a newer pod template (${workload.revision}) took its place`;
  return { kind: 'Superseded', reason: 'NewerTemplate', message };
}

/**
 * The route was put back to the plain Service, or deleted. The plain Service selects the canary's pods too, so they get requests at a
 * weight that nobody decided: they have to go.
 */
function routeTakenAway(state: RolloutState, { facts: { route } }: Look): Outcome | null {
  if (state === 'OpeningStable' || route.kind !== 'foreign' || route.namesRevisions) return null;
  return { kind: 'RolledBack', reason: 'RouteTakenAway', message: route.message };
}

/** Time is up. */
function overdue(state: RolloutState, context: RolloutContext, look: Look): Outcome | null {
  const { at, plan, facts } = look;
  const { release, unreadySince, since } = context;
  if (release === null) return null;
  const canary = revisionFact(facts, release.revision);
  const waitingSince = state === 'Scaling' ? since : unreadySince;
  const isLate = waitingSince !== null && at >= waitingSince + plan.progressDeadlineMs;
  if (isLate && !isUnderFault(facts) && canary.ready < replicasFor(release.targetBp, release, facts)) {
    const what = `canary pods were not ready within ${plan.progressDeadlineMs / 1000} s`;
    return { kind: 'RolledBack', reason: 'ProgressDeadlineExceeded', message: withProblem(what, canary.problem) };
  }
  if (plan.onInconclusive !== 'RollBack' || release.pausedAt !== null) return null;
  const withoutRequests = at - (release.raises.at(-1)?.at ?? at);
  if (isSuspended(context) && withoutRequests >= LONGEST_SUSPENSION_MS) {
    const message = `stable did not recover within ${LONGEST_SUSPENSION_MS / 60_000} min without requests to the canary, whose pods may be the cause`;
    return { kind: 'RolledBack', reason: 'BreachSinceStep', message };
  }
  // What is decided already is carried out, however late.
  if (at < release.deadlineAt || release.isPromoted || state === 'HandingOver') return null;
  const message = `no decision within the deadline: ${facts.verdict?.message ?? facts.evidence.message}`;
  return { kind: 'RolledBack', reason: 'DeadlineExceeded', message };
}

function withProblem(what: string, problem: string | null): string {
  return problem === null ? what : `${what}: ${problem}`;
}
