import { type RolloutState, routeFor } from '../../../machines/rollout/desired.ts';
import { type Facts, revisionFact } from '../../../machines/rollout/facts.ts';
import { isPaused, isRouteSeen, type Look } from '../../../machines/rollout/guards.ts';
import { plannedStepsOf } from '../../../machines/rollout/steps.ts';
import { wakeAt } from '../../../machines/rollout/wake.ts';
import type { RolloutStatus } from '../../api/rollout.ts';
import { missingFor, stillMissing } from '../../explain/still-missing.ts';
import { conditionsOf } from './conditions.ts';
import { gatesOf } from './gates.ts';
import { shownAt } from './judging.ts';
import type { RolloutObservation } from './observation.ts';
import type { Obstacle } from './obstacle.ts';
import { machineStatusOf, type RolloutRecord } from './record.ts';
import { troubleOf } from './trouble.ts';
import {
  decisionExpectedAt,
  isEmbargoed,
  isPreflightRefused,
  isUnsecured,
  isWaitingForPreflight,
  outlookOf,
  waitOf,
} from './waiting.ts';

export interface ProjectInput {
  readonly record: RolloutRecord;
  readonly observation: RolloutObservation;
  readonly look: Look;
  readonly obstacle: Obstacle | null;
}

/** The status as a whole, from the record and what was seen. Pure, and the only place where status is made. */
export function project(input: ProjectInput): RolloutStatus {
  const { record, observation, look, obstacle } = input;
  const { context, state } = record;
  const { release, stable } = context;
  const { rollout } = observation;
  const { facts } = look;
  const phase = phaseOf(input);
  const wait = waitOf(record, look);
  const trouble = troubleOf(observation, record, facts);
  const message = obstacle?.message ?? trouble?.message ?? `${wait.message}${outlookOf(record, look, wait)}`;
  const before = rollout.status?.conditions ?? [];
  const generation = rollout.metadata.generation ?? 0;
  return {
    observedGeneration: generation,
    phase,
    message,
    ...(stable !== null && { stable: versionOf(stable, facts) }),
    ...(release !== null && { canary: versionOf(release.revision, facts), failedRequests: release.failedRequests }),
    ...stepOf(input),
    objectives: objectivesOf(observation, record),
    ...gatesOf(rollout.metadata.name, record, look),
    ...((release !== null || isEmbargoed(record, look)) && {
      waiting: {
        reason: wait.reason,
        message: obstacle?.message ?? wait.message,
        ...untilOf(wait.until),
        ...expectedOf(record, look),
      },
    }),
    ...lastActionOf(input),
    history: context.history.map(({ kind, reason, message: why, revision, startedAt, finishedAt, failedRequests }) => ({
      revision,
      outcome: kind,
      reason,
      message: why,
      startedAt: iso(startedAt),
      finishedAt: iso(finishedAt),
      failedRequests,
    })),
    conditions: conditionsOf({
      ...{ state, context, facts, phase, message, obstacle, trouble, before, generation },
      baselines: record.baselines,
      isWaitingForPreflight: isWaitingForPreflight(record, look),
      isRouteSeen: isRouteSeen(state, context, look, { idleIsProof: false }),
      at: iso(look.at),
    }),
    machine: machineStatusOf(record),
  };
}

/** When to look again at the latest; see `wakeAt`. */
export function nextLookAt({ state, context }: RolloutRecord, { plan, at }: Look): number | null {
  return wakeAt(state, context, plan, at);
}

type Phase = NonNullable<RolloutStatus['phase']>;

const PHASES: Readonly<Record<RolloutState, Phase>> = {
  Adopting: 'Adopting',
  Idle: 'Idle',
  OpeningStable: 'Preparing',
  RoutingStable: 'Preparing',
  Scaling: 'Progressing',
  Shifting: 'Progressing',
  Holding: 'Progressing',
  Baking: 'Baking',
  HandingOver: 'Promoting',
  Returning: 'Promoting',
  Closing: 'Promoting',
  Withdrawing: 'RollingBack',
  RemovingCanary: 'RollingBack',
  Relinquishing: 'TakenOver',
  Gone: 'Terminating',
};

function phaseOf({ record, look, obstacle, observation }: ProjectInput): Phase {
  const { state, context } = record;
  if (obstacle?.isFinal) return 'Stalled';
  if (observation.rollout.metadata.deletionTimestamp !== undefined) return 'Terminating';
  const outcome = context.release?.outcome;
  if (outcome != null && PHASES[state] === 'Promoting') {
    if (outcome.kind === 'TakenOver') return 'TakenOver';
    if (outcome.kind !== 'Promoted') return 'RollingBack';
  }
  if (isWaitingForPreflight(record, look)) return isPreflightRefused(look.facts) ? 'Stalled' : 'Preparing';
  // Until it is paused, a new template would be rolled out unjudged: nobody may be told that a release can begin.
  if (isUnsecured(record, look)) return 'Adopting';
  const mayPause = state === 'Scaling' || state === 'Shifting' || state === 'Holding' || state === 'Baking';
  return mayPause && isPaused(context, look.facts) ? 'Paused' : PHASES[state];
}

function versionOf(revision: string, facts: Facts): NonNullable<RolloutStatus['stable']> {
  const { replicas, ready } = revisionFact(facts, revision);
  return { revision, replicas, readyReplicas: ready };
}

function stepOf({ record, look, observation }: ProjectInput): Pick<RolloutStatus, 'step' | 'weight'> {
  const { state, context } = record;
  const { release } = context;
  if (release === null) return {};
  const desired = routeFor(state, context);
  const applied = observation.route.observed;
  const seen = observation.traffic;
  const total = seen === undefined ? 0 : seen.stable + seen.canary + seen.plain;
  return {
    step: {
      index: release.stepIndex + 1,
      ...countOf(plannedStepsOf(look.plan)),
      weight: release.targetBp / 100,
    },
    weight: {
      desired: desired?.kind === 'revisions' ? desired.canaryBp / 100 : 0,
      ...(applied.kind !== 'foreign' && { applied: applied.kind === 'revisions' ? applied.canaryBp / 100 : 0 }),
      ...(total > 0 && { observed: Math.round(((seen?.canary ?? 0) / total) * 10_000) / 100 }),
    },
  };
}

/** Where the evidence says the steps, nobody knows how many there will be. */
function countOf(steps: ReturnType<typeof plannedStepsOf>): { readonly count?: number } {
  return steps === null ? {} : { count: steps.length };
}

const VERDICTS = { Rollback: 'Fail', Hold: 'Inconclusive', Advance: 'Pass' } as const;

function objectivesOf(
  { verdicts, evidence }: RolloutObservation,
  { spec }: RolloutRecord,
): NonNullable<RolloutStatus['objectives']> {
  const isFresh = evidence?.state === 'fresh';
  return verdicts.map((verdict) => {
    const { objective, kind, reason, message, oddsAgainstHarmless, canary, stable, isWarmingUp } = verdict;
    const missing = kind === 'Rollback' || isFresh ? stillMissing(verdict) : 'waits for newer samples';
    const warmup = isWarmingUp ? `durations of pods that began within ${spec?.analysis.warmup} do not count` : null;
    const expectedAt = isFresh && kind !== 'Rollback' && missingFor(reason) === null ? shownAt(verdict) : null;
    return {
      name: objective,
      verdict: VERDICTS[kind],
      message: [message, missing, warmup].filter((part) => part !== null).join('; '),
      ...(expectedAt !== null && { expectedAt: iso(expectedAt) }),
      odds: Math.round(oddsAgainstHarmless * 100) / 100,
      canary: { requests: canary.requests, failures: canary.failures },
      stable: { requests: stable.requests, failures: stable.failures },
    };
  });
}

function lastActionOf({ record, observation }: ProjectInput): Pick<RolloutStatus, 'lastAction'> {
  const { action } = observation.rollout.spec;
  if (action === undefined) return {};
  const { release, history } = record.context;
  // Once a release is over the request stays in the spec: it is told as what it was, until another release begins.
  const isMeant = (release ?? history.at(-1))?.revision === action.revision;
  const { type, revision, id } = action;
  return {
    lastAction: {
      type,
      revision,
      ...(id !== undefined && { id }),
      outcome: isMeant ? 'Accepted' : 'Ignored',
      message: isMeant
        ? `${type} for ${revision}`
        : `revision ${revision} is not being released, so ${type} does nothing`,
    },
  };
}

function expectedOf(record: RolloutRecord, look: Look): { readonly expectedAt?: string } {
  const at = decisionExpectedAt(record, look);
  return at === null ? {} : { expectedAt: iso(at) };
}

function untilOf(until: number | null): { readonly until?: string } {
  return until === null ? {} : { until: iso(until) };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
