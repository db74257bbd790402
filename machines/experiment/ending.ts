import type { Cause, ExperimentContext } from './context.ts';
import type { ExperimentState } from './desired.ts';
import { isDoseOver, type Look, nextDose, presentDose } from './look.ts';

/** Why the fault has to go, or must never come. */
export interface Ending {
  readonly cause: Cause;
  readonly message: string;
}

/** A fault is not kept for longer than this while nobody can see what it does, or whether it may be there, in ms. */
const BLIND_MS = 30_000;

/** A dose that was decided is in place after this time, or something is wrong, in ms. */
const WRITING_MS = 60_000;

/** Why the experiment must end now, or null. Nothing here waits, neither for metrics nor for a person. */
export function reasonToEnd(state: ExperimentState, context: ExperimentContext, look: Look): Ending | null {
  const isInjecting = state === 'Injecting';
  return (
    wish(look) ??
    refusal(state, look) ??
    (isInjecting ? null : lateness(state, context, look)) ??
    breach(context, look) ??
    (isInjecting ? (excess(look) ?? loss(context, look) ?? dosesOver(context, look)) : null)
  );
}

function wish({ facts: { end: asked, deleting } }: Look): Ending | null {
  if (asked !== null) return { cause: asked.reason, message: asked.message };
  return deleting ? { cause: 'Deleted', message: 'the experiment was deleted' } : null;
}

/** Refusals that are causes of their own once something has begun. */
const CAUSES = ['Halted', 'ShareExceeded', 'ControlPlane'] as const satisfies readonly Cause[];

/** Who has to wait must not inject meanwhile. The lever stops what has begun, and denies what has not. */
function refusal(state: ExperimentState, { facts: { admission } }: Look): Ending | null {
  const { state: answer, reason, message } = admission;
  const isRefused = answer === 'denied' || (answer === 'waiting' && state === 'Injecting');
  if (!isRefused) return null;
  const cause = state === 'Pending' ? undefined : CAUSES.find((own) => own === reason);
  return { cause: cause ?? 'Denied', message: `${reason}: ${message}` };
}

/** It could not begin in time. */
function lateness(state: ExperimentState, { createdAt }: ExperimentContext, { at, plan, facts }: Look): Ending | null {
  if (createdAt === null) return null;
  const { admission, evidence } = facts;
  if (state === 'Pending') {
    const isLate = at >= createdAt + plan.startWithinMs;
    return isLate ? { cause: 'NotAdmitted', message: `not admitted in time: ${admission.message}` } : null;
  }
  if (at < createdAt + plan.startWithinMs + plan.baselineMs) return null;
  const why = admission.state === 'allowed' ? evidence.message : admission.message;
  return { cause: 'NotStarted', message: `could not begin in time: ${why}` };
}

function breach({ doses }: ExperimentContext, { facts: { steadyState } }: Look): Ending | null {
  if (steadyState?.kind !== 'Breached' && steadyState?.kind !== 'BreachedEverywhere') return null;
  return doses.some(({ since }) => since !== null)
    ? { cause: steadyState.kind, message: steadyState.message }
    : { cause: 'BreachedBefore', message: `nothing was injected: ${steadyState.message}` };
}

function excess({ facts: { dose, fault } }: Look): Ending | null {
  if (fault.isForeign) return { cause: 'FaultChanged', message: 'somebody changed the fault' };
  const seen = dose.matched === 0 ? 0 : dose.faulted / dose.matched;
  // Without a fault its share is another one in any case, and its loss is told.
  const isMore = dose.isProven === false && fault.dosePpm !== null && seen * 1_000_000 > fault.dosePpm;
  return isMore ? { cause: 'DoseExceeded', message: `more was touched than asked: ${dose.message}` } : null;
}

function loss({ faultSeenAt, fuseUntil, blindSince, doses }: ExperimentContext, look: Look): Ending | null {
  const { at, facts } = look;
  if (fuseUntil !== null && at >= fuseUntil - 1_000) {
    const message = 'the fuse burnt before it was renewed: the cluster took the fault away';
    return { cause: 'FuseBurnt', message };
  }
  const present = presentDose({ doses });
  if (present !== undefined && present.since === null && at >= present.decidedAt + WRITING_MS) {
    return { cause: 'FaultNotWritten', message: `the fault could not be written within ${WRITING_MS / 1000} s` };
  }
  // A removal for it whose record was lost is no loss.
  const blind = blindness({ blindSince }, look);
  if (blind !== null) return blind;
  return faultSeenAt !== null && !facts.fault.exists
    ? { cause: 'FaultGone', message: 'the fault was deleted, and no decision to do so is on record' }
    : null;
}

/** For too long, and still now: what was not known before the first dose is not held against it. */
function blindness({ blindSince }: Pick<ExperimentContext, 'blindSince'>, { at, facts }: Look): Ending | null {
  const { evidence, admission } = facts;
  const isBlind = evidence.state !== 'fresh' || admission.state === 'unknown';
  if (!isBlind || blindSince === null || at < blindSince + BLIND_MS) return null;
  const why =
    evidence.state === 'fresh' ? admission.message : `nobody can see what the fault does: ${evidence.message}`;
  return { cause: 'SourceDown', message: why };
}

/** The last dose is over, or one that was not seen: a higher one must not follow it. */
function dosesOver(context: ExperimentContext, look: Look): Ending | null {
  if (!isDoseOver(context, look)) return null;
  if (nextDose(context, look.plan) === undefined) return { cause: 'Completed', message: 'every dose was given' };
  const present = presentDose(context);
  if (present?.isProven !== false) return null;
  return { cause: 'DoseNotSeen', message: `the dose was not seen, so that none follows it: ${present.dose}` };
}
