import type { RolloutContext } from './context.ts';
import type { Look } from './guards.ts';

/** What the machine asks for by itself: to tell users what happened. All other effects follow from `desiredOf`. */
export interface AnnounceCommand {
  readonly kind: 'Announce';
  readonly severity: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

type Announcement = (context: RolloutContext, look: Look) => AnnounceCommand;

const say = (reason: string, message: (context: RolloutContext, look: Look) => string): Announcement => {
  return (context, look) => ({ kind: 'Announce', severity: 'Normal', reason, message: message(context, look) });
};

const revisionOf = ({ release }: RolloutContext, { facts }: Look) =>
  release?.revision ?? facts.workload?.revision ?? 'unknown';

export const adopted = say('Adopted', (_, { facts }) => `stable is ${facts.active}`);
export const releaseStarted = say('ReleaseStarted', (...args) => `${revisionOf(...args)} is being released`);
export const promoting = say('Promoting', (...args) => `${revisionOf(...args)} is handed over to the Deployment`);
export const weightRaised = say('WeightRaised', ({ release }) =>
  release === null ? '' : `${release.revision} gets ${release.targetBp / 100} %`,
);

export const gateOpened = say('GateOpened', ({ release }) =>
  release?.gate == null ? '' : `${release.revision} is tried under the fault of gate ${release.gate.name}`,
);

/** The gate that was tried last; a weakness that was there before is worth a warning. */
export const gatePassed: Announcement = ({ release }) => {
  const gate = release?.gates.at(-1);
  const isWeak = gate?.result === 'WeakBefore';
  return {
    kind: 'Announce',
    severity: isWeak ? 'Warning' : 'Normal',
    reason: isWeak ? 'GateWeakBefore' : 'GatePassed',
    message: `${release?.revision ?? ''}: gate ${gate?.name ?? ''}: ${gate?.message ?? ''}`,
  };
};

/** A breach at 100 % has to be compared. */
export const steppedBack: Announcement = ({ release }, { facts }) => ({
  kind: 'Announce',
  severity: 'Warning',
  reason: 'SteppedBack',
  message: `${release?.revision ?? ''} is back at ${(release?.targetBp ?? 0) / 100} %: ${facts.verdict?.message ?? ''}`,
});

/** Both versions broke with a step. */
export const suspended: Announcement = ({ release }, { facts }) => ({
  kind: 'Announce',
  severity: 'Warning',
  reason: 'Suspended',
  message: `${release?.revision ?? ''} gets no requests for now: ${facts.verdict?.message ?? ''}`,
});

/** How the release ended; a warning unless it ended as somebody wished. */
export const ended: Announcement = ({ release }) => {
  const outcome = release?.outcome;
  return {
    kind: 'Announce',
    severity: outcome?.kind === 'Promoted' || outcome?.kind === 'Reverted' ? 'Normal' : 'Warning',
    reason: outcome?.kind ?? 'Ended',
    message: `${release?.revision ?? ''}: ${outcome?.message ?? ''}`,
  };
};

/** Somebody changed the route in the middle of a release. */
export const routeEdited: Announcement = (_, { facts: { route } }) => ({
  kind: 'Announce',
  severity: 'Warning',
  reason: 'RouteChanged',
  message: route.kind === 'foreign' ? route.message : '',
});

/** A deleted Rollout leaves its Deployment paused when anything else would roll out a template that was not judged. */
export const letGo: Announcement = ({ stable }, { facts }) => {
  const isSafe = facts.workload === null || facts.workload.revision === stable;
  return {
    kind: 'Announce',
    severity: isSafe ? 'Normal' : 'Warning',
    reason: 'LetGo',
    message: isSafe
      ? 'Sluice lets go; the Deployment is an ordinary one again'
      : 'Sluice lets go and leaves the Deployment paused, because its template is not the stable one: revert it, or run `kubectl rollout resume` to roll it out',
  };
};
