import type { Release, RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
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
  const paused = isPaused(context, facts);
  const isForeign = facts.route.kind === 'foreign';
  const next: Release = {
    ...release,
    pausedAt: paused ? (release.pausedAt ?? at) : null,
    deadlineAt: release.deadlineAt + (!paused && release.pausedAt !== null ? at - release.pausedAt : 0),
    isPromoted: release.isPromoted || requestFor(context, facts)?.type === 'Promote',
    failedRequests:
      facts.failed?.revision === release.revision
        ? Math.max(release.failedRequests, facts.failed.requests)
        : release.failedRequests,
    foreign: isForeign ? (release.foreign ?? { since: at, requestId: facts.request?.id ?? null }) : null,
  };
  return isUnchanged(release, next) ? release : next;
}

function isUnchanged(before: Release, after: Release): boolean {
  return (
    before.pausedAt === after.pausedAt &&
    before.deadlineAt === after.deadlineAt &&
    before.isPromoted === after.isPromoted &&
    before.failedRequests === after.failedRequests &&
    before.foreign === after.foreign
  );
}
