import type { FinishedRelease, Outcome, RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import { type Look, requestFor } from './guards.ts';
import { ALL_BP, firstTargetBp, nextTargetBp, plannedStepsOf, resumedTargetBp, stepBackTo } from './steps.ts';
import { reasonToWithdraw } from './withdrawal.ts';

/** What a transition changes of the context. Plain functions, so that each can be tried without the machine. */
export type Update = (context: RolloutContext, look: Look) => Partial<RolloutContext>;

const HISTORY_LIMIT = 10;

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

/** Enters a state: what was remembered for the last one is forgotten. */
export const enter: Update = (_, { at }) => ({ since: at, readySince: null, routeSince: null, unreadySince: null });

/** Enters a state that wants the same route as the last: how long the route has been there still counts. */
export const goOn: Update = (_, { at }) => ({ since: at });

export const adopt: Update = (context, look) => ({ ...enter(context, look), stable: look.facts.active });

/** Starts the release of the present template, and files the one before where there is one. */
export const begin: Update = (context, look) => {
  const { at, plan, facts } = look;
  const { workload } = facts;
  if (workload === null) return {};
  return {
    ...enter(context, look),
    history: recorded(context),
    release: {
      revision: workload.revision,
      startedAt: at,
      replicas: context.release?.replicas ?? workload.replicas,
      stepIndex: 0,
      targetBp: firstTargetBp(plan, facts),
      weightBp: 0,
      evidenceSince: null,
      raises: [],
      deadlineAt: at + plan.deadlineMs,
      pausedAt: null,
      isPromoted: false,
      gate: null,
      gates: [],
      faults: [],
      failedRequests: 0,
      foreign: null,
      outcome: null,
    },
  };
};

export const giveWeight: Update = (context, look) => {
  const { release } = context;
  if (release === null) return {};
  const { targetBp: weightBp, evidenceSince, raises } = release;
  return {
    ...enter(context, look),
    release: {
      ...release,
      weightBp,
      evidenceSince: evidenceSince ?? look.at,
      raises: [...raises, { at: look.at, weightBp }],
    },
  };
};

/** Gives stable requests again to compare with; the canary keeps its pods. */
export const stepBack: Update = (context, look) => {
  const { release } = context;
  const step = release === null ? null : stepBackTo(release, look.plan);
  if (release === null || step === null) return {};
  const raises = [...release.raises, { at: look.at, weightBp: step.targetBp }];
  return { ...enter(context, look), release: { ...release, ...step, weightBp: step.targetBp, raises } };
};

/** Takes all requests from the canary until it is known whose fault a breach is; it keeps its pods and its step. */
export const suspend: Update = (context, look) => {
  const { release } = context;
  if (release === null) return {};
  const raises = [...release.raises, { at: look.at, weightBp: 0 }];
  return { ...enter(context, look), release: { ...release, targetBp: 0, weightBp: 0, raises } };
};

/** Asks for the weight of the present step again. */
export const resume: Update = (context, look) => {
  const { release } = context;
  if (release === null) return {};
  return { ...enter(context, look), release: { ...release, targetBp: resumedTargetBp(release, look.plan) } };
};

export const takeStep: Update = (context, look) => {
  const { release } = context;
  if (release === null) return {};
  const isPromoted = release.isPromoted || requestFor(context, look.facts)?.type === 'Promote';
  const planned = plannedStepsOf(look.plan);
  const stepIndex = isPromoted && planned !== null ? planned.length - 1 : release.stepIndex + 1;
  const targetBp = isPromoted ? ALL_BP : nextTargetBp(release, look);
  // Who skips what is left skips its gates.
  return { ...enter(context, look), release: { ...release, isPromoted, stepIndex, targetBp, gate: null } };
};

/** Ends the release with the reason that the guard found, and remembers a revision that must not be tried again. */
export const withdrawFrom =
  (state: RolloutState): Update =>
  (context, look) => {
    const outcome = reasonToWithdraw(state, context, look);
    return outcome === null ? {} : { ...enter(context, look), ...finish(context, outcome, look) };
  };

export const promote: Update = (context, look) => ({
  ...enter(context, look),
  ...finish(context, PROMOTED, look),
  stable: context.release?.revision ?? context.stable,
  refused: null,
});

/** A release that was on its way back already keeps the reason for that. */
export const relinquish: Update = (context, look) => ({
  ...enter(context, look),
  ...(context.release?.outcome == null && finish(context, TAKEN_OVER, look)),
});

export const close: Update = (context, look) => ({
  ...enter(context, look),
  release: null,
  history: recorded(context),
});

function finish(context: RolloutContext, outcome: Outcome, { at, facts }: Look): Partial<RolloutContext> {
  const { release } = context;
  if (release === null) return {};
  const isRefused = outcome.kind === 'RolledBack' || outcome.kind === 'Aborted';
  const { workload } = facts;
  // Only the generation of the refused template itself: a fix may have been pushed in the meantime.
  const generation = workload !== null && workload.revision === release.revision ? workload.generation : null;
  return {
    release: { ...release, outcome: { ...outcome, at } },
    refused: isRefused ? { revision: release.revision, generation } : context.refused,
  };
}

/** The history with the release in progress added; requests that failed on the way back are in its count. */
function recorded({ history, release }: RolloutContext): readonly FinishedRelease[] {
  if (release === null || release.outcome === null) return history;
  const { at, ...outcome } = release.outcome;
  const { revision, startedAt, failedRequests } = release;
  return [...history, { ...outcome, revision, startedAt, finishedAt: at, failedRequests }].slice(-HISTORY_LIMIT);
}
