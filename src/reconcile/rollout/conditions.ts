import type { RolloutContext } from '../../../machines/rollout/context.ts';
import type { RolloutState } from '../../../machines/rollout/desired.ts';
import type { Facts } from '../../../machines/rollout/facts.ts';
import type { RolloutStatus } from '../../api/rollout.ts';
import { NO_BASELINE } from '../../plan/baseline.ts';
import { isTooBursty } from '../../plan/judge-parameters.ts';
import type { Obstacle } from './obstacle.ts';
import type { RolloutRecord } from './record.ts';
import type { Trouble } from './trouble.ts';
import { isEmbargoed, isHeldByEdit, isPreflightRefused } from './waiting.ts';

type Condition = NonNullable<RolloutStatus['conditions']>[number];

interface ConditionsInput {
  readonly state: RolloutState;
  readonly context: RolloutContext;
  readonly facts: Facts;
  /** Requests were seen to follow the route that the present state wants. */
  readonly isRouteSeen: boolean;
  readonly phase: string;
  readonly message: string;
  readonly obstacle: Obstacle | null;
  readonly trouble: Trouble | null;
  /** A release is wanted and its objectives were not found to be measurable. */
  readonly isWaitingForPreflight: boolean;
  /** What was found out of each objective when the release began. */
  readonly baselines: RolloutRecord['baselines'];
  readonly before: readonly Condition[];
  readonly generation: number;
  /** ISO time of the look. */
  readonly at: string;
}

type Draft = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * The conditions of a Rollout. Ready: at rest with what the user asked for. Reconciling: something is going on. Stalled: only an edit
 * helps. AnalysisHealthy and TrafficVerified exist while a release is in progress.
 */
export function conditionsOf(input: ConditionsInput): Condition[] {
  const { before, at, generation } = input;
  const drafts = [
    ready(input),
    reconciling(input),
    stalled(input),
    ...objectivesReady(input),
    ...releaseConditions(input),
  ];
  return drafts.map((draft) => {
    const old = before.find(({ type }) => type === draft.type);
    const since = old !== undefined && old.status === draft.status ? old.lastTransitionTime : at;
    return { ...draft, lastTransitionTime: since, observedGeneration: generation };
  });
}

function ready(input: ConditionsInput): Draft {
  const { state, context, facts, message, phase, isWaitingForPreflight } = input;
  const named = input.obstacle ?? input.trouble;
  if (named !== null) return { type: 'Ready', status: 'False', reason: named.reason, message: named.message };
  if (isWaitingForPreflight) return { type: 'Ready', status: 'False', reason: preflightReason(facts), message };
  if (state !== 'Idle' || phase === 'Adopting') return { type: 'Ready', status: 'False', reason: phase, message };
  const wanted = facts.workload?.revision;
  if (wanted === context.stable) return { type: 'Ready', status: 'True', reason: 'AtRest', message };
  const embargo = isEmbargoed({ state, context }, { facts }) ? facts.embargo : null;
  const reason = embargo?.reason ?? context.history.at(-1)?.reason ?? 'NotReleased';
  return { type: 'Ready', status: 'False', reason, message };
}

function reconciling(input: ConditionsInput): Draft {
  const { state, context, facts, message, obstacle, phase } = input;
  const isStalled = obstacle?.isFinal === true || isHeldByEdit(state, context, facts);
  const isAsking = input.isWaitingForPreflight && !isPreflightRefused(facts);
  const isBusy = (state !== 'Idle' || phase === 'Adopting' || isAsking) && state !== 'Gone' && !isStalled;
  return { type: 'Reconciling', status: isBusy ? 'True' : 'False', reason: phase, message };
}

function stalled(input: ConditionsInput): Draft {
  const { state, context, obstacle, facts } = input;
  if (obstacle?.isFinal) return { type: 'Stalled', status: 'True', reason: obstacle.reason, message: obstacle.message };
  if (facts.route.kind === 'foreign' && isHeldByEdit(state, context, facts)) {
    return { type: 'Stalled', status: 'True', reason: 'RouteChanged', message: facts.route.message };
  }
  if (input.isWaitingForPreflight && isPreflightRefused(facts)) {
    return { type: 'Stalled', status: 'True', reason: preflightReason(facts), message: input.message };
  }
  return { type: 'Stalled', status: 'False', reason: 'Proceeding', message: 'nothing needs an edit' };
}

/** ObjectivesReady exists while a release is wanted or in progress: whether every objective can be judged, with reason and cure. */
function objectivesReady({ context, facts, baselines, isWaitingForPreflight }: ConditionsInput): readonly Draft[] {
  const type = 'ObjectivesReady';
  const { preflight } = facts;
  if (isWaitingForPreflight && preflight.state !== 'passed') {
    const status = preflight.state === 'failed' ? 'False' : 'Unknown';
    return [{ type, status, reason: preflightReason(facts), message: preflight.message }];
  }
  if (context.release === null) return [];
  const bursty = Object.keys(baselines).filter((name) => isTooBursty(baselines[name] ?? NO_BASELINE));
  if (bursty.length === 0)
    return [{ type, status: 'True', reason: 'Measurable', message: 'every objective can be judged' }];
  const message = `failures come in bursts too large to compare two versions by them, so the objective alone is judged: ${bursty.join(', ')}`;
  return [{ type, status: 'True', reason: 'TooBursty', message }];
}

function preflightReason({ preflight }: Facts): string {
  return preflight.state === 'failed' ? preflight.reason : 'Asking';
}

function releaseConditions(input: ConditionsInput): readonly Draft[] {
  return input.context.release === null ? [] : [analysisHealthy(input.facts), trafficVerified(input)];
}

function analysisHealthy({ evidence, verdict }: Facts): Draft {
  const type = 'AnalysisHealthy';
  if (evidence.state !== 'fresh')
    return { type, status: 'Unknown', reason: 'MetricsUnavailable', message: evidence.message };
  const but = evidence.lacks === undefined ? '' : `; ${evidence.lacks}`;
  if (verdict === null)
    return { type, status: 'Unknown', reason: 'NoEvidence', message: `the canary has had no requests yet${but}` };
  const status = verdict.kind === 'Rollback' ? 'False' : verdict.kind === 'Hold' ? 'Unknown' : 'True';
  return { type, status, reason: verdict.reason, message: `${verdict.message}${but}` };
}

function trafficVerified({ context: { routeSince }, facts: { route, traffic }, isRouteSeen }: ConditionsInput): Draft {
  const type = 'TrafficVerified';
  if (route.kind === 'foreign') return { type, status: 'False', reason: 'RouteChanged', message: route.message };
  if (routeSince === null)
    return { type, status: 'Unknown', reason: 'RouteNotWritten', message: 'the route is being written' };
  if (traffic === null)
    return {
      type,
      status: 'Unknown',
      reason: 'NoWindow',
      message: 'no whole window of metrics since the route was written',
    };
  const { plain, stable, canary } = traffic;
  const message = `requests seen since the route was written: stable ${stable}, canary ${canary}, plain ${plain}`;
  return isRouteSeen
    ? { type, status: 'True', reason: 'Seen', message }
    : { type, status: 'Unknown', reason: 'NotYetSeen', message };
}
