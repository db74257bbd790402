import { setup } from 'xstate';
import {
  type AnnounceCommand,
  adopted,
  ended,
  gateOpened,
  gatePassed,
  letGo,
  promoting,
  releaseStarted,
  routeEdited,
  steppedBack,
  suspended,
  weightRaised,
} from './announcements.ts';
import { mayResume, mustStepBack, mustSuspend } from './comparing.ts';
import { initialContext, type RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import { revisionFact } from './facts.ts';
import { closeGate, isGateDue, isGatePassed, mayTakeStep, openGate } from './gates.ts';
import {
  canAct,
  hasDrained,
  isBetweenRevisions,
  isCanaryGone,
  isCanaryReady,
  isClean,
  isDoubtful,
  isEditNew,
  isHandedOver,
  isReleaseDue,
  isRouteHeld,
  isRouteSeen,
  isStableOpen,
  type Look,
  mayPromote,
} from './guards.ts';
import { remember } from './remember.ts';
import { isLastStep } from './steps.ts';
import {
  adopt,
  begin,
  close,
  enter,
  giveWeight,
  goOn,
  promote,
  relinquish,
  resume,
  stepBack,
  suspend,
  takeStep,
  type Update,
  withdrawFrom,
} from './updates.ts';
import { reasonToWithdraw } from './withdrawal.ts';

/**
 * The one event: somebody looked. Everything else (a verdict, an operator's request, an expired wait) is part of what was
 * seen, so a repeated look changes nothing and a lost one is made up for by the next.
 */
export interface LookedEvent extends Look {
  readonly type: 'LOOKED';
}

interface Args {
  readonly context: RolloutContext;
  readonly event: LookedEvent;
}

const rolloutSetup = setup({
  types: { context: {} as RolloutContext, events: {} as LookedEvent },
  // The parameter is the whole command; performing it is the caller's business.
  actions: { command: (_, _command: AnnounceCommand) => undefined },
});

const update = (change: Update) => rolloutSetup.assign(({ context, event }: Args) => change(context, event));
const announce = (announcement: (context: RolloutContext, look: Look) => AnnounceCommand) => ({
  type: 'command' as const,
  params: ({ context, event }: Args) => announcement(context, event),
});
const when =
  (holds: (context: RolloutContext, look: Look) => boolean) =>
  ({ context, event }: Args) =>
    holds(context, event);

/** Keeps the times since when something has held; the only thing that changes without a transition. */
const keepTime = (state: RolloutState) => {
  const keep = update((context, look) => remember(state, context, look));
  return [{ guard: when(isEditNew), actions: [keep, announce(routeEdited)] }, { actions: [keep] }];
};

/** The Deployment is gone and so is the Rollout: nothing is left to put in order. */
const forget = {
  guard: when((_, { facts }) => facts.workload === null && facts.deleting),
  target: 'Gone' as const,
  actions: [update(enter)],
};
const leave = {
  guard: when((_, { facts }) => facts.deleting),
  target: 'Gone' as const,
  actions: [update(enter), announce(letGo)],
};

/** An un-paused Deployment rolls by itself: no route may rest on the pods that it is about to replace. */
const giveUp = {
  guard: when((_, { facts }) => facts.workload !== null && !facts.workload.paused),
  target: 'Relinquishing' as const,
  actions: [update(relinquish), announce(ended)],
};

/** The way back, considered before anything else. */
const urgentFrom = (state: RolloutState) => [
  forget,
  giveUp,
  {
    guard: when((context, look) => reasonToWithdraw(state, context, look) !== null),
    target: 'Withdrawing' as const,
    actions: [update(withdrawFrom(state)), announce(ended)],
  },
];

/** Before the route was touched there is nothing to withdraw: the way back is to clean up. */
const urgentBeforeRoute = urgentFrom('OpeningStable').map((transition) =>
  transition.target === 'Gone' ? transition : { ...transition, target: 'Closing' as const },
);

/** Whose fault a breach of both versions is can only be seen with other weights. */
const compareFrom = (state: RolloutState) => [
  {
    guard: when((context, look) => mustStepBack(state, context, look)),
    target: 'Shifting' as const,
    actions: [update(stepBack), announce(steppedBack)],
  },
  {
    guard: when((context, look) => mustSuspend(state, context, look)),
    target: 'Shifting' as const,
    actions: [update(suspend), announce(suspended)],
  },
];

/** Once the ReplicaSet has changed hands stable's pods are on their way out, and the way back is closed. */
const urgentBeforeHandOver = urgentFrom('HandingOver').map((transition) => ({
  ...transition,
  guard: (args: Args) => !isHandedOver(args.context, args.event) && transition.guard(args),
}));

/**
 * One release after another of one service. The states and what each of them waits for:
 *
 *   Adopting       the Deployment's own roll-out is complete                        → Idle
 *   Idle           a new pod template, and objectives that can be measured         → OpeningStable
 *   OpeningStable  stable has a Service of its own that proxies know               → RoutingStable
 *   RoutingStable  all requests are seen to go to stable's own Service             → Scaling
 *   Scaling        the canary has ready pods for the next weight, known to proxies → Shifting
 *   Shifting       the requests are seen to split as the route says                → Holding
 *   Holding        the hold is over, the judge lets it go on, gates are passed     → Scaling (next step) or Baking
 *   Baking         the same at 100 % for the bake time, and it is shown to be good → HandingOver
 *   HandingOver    the Deployment owns the canary and the old pods are gone        → Returning
 *   Returning      requests no longer go to revision Services                      → Closing
 *   Closing        revision Services are deleted                                   → Idle
 *
 *   from Shifting..Baking at 100 %, when an objective is breached and stable has no requests to compare with:
 *   Shifting       back to a weight of at most 10 %
 *   from Scaling..Baking, when both versions broke an objective with a step:
 *   Shifting       back to 0 % until stable shows whose fault it is; Holding leads on to Scaling again
 *
 *   from OpeningStable..HandingOver, at any time, before anything else:
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
          leave,
          {
            guard: when((_, { facts }) => facts.workload?.settled === true && facts.active !== null),
            target: 'Idle',
            actions: [update(adopt), announce(adopted)],
          },
          ...keepTime('Adopting'),
        ],
      },
    },
    Idle: {
      on: {
        LOOKED: [
          leave,
          // Somebody rolled the Deployment without us: what it runs is the truth.
          { guard: when(isBetweenRevisions), target: 'Adopting', actions: [update(enter)] },
          { guard: when(isReleaseDue), target: 'OpeningStable', actions: [update(begin), announce(releaseStarted)] },
          ...keepTime('Idle'),
        ],
      },
    },
    OpeningStable: {
      on: {
        LOOKED: [
          ...urgentBeforeRoute,
          {
            guard: when(
              (context, { at, plan, facts }) =>
                facts.originalKept &&
                isStableOpen(context, facts) &&
                context.readySince !== null &&
                at >= context.readySince + plan.propagationMs &&
                !isRouteHeld(context, facts),
            ),
            target: 'RoutingStable',
            actions: [update(enter)],
          },
          ...keepTime('OpeningStable'),
        ],
      },
    },
    RoutingStable: {
      on: {
        LOOKED: [
          ...urgentFrom('RoutingStable'),
          {
            guard: when(
              (context, look) =>
                context.routeSince !== null &&
                look.at >= context.routeSince + look.plan.propagationMs &&
                isRouteSeen('RoutingStable', context, look, { idleIsProof: true }),
            ),
            target: 'Scaling',
            actions: [update(enter)],
          },
          ...keepTime('RoutingStable'),
        ],
      },
    },
    Scaling: {
      on: {
        LOOKED: [
          ...urgentFrom('Scaling'),
          ...compareFrom('Scaling'),
          {
            guard: when(
              (context, look) =>
                canAct(context, look) &&
                isCanaryReady(context, look) &&
                !isDoubtful(context, look.facts) &&
                context.readySince !== null &&
                // Proxies that already send requests to the canary learn of further pods without risk.
                (context.release?.evidenceSince !== null || look.at >= context.readySince + look.plan.propagationMs),
            ),
            target: 'Shifting',
            actions: [update(giveWeight), announce(weightRaised)],
          },
          ...keepTime('Scaling'),
        ],
      },
    },
    Shifting: {
      on: {
        LOOKED: [
          ...urgentFrom('Shifting'),
          ...compareFrom('Shifting'),
          {
            guard: when(
              (context, look) =>
                context.routeSince !== null && isRouteSeen('Shifting', context, look, { idleIsProof: false }),
            ),
            target: 'Holding',
            actions: [update(goOn)],
          },
          ...keepTime('Shifting'),
        ],
      },
    },
    Holding: {
      on: {
        LOOKED: [
          ...urgentFrom('Holding'),
          ...compareFrom('Holding'),
          { guard: when(mayResume), target: 'Scaling', actions: [update(resume)] },
          { guard: when(isGatePassed), actions: [update(closeGate), announce(gatePassed)] },
          { guard: when(isGateDue), actions: [update(openGate), announce(gateOpened)] },
          {
            guard: when((context, look) => mayTakeStep(context, look) && isLastStep(context.release)),
            target: 'Baking',
            actions: [update(goOn)],
          },
          { guard: when(mayTakeStep), target: 'Scaling', actions: [update(takeStep)] },
          ...keepTime('Holding'),
        ],
      },
    },
    Baking: {
      on: {
        LOOKED: [
          ...urgentFrom('Baking'),
          ...compareFrom('Baking'),
          { guard: when(mayPromote), target: 'HandingOver', actions: [update(enter), announce(promoting)] },
          ...keepTime('Baking'),
        ],
      },
    },
    HandingOver: {
      on: {
        LOOKED: [
          ...urgentBeforeHandOver,
          {
            guard: when(
              (context, look) => isHandedOver(context, look) && revisionFact(look.facts, context.stable).left === 0,
            ),
            target: 'Returning',
            actions: [update(promote), announce(ended)],
          },
          ...keepTime('HandingOver'),
        ],
      },
    },
    Returning: {
      on: {
        LOOKED: [
          forget,
          {
            guard: when((context, look) => look.facts.routeRestored && hasDrained('Returning', context, look)),
            target: 'Closing',
            actions: [update(enter)],
          },
          ...keepTime('Returning'),
        ],
      },
    },
    Closing: {
      on: {
        LOOKED: [
          {
            guard: when((_, { facts }) => isClean(facts) && facts.workload?.paused === false),
            target: 'Adopting',
            actions: [update(close)],
          },
          { guard: when((_, { facts }) => isClean(facts)), target: 'Idle', actions: [update(close)] },
          ...keepTime('Closing'),
        ],
      },
    },
    Withdrawing: {
      on: {
        LOOKED: [
          forget,
          giveUp,
          {
            guard: when((context, look) => hasDrained('Withdrawing', context, look)),
            target: 'RemovingCanary',
            actions: [update(enter)],
          },
          ...keepTime('Withdrawing'),
        ],
      },
    },
    RemovingCanary: {
      on: {
        LOOKED: [
          forget,
          giveUp,
          {
            guard: when((context, look) => isCanaryGone(context, look) && isReleaseDue(context, look)),
            target: 'Scaling',
            actions: [update(begin), announce(releaseStarted)],
          },
          { guard: when(isCanaryGone), target: 'Returning', actions: [update(enter)] },
          ...keepTime('RemovingCanary'),
        ],
      },
    },
    Relinquishing: {
      on: {
        LOOKED: [
          forget,
          {
            guard: when((context, look) => look.facts.routeRestored && hasDrained('Relinquishing', context, look)),
            target: 'Closing',
            actions: [update(enter)],
          },
          ...keepTime('Relinquishing'),
        ],
      },
    },
    Gone: { type: 'final' },
  },
});
