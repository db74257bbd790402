import type { FaultWindow, Release, RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import { type Facts, isUnderFault } from './facts.ts';
import {
  isCanaryReady,
  isPaused,
  isRouteWritten,
  isStableOpen,
  type Look,
  liveWeightBp,
  requestFor,
} from './guards.ts';

/**
 * Brings the times since when something holds up to date: the present state's readiness, its route, missing canary pods, a pause,
 * a foreign edit. Returns only what changed, so that an uneventful look leaves the status as it is.
 */
export function remember(state: RolloutState, context: RolloutContext, look: Look): Partial<RolloutContext> {
  const { at } = look;
  const sinceWhile = (holds: boolean, since: number | null) => (holds ? (since ?? at) : null);
  const isReady = state === 'OpeningStable' ? isStableOpen(context, look.facts) : isCanaryReady(context, look);
  const needsPods = liveWeightBp(state, context) > 0 && state !== 'Scaling';
  return {
    readySince: sinceWhile(isReady && (state === 'OpeningStable' || state === 'Scaling'), context.readySince),
    routeSince: sinceWhile(isRouteWritten(state, context, look), context.routeSince),
    unreadySince: sinceWhile(needsPods && !isCanaryReady(context, look), context.unreadySince),
    release: context.release && rememberRelease(context, context.release, look),
  };
}

function rememberRelease(context: RolloutContext, release: Release, { at, facts }: Look): Release {
  const stands = isPaused(context, facts) || release.gate !== null || isUnderFault(facts);
  const isForeign = facts.route.kind === 'foreign';
  const faults = rememberFaults(release.faults, facts, at);
  const next: Release = {
    ...release,
    faults,
    pausedAt: stands ? (release.pausedAt ?? at) : null,
    deadlineAt: release.deadlineAt + (!stands && release.pausedAt !== null ? at - release.pausedAt : 0),
    isPromoted: release.isPromoted || requestFor(context, facts)?.type === 'Promote',
    failedRequests:
      facts.failed?.revision === release.revision
        ? Math.max(release.failedRequests, facts.failed.requests)
        : release.failedRequests,
    foreign: isForeign ? (release.foreign ?? { since: at, requestId: facts.request?.id ?? null }) : null,
  };
  return isUnchanged(release, next) ? release : next;
}

/** How long a fault lasts after its experiment was deleted and nobody can say so: its proxies have to learn of it. */
const LINGERS_MS = 15_000;

/** Windows of before stay, also when their experiment is deleted: the same evidence is read again after a restart. */
function rememberFaults(known: readonly FaultWindow[], facts: Facts, at: number): readonly FaultWindow[] {
  const seen = new Map(facts.faults.map((fault) => [fault.id, fault]));
  const kept = known.map((window) => {
    const fault = seen.get(window.id);
    if (fault !== undefined) return windowOf(fault);
    return window.until === null ? { ...window, until: Math.max(at, window.fuseUntil ?? at) + LINGERS_MS } : window;
  });
  const added = facts.faults.filter(({ id }) => known.every((window) => window.id !== id)).map(windowOf);
  const next = [...kept, ...added];
  return JSON.stringify(next) === JSON.stringify(known) ? known : next;
}

function windowOf({ id, from, until, fuseUntil }: FaultWindow): FaultWindow {
  return { id, from, until, fuseUntil };
}

function isUnchanged(before: Release, after: Release): boolean {
  return (
    before.pausedAt === after.pausedAt &&
    before.deadlineAt === after.deadlineAt &&
    before.isPromoted === after.isPromoted &&
    before.failedRequests === after.failedRequests &&
    before.foreign === after.foreign &&
    before.faults === after.faults
  );
}
