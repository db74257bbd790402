import type { Cause, ExperimentContext } from './context.ts';
import type { ExperimentState } from './desired.ts';
import { isDoseOver, type Look, nextDose, presentDose } from './look.ts';

/** Why the fault has to go, or must never come. */
export interface Ending {
  readonly cause: Cause;
  readonly message: string;
}

/** A fault is not kept for longer than this while nobody can see what it does, in ms. */
const BLIND_MS = 30_000;

/** A dose that was decided is in place after this time, or something is wrong, in ms. */
const WRITING_MS = 60_000;

/** Why the experiment must end now, or null. Nothing here waits, neither for metrics nor for a person. */
export function reasonToEnd(state: ExperimentState, context: ExperimentContext, look: Look): Ending | null {
  return (
    wish(look) ??
    admission(state, context, look) ??
    harm(state, context, look) ??
    loss(state, context, look) ??
    end(state, context, look)
  );
}

function wish({ facts: { end: asked, deleting } }: Look): Ending | null {
  if (asked !== null) return { cause: asked.reason, message: asked.message };
  return deleting ? { cause: 'Deleted', message: 'the experiment was deleted' } : null;
}

function admission(state: ExperimentState, { createdAt }: ExperimentContext, { at, plan, facts }: Look): Ending | null {
  const { state: answer, reason, message } = facts.admission;
  if (answer === 'denied') return { cause: 'Denied', message: `${reason}: ${message}` };
  const isLate = createdAt !== null && at >= createdAt + plan.startWithinMs;
  return state === 'Pending' && isLate ? { cause: 'NotAdmitted', message: `not admitted in time: ${message}` } : null;
}

function harm(
  state: ExperimentState,
  _: ExperimentContext,
  { facts: { steadyState, dose, fault } }: Look,
): Ending | null {
  if (steadyState?.kind === 'Breached') {
    return state === 'Baseline'
      ? { cause: 'BreachedBefore', message: `nothing was injected: ${steadyState.message}` }
      : { cause: 'Breached', message: steadyState.message };
  }
  if (state !== 'Injecting') return null;
  if (fault.isForeign) return { cause: 'FaultChanged', message: 'somebody changed the fault' };
  const asked = dose.matched === 0 ? 0 : dose.faulted / dose.matched;
  const isMore = dose.isProven === false && asked * 1_000_000 > (fault.dosePpm ?? 0);
  return isMore ? { cause: 'DoseExceeded', message: `more was touched than asked: ${dose.message}` } : null;
}

function loss(state: ExperimentState, context: ExperimentContext, look: Look): Ending | null {
  if (state !== 'Injecting') return null;
  const { at, plan, facts } = look;
  const { faultSeenAt, fuseUntil, blindSince } = context;
  if (faultSeenAt !== null && !facts.fault.exists) {
    const hasBurnt = fuseUntil !== null && at >= fuseUntil - 1_000;
    return hasBurnt
      ? { cause: 'FuseBurnt', message: 'the fuse burnt before it was renewed: the cluster took the fault away' }
      : { cause: 'FaultGone', message: 'somebody deleted the fault' };
  }
  const present = presentDose(context);
  if (present !== undefined && present.since === null && at >= present.decidedAt + WRITING_MS) {
    return { cause: 'FaultNotWritten', message: `the fault could not be written within ${WRITING_MS / 1000} s` };
  }
  const isBlind = plan.hasObjectives && blindSince !== null && at >= blindSince + BLIND_MS;
  return isBlind
    ? { cause: 'SourceDown', message: `nobody can see what the fault does: ${facts.evidence.message}` }
    : null;
}

function end(state: ExperimentState, context: ExperimentContext, look: Look): Ending | null {
  if (state !== 'Injecting' || !isDoseOver(context, look) || nextDose(context, look.plan) !== undefined) return null;
  return { cause: 'Completed', message: 'every dose was given' };
}
