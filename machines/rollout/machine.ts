import { setup } from 'xstate';
import { type FinishedRelease, initialContext, type Outcome, type RolloutContext } from './context.ts';
import { type RolloutState, stepWeightBp } from './desired.ts';
import { type Facts, revisionFact } from './facts.ts';
import {
  hasDrained,
  isCanaryReady,
  isPaused,
  isRouteHeld,
  isRouteSeen,
  isStableOpen,
  type Look,
  mayAdvance,
  reasonToWithdraw,
  requestFor,
} from './guards.ts';
import { remember } from './remember.ts';

/**
 * The one event: somebody looked. Everything else (a verdict, an operator's request, an expired wait) is part of what was
 * seen, so a repeated look changes nothing and a lost one is made up for by the next.
 */
export interface LookedEvent extends Look {
  readonly type: 'LOOKED';
}

/** What the machine asks for by itself; all other effects follow from `desiredOf`. */
export interface AnnounceCommand {
  readonly kind: 'Announce';
  readonly severity: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

interface Args {
  readonly context: RolloutContext;
  readonly event: LookedEvent;
}

const HISTORY_LIMIT = 10;

const rolloutSetup = setup({
  types: { context: {} as RolloutContext, events: {} as LookedEvent },
  // The parameter is the whole command; performing it is the caller's business.
  actions: { command: (_, _command: AnnounceCommand) => undefined },
});

const update = (reduce: (args: Args) => Partial<RolloutContext>) => rolloutSetup.assign(reduce);

/** Fields that belong to one stay in one state. */
const entered = (at: number) => ({ since: at, readySince: null, routeSince: null, unreadySince: null });

const begin = update(({ event: { at, plan, facts }, context }: Args): Partial<RolloutContext> => {
  const { workload } = facts;
  if (workload === null) return {};
  const replicas = context.release?.replicas ?? workload.replicas;
  return {
    ...entered(at),
    history: recorded(context),
    release: {
      revision: workload.revision,
      startedAt: at,
      replicas,
      stepIndex: 0,
      weightBp: 0,
      evidenceSince: null,
      deadlineAt: at + plan.deadlineMs,
      pausedAt: null,
      isPromoted: false,
      failedRequests: 0,
      foreign: null,
      outcome: null,
    },
  };
});

const enter = update(({ event }: Args): Partial<RolloutContext> => entered(event.at));

const adopt = update(
  ({ event: { at, facts } }: Args): Partial<RolloutContext> => ({ ...entered(at), stable: facts.active }),
);

const giveWeight = update(
  ({ event: { at, plan }, context: { release } }): Partial<RolloutContext> => ({
    ...entered(at),
    release: release && {
      ...release,
      weightBp: stepWeightBp(release, plan),
      evidenceSince: release.evidenceSince ?? at,
    },
  }),
);

const takeStep = update(({ event: { at, plan, facts }, context }): Partial<RolloutContext> => {
  const { release } = context;
  if (release === null) return {};
  const last = plan.steps.length - 1;
  const isPromoted = release.isPromoted || requestFor(context, facts)?.type === 'Promote';
  return {
    ...entered(at),
    release: { ...release, isPromoted, stepIndex: isPromoted ? last : Math.min(release.stepIndex + 1, last) },
  };
});

function finish(context: RolloutContext, outcome: Outcome, { at, facts }: Look): Partial<RolloutContext> {
  const { release } = context;
  if (release === null) return {};
  const isRefused = outcome.kind === 'RolledBack' || outcome.kind === 'Aborted';
  return {
    release: { ...release, outcome: { ...outcome, at } },
    refused: isRefused ? { revision: release.revision, generation: facts.workload?.generation ?? 0 } : context.refused,
  };
}

/** The history with the release in progress added; requests that failed on the way back are in its count. */
function recorded({ history, release }: RolloutContext): readonly FinishedRelease[] {
  if (release === null || release.outcome === null) return history;
  const { at, ...outcome } = release.outcome;
  const { revision, startedAt, failedRequests } = release;
  return [...history, { ...outcome, revision, startedAt, finishedAt: at, failedRequests }].slice(-HISTORY_LIMIT);
}

/** Ends the release with the reason that the guard found, and remembers the revision when it must not be tried again. */
const withdrawFrom = (state: RolloutState) =>
  update(({ context, event }: Args): Partial<RolloutContext> => {
    const outcome = reasonToWithdraw(state, context, event);
    return outcome === null ? {} : { ...entered(event.at), ...finish(context, outcome, event) };
  });

const PROMOTED: Outcome = {
  kind: 'Promoted',
  reason: 'Promoted',
  message: 'the canary passed every step and is stable now',
};
const TAKEN_OVER: Outcome = {
  kind: 'TakenOver',
  reason: 'DeploymentResumed',
  message: 'the Deployment was un-paused by hand, so the release is left to the Deployment controller',
};

const promote = update(
  ({ context, event }: Args): Partial<RolloutContext> => ({
    ...entered(event.at),
    ...finish(context, PROMOTED, event),
    stable: context.release?.revision ?? context.stable,
    refused: null,
  }),
);

/** A release that was on its way back already keeps the reason for that. */
const relinquish = update(
  ({ context, event }): Partial<RolloutContext> => ({
    ...entered(event.at),
    ...(context.release?.outcome == null && finish(context, TAKEN_OVER, event)),
  }),
);

const close = update(
  ({ context, event }): Partial<RolloutContext> => ({
    ...entered(event.at),
    release: null,
    history: recorded(context),
  }),
);

/** Keeps the times since when something has held; the only thing that changes without a transition. */
const rememberIn = (state: RolloutState) =>
  update(({ context, event }: Args): Partial<RolloutContext> => remember(state, context, event));

const say = (severity: AnnounceCommand['severity'], reason: string, message: (args: Args) => string) => ({
  type: 'command' as const,
  params: (args: Args): AnnounceCommand => ({ kind: 'Announce', severity, reason, message: message(args) }),
});

const revisionOf = ({ context, event }: Args) =>
  context.release?.revision ?? event.facts.workload?.revision ?? 'unknown';

const sayOutcome = {
  type: 'command' as const,
  params: ({ context }: Args): AnnounceCommand => {
    const outcome = context.release?.outcome;
    return {
      kind: 'Announce',
      severity: outcome?.kind === 'Promoted' || outcome?.kind === 'Reverted' ? 'Normal' : 'Warning',
      reason: outcome?.kind ?? 'Ended',
      message: `${context.release?.revision ?? ''}: ${outcome?.message ?? ''}`,
    };
  },
};

const forgetWorkload = {
  guard: ({ event: { facts } }: Args) => facts.workload === null && facts.deleting,
  target: 'Gone' as const,
  actions: [enter],
};

/** An un-paused Deployment rolls by itself: no route may rest on the pods that it is about to replace. */
const giveUp = {
  guard: ({ event: { facts } }: Args) => facts.workload !== null && !facts.workload.paused,
  target: 'Relinquishing' as const,
  actions: [relinquish, sayOutcome],
};

/** Leads back to stable before anything else is considered. */
const urgentFrom = (state: RolloutState) => [
  forgetWorkload,
  giveUp,
  {
    guard: ({ context, event }: Args) => reasonToWithdraw(state, context, event) !== null,
    target: 'Withdrawing' as const,
    actions: [withdrawFrom(state), sayOutcome],
  },
];

/** Before the route was touched there is nothing to withdraw: the way back is to clean up. */
const urgentBeforeRoute = urgentFrom('OpeningStable').map((transition) =>
  transition.target === 'Gone' ? transition : { ...transition, target: 'Closing' as const },
);

const canAct = ({ context, event: { facts } }: Args) => !isPaused(context, facts) && !isRouteHeld(context, facts);

const isPromoteRequested = ({ context, event: { facts } }: Args) =>
  context.release?.isPromoted === true || requestFor(context, facts)?.type === 'Promote';

const isLastStep = ({ context: { release }, event: { plan } }: Args) =>
  release !== null && release.stepIndex >= plan.steps.length - 1;

const mayTakeStep = (args: Args) => {
  const { context, event } = args;
  if (!canAct(args) || !isCanaryReady(context, event)) return false;
  if (isPromoteRequested(args)) return true;
  const holdMs = event.plan.steps[context.release?.stepIndex ?? 0]?.holdMs ?? 0;
  const isHeldLongEnough = event.at >= (context.routeSince ?? Number.POSITIVE_INFINITY) + holdMs;
  return isHeldLongEnough && mayAdvance(context, event.facts);
};

const isHandedOver = ({ context, event: { facts } }: Args) =>
  revisionFact(facts, context.release?.revision).owner === 'Deployment';

/** A template that is neither stable's nor the one taken back last, on a Deployment that has pods to compare with. */
function isReleaseDue(context: RolloutContext, facts: Facts): boolean {
  const { workload } = facts;
  if (workload === null || !workload.paused || facts.deleting || workload.replicas === 0) return false;
  if (workload.revision === context.stable || revisionFact(facts, context.stable).ready === 0) return false;
  const { refused } = context;
  // The generation covers a hash that changed with the server's defaults: the user did not touch the template.
  return refused === null || (refused.revision !== workload.revision && refused.generation !== workload.generation);
}

function isCanaryGone(context: RolloutContext, facts: Facts): boolean {
  return (
    revisionFact(facts, context.release?.revision).left === 0 &&
    revisionFact(facts, context.release?.revision).owner !== 'Rollout'
  );
}

/** Nothing of ours is left: no revision Service and no ReplicaSet that the Rollout owns. */
function isClean(facts: Facts): boolean {
  return Object.values(facts.revisions).every((revision) => !revision.service.exists && revision.owner !== 'Rollout');
}

/**
 * One release after another of one service. The states and what each of them waits for:
 *
 *   Adopting       the Deployment's own roll-out is complete                        → Idle
 *   Idle           a new pod template                                              → OpeningStable
 *   OpeningStable  stable has a Service of its own that proxies know               → RoutingStable
 *   RoutingStable  all requests are seen to go to stable's own Service             → Scaling
 *   Scaling        the canary has ready pods for the next weight, known to proxies → Shifting
 *   Shifting       the requests are seen to split as the route says                → Holding
 *   Holding        the hold is over and the judge lets it go on                    → Scaling (next step) or Baking
 *   Baking         the same at 100 % for the bake time                             → HandingOver
 *   HandingOver    the Deployment owns the canary and the old pods are gone        → Returning
 *   Returning      requests no longer go to revision Services                      → Closing
 *   Closing        revision Services are deleted                                   → Idle
 *
 *   from OpeningStable..Baking, at any time, before anything else:
 *   Withdrawing    no request goes to the canary any more                          → RemovingCanary
 *   RemovingCanary the canary's pods are gone      → Scaling (a newer template) or Returning
 *   Relinquishing  the Deployment was un-paused by hand: route back as it was      → Closing
 *   Gone           final: the Rollout is deleted and nothing of ours is left
 */
export const rolloutMachine = rolloutSetup.createMachine({
  id: 'rollout',
  context: initialContext,
  initial: 'Adopting',
  states: {
    Adopting: {
      on: {
        LOOKED: [
          { guard: ({ event: { facts } }) => facts.deleting, target: 'Gone', actions: [enter] },
          {
            guard: ({ event: { facts } }) => facts.workload?.settled === true && facts.active !== null,
            target: 'Idle',
            actions: [adopt, say('Normal', 'Adopted', ({ event }) => `stable is ${event.facts.active}`)],
          },
          { actions: [rememberIn('Adopting')] },
        ],
      },
    },
    Idle: {
      on: {
        LOOKED: [
          { guard: ({ event: { facts } }) => facts.deleting, target: 'Gone', actions: [enter] },
          {
            // Somebody rolled the Deployment without us: what it runs is the truth.
            guard: ({ context, event: { facts } }) =>
              facts.workload !== null &&
              (!facts.workload.paused && !facts.workload.settled
                ? true
                : facts.workload.settled && facts.active !== null && facts.active !== context.stable),
            target: 'Adopting',
            actions: [enter],
          },
          {
            guard: ({ context, event: { facts } }) => isReleaseDue(context, facts),
            target: 'OpeningStable',
            actions: [begin, say('Normal', 'ReleaseStarted', (args) => `${revisionOf(args)} is being released`)],
          },
          { actions: [rememberIn('Idle')] },
        ],
      },
    },
    OpeningStable: {
      on: {
        LOOKED: [
          ...urgentBeforeRoute,
          {
            guard: ({ context, event }) =>
              event.facts.originalKept &&
              isStableOpen(context, event.facts) &&
              context.readySince !== null &&
              event.at >= context.readySince + event.plan.propagationMs &&
              !isRouteHeld(context, event.facts),
            target: 'RoutingStable',
            actions: [enter],
          },
          { actions: [rememberIn('OpeningStable')] },
        ],
      },
    },
    RoutingStable: {
      on: {
        LOOKED: [
          ...urgentFrom('RoutingStable'),
          {
            guard: ({ context, event }) =>
              context.routeSince !== null &&
              event.at >= context.routeSince + event.plan.propagationMs &&
              isRouteSeen('RoutingStable', context, event, { idleIsProof: true }),
            target: 'Scaling',
            actions: [enter],
          },
          { actions: [rememberIn('RoutingStable')] },
        ],
      },
    },
    Scaling: {
      on: {
        LOOKED: [
          ...urgentFrom('Scaling'),
          {
            guard: ({ context, event }) =>
              canAct({ context, event }) &&
              isCanaryReady(context, event) &&
              context.readySince !== null &&
              // Proxies that already send requests to the canary learn of further pods without risk.
              (context.release?.evidenceSince !== null || event.at >= context.readySince + event.plan.propagationMs),
            target: 'Shifting',
            actions: [
              giveWeight,
              say('Normal', 'WeightRaised', ({ context, event }) =>
                context.release === null
                  ? ''
                  : `${context.release.revision} gets ${stepWeightBp(context.release, event.plan) / 100} %`,
              ),
            ],
          },
          { actions: [rememberIn('Scaling')] },
        ],
      },
    },
    Shifting: {
      on: {
        LOOKED: [
          ...urgentFrom('Shifting'),
          {
            guard: ({ context, event }) =>
              context.routeSince !== null && isRouteSeen('Shifting', context, event, { idleIsProof: false }),
            target: 'Holding',
            // The hold counts from the moment the route was written, so `routeSince` stays.
            actions: [update(({ event }) => ({ since: event.at }))],
          },
          { actions: [rememberIn('Shifting')] },
        ],
      },
    },
    Holding: {
      on: {
        LOOKED: [
          ...urgentFrom('Holding'),
          {
            guard: (args) => mayTakeStep(args) && isLastStep(args),
            target: 'Baking',
            actions: [update(({ event }) => ({ since: event.at }))],
          },
          { guard: (args) => mayTakeStep(args), target: 'Scaling', actions: [takeStep] },
          { actions: [rememberIn('Holding')] },
        ],
      },
    },
    Baking: {
      on: {
        LOOKED: [
          ...urgentFrom('Baking'),
          {
            guard: (args) => {
              const { context, event } = args;
              if (!canAct(args) || !isCanaryReady(context, event)) return false;
              if (isPromoteRequested(args)) return true;
              return event.at >= context.since + event.plan.bakeMs && mayAdvance(context, event.facts);
            },
            target: 'HandingOver',
            actions: [
              enter,
              say('Normal', 'Promoting', (args) => `${revisionOf(args)} is handed over to the Deployment`),
            ],
          },
          { actions: [rememberIn('Baking')] },
        ],
      },
    },
    HandingOver: {
      on: {
        LOOKED: [
          // Until the ReplicaSet has changed hands the way back is open; afterwards stable's pods are on their way out.
          ...urgentFrom('HandingOver').map((transition) => ({
            ...transition,
            guard: (args: Args) => !isHandedOver(args) && transition.guard(args),
          })),
          {
            guard: ({ context, event: { facts } }) =>
              isHandedOver({ context, event: { facts } as LookedEvent }) &&
              revisionFact(facts, context.stable).left === 0,
            target: 'Returning',
            actions: [promote, sayOutcome],
          },
          { actions: [rememberIn('HandingOver')] },
        ],
      },
    },
    Returning: {
      on: {
        LOOKED: [
          forgetWorkload,
          {
            guard: ({ context, event }) => hasDrained('Returning', context, event),
            target: 'Closing',
            actions: [enter],
          },
          { actions: [rememberIn('Returning')] },
        ],
      },
    },
    Closing: {
      on: {
        LOOKED: [
          {
            guard: ({ event: { facts } }) => isClean(facts) && facts.workload?.paused === false,
            target: 'Adopting',
            actions: [close],
          },
          { guard: ({ event: { facts } }) => isClean(facts), target: 'Idle', actions: [close] },
          { actions: [rememberIn('Closing')] },
        ],
      },
    },
    Withdrawing: {
      on: {
        LOOKED: [
          forgetWorkload,
          giveUp,
          {
            guard: ({ context, event }) => hasDrained('Withdrawing', context, event),
            target: 'RemovingCanary',
            actions: [enter],
          },
          { actions: [rememberIn('Withdrawing')] },
        ],
      },
    },
    RemovingCanary: {
      on: {
        LOOKED: [
          forgetWorkload,
          giveUp,
          {
            guard: ({ context, event: { facts } }) => isCanaryGone(context, facts) && isReleaseDue(context, facts),
            target: 'Scaling',
            actions: [begin, say('Normal', 'ReleaseStarted', (args) => `${revisionOf(args)} is being released`)],
          },
          {
            guard: ({ context, event: { facts } }) => isCanaryGone(context, facts),
            target: 'Returning',
            actions: [enter],
          },
          { actions: [rememberIn('RemovingCanary')] },
        ],
      },
    },
    Relinquishing: {
      on: {
        LOOKED: [
          forgetWorkload,
          {
            guard: ({ context, event }) => hasDrained('Relinquishing', context, event),
            target: 'Closing',
            actions: [enter],
          },
          { actions: [rememberIn('Relinquishing')] },
        ],
      },
    },
    Gone: { type: 'final' },
  },
});
