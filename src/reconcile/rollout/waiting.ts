import { spanInWords } from '../../../machines/judge/index.ts';
import type { Release, RolloutContext } from '../../../machines/rollout/context.ts';
import { type RolloutState, routeFor } from '../../../machines/rollout/desired.ts';
import { type Facts, isUnderFault, revisionFact } from '../../../machines/rollout/facts.ts';
import {
  isCanaryReady,
  isDoubtful,
  isPaused,
  isReleaseWanted,
  isRouteHeld,
  isRouteSeen,
  isRouteWritten,
  isSuspended,
  type Look,
  mayAdvance,
} from '../../../machines/rollout/guards.ts';
import { replicasFor } from '../../../machines/rollout/sizing.ts';
import { holdMsOf, plannedStepsOf } from '../../../machines/rollout/steps.ts';
import { missingFor } from '../../explain/still-missing.ts';
import { mayPass } from './preflight.ts';
import type { RolloutRecord } from './record.ts';

/** What a release waits for, in a reason for programs and a sentence for people. */
export interface Wait {
  readonly reason: string;
  readonly message: string;
  /** When the wait ends at the latest, in ms, where that is known. */
  readonly until: number | null;
}

const wait = (reason: string, message: string, until: number | null = null): Wait => ({ reason, message, until });

/** Says what the present state waits for. Pure. */
export function waitOf(record: RolloutRecord, look: Look): Wait {
  const { state, context } = record;
  const { facts } = look;
  if (facts.workload === null)
    return wait('WorkloadNotFound', 'the Deployment that spec.workloadRef names does not exist');
  const { release } = context;
  if (isUnsecured(record, look))
    return wait('PausingDeployment', 'pauses the Deployment, so that a new template is released instead of rolled out');
  if (isEmbargoed(record, look) && facts.embargo !== null) {
    const { reason, message, until } = facts.embargo;
    return wait(reason, message, until);
  }
  if (isWaitingForPreflight(record, look) && facts.preflight.state !== 'passed')
    return wait('ObjectivesNotReady', facts.preflight.message);
  if (release === null) return restWait(state, context, facts);
  if (facts.route.kind === 'foreign' && isHeldByEdit(state, context, facts)) {
    return wait('RouteChanged', facts.route.message);
  }
  const isUnderWay = state === 'Scaling' || state === 'Shifting' || state === 'Holding' || state === 'Baking';
  if (isUnderWay && isPaused(context, facts))
    return wait('Paused', 'paused by an operator; a bad version is still taken back');
  return releaseWait(state, context, release, look);
}

/** True while the Deployment would still roll out a new template by itself, before its first pause. */
export function isUnsecured({ state }: RolloutRecord, { facts }: Look): boolean {
  return state === 'Idle' && facts.workload?.paused === false;
}

/** True while a release is wanted that may not begin. */
export function isEmbargoed(
  { state, context }: Pick<RolloutRecord, 'state' | 'context'>,
  { facts }: Pick<Look, 'facts'>,
): boolean {
  return state === 'Idle' && facts.embargo !== null && isReleaseWanted(context, facts);
}

/** True while a release is wanted that does not begin before its objectives were found to be measurable. */
export function isWaitingForPreflight({ state, context }: RolloutRecord, { facts }: Look): boolean {
  const isOpen = state === 'Idle' && facts.embargo === null && facts.preflight.state !== 'passed';
  return isOpen && isReleaseWanted(context, facts);
}

/** True when only an edit helps; a source that does not answer may do so later. */
export function isPreflightRefused({ preflight }: Facts): boolean {
  return preflight.state === 'failed' && !mayPass(preflight.reason);
}

/**
 * When the release is expected to be decided, in ms: when what is left of holds and bake is over and every objective is expected to be
 * shown; null where the steps depend on the evidence, where something else than more requests is missing, or nobody knows.
 */
export function decisionExpectedAt({ state, context }: RolloutRecord, { facts, plan, at }: Look): number | null {
  const { release, routeSince, since } = context;
  const shownAt = facts.verdict?.expectedAt ?? null;
  if (release === null || release.outcome !== null || shownAt === null || !isDeciding(context, facts)) return null;
  if (state === 'Baking') return Math.max(shownAt, since + plan.bakeMs);
  const steps = plannedStepsOf(plan);
  if (steps === null || (state !== 'Holding' && state !== 'Shifting' && state !== 'Scaling')) return null;
  const ahead = steps.slice(release.stepIndex + 1).reduce((sum, { holdMs }) => sum + holdMs, plan.bakeMs);
  const held = Math.max(at, (routeSince ?? at) + holdMsOf(release, plan));
  return Math.max(shownAt, held + ahead);
}

/** True while the release goes on by itself when more requests come. */
function isDeciding(context: RolloutContext, facts: Facts): boolean {
  const { evidence, verdict } = facts;
  if (evidence.state !== 'fresh' || isPaused(context, facts) || isSuspended(context)) return false;
  // How long a fault lasts is said by its experiment.
  if (context.release?.gate != null || isUnderFault(facts)) return false;
  return verdict !== null && verdict.kind !== 'Rollback' && missingFor(verdict.reason) === null;
}

/** When the release is taken back although nothing was decided, in ms; null where that will not happen by itself. */
function takenBackAt({ state, context }: RolloutRecord, { facts, plan }: Look): number | null {
  const { release } = context;
  const isUnderWay = state === 'Scaling' || state === 'Shifting' || state === 'Holding' || state === 'Baking';
  if (release === null || release.outcome !== null || release.isPromoted || release.pausedAt !== null || !isUnderWay)
    return null;
  return plan.onInconclusive === 'RollBack' && !isPaused(context, facts) ? release.deadlineAt : null;
}

/**
 * True while nothing goes on before somebody says what is to become of the edited route. A release on its way back needs no word as long
 * as nothing that it will delete is in the edit.
 */
export function isHeldByEdit(state: RolloutState, context: RolloutContext, facts: Facts): boolean {
  const { release } = context;
  const isWayBack = state === 'Withdrawing' || state === 'Relinquishing';
  if (release === null || facts.route.kind !== 'foreign' || isWayBack) return false;
  return isRouteHeld(context, facts) && (release.outcome === null || facts.route.namesRevisions);
}

function restWait(state: RolloutState, context: RolloutContext, facts: Facts): Wait {
  if (state === 'Adopting') return wait('WorkloadNotSettled', "the Deployment's own roll-out is not complete");
  if (state === 'Gone') return wait('Deleted', 'the Rollout is deleted');
  const last = context.history.at(-1);
  const { workload } = facts;
  if (workload !== null && context.refused?.revision === workload.revision && last !== undefined) {
    return wait(
      'Refused',
      `${last.revision} was taken back (${last.reason}): ${last.message}; it is not tried again until the pod template changes`,
    );
  }
  if (workload?.replicas === 0 && workload.revision !== context.stable) {
    return wait('ScaledToZero', 'the Deployment has 0 replicas: scale it up to release the new template');
  }
  return wait('AtRest', `stable is ${context.stable}`);
}

function releaseWait(state: RolloutState, context: RolloutContext, release: Release, look: Look): Wait {
  const { plan, facts, at } = look;
  const back = release.outcome === null ? '' : `${release.outcome.kind}: ${release.outcome.message}; `;
  switch (state) {
    case 'OpeningStable':
      return wait('OpeningStable', 'waits until proxies know a Service for the stable pods alone');
    case 'RoutingStable':
      return trafficWait(state, context, look, 'all requests go to the stable Service');
    case 'Scaling':
      return podsWait(context, release, look);
    case 'Shifting':
      return trafficWait(state, context, look, `${release.targetBp / 100} % of the requests go to the canary`);
    case 'Holding': {
      if (isSuspended(context)) {
        const why = facts.evidence.state === 'fresh' ? facts.verdict?.message : facts.evidence.message;
        const missing = missingFor('BreachSinceStep');
        const what = `keeps requests from the canary until stable shows whose fault it is: ${why}; ${missing}`;
        return wait('Suspended', what);
      }
      if (release.gate !== null) return gateWait(release.gate.name, facts);
      const until = (context.routeSince ?? at) + holdMsOf(release, plan);
      return evidenceWait(context, look, until, `watches the canary at ${release.targetBp / 100} %`);
    }
    case 'Baking':
      return evidenceWait(context, look, context.since + plan.bakeMs, 'watches the canary at 100 %');
    case 'HandingOver':
      return wait('HandingOver', 'waits until the old pods are gone');
    case 'Returning':
    case 'Relinquishing':
      return trafficWait(state, context, look, `${back}requests follow the original route`);
    case 'Withdrawing':
      if (revisionFact(facts, context.stable).service.readyEndpoints === 0) {
        return wait('StableNotReady', `${back}holds: stable has no ready pod that could take the requests back`);
      }
      return trafficWait(state, context, look, `${back}no request goes to the canary`);
    case 'RemovingCanary':
      return wait(
        'RemovingCanary',
        `${back}waits until ${revisionFact(facts, release.revision).left} canary pods are gone`,
      );
    default:
      return wait('Closing', `${back}removes what the release needed`);
  }
}

function gateWait(name: string, { gate }: Facts): Wait {
  const isHeld = gate?.state === 'inconclusive';
  const message = gate === null ? 'its experiment is about to begin' : gate.message;
  return isHeld
    ? wait('GateInconclusive', `holds: gate ${name} showed nothing: ${message}`)
    : wait('ResilienceGate', `tries gate ${name}: ${message}`);
}

function podsWait(context: RolloutContext, release: Release, { plan, facts }: Look): Wait {
  const canary = revisionFact(facts, release.revision);
  const needed = replicasFor(release.targetBp, release, facts);
  if (canary.ready >= needed && isDoubtful(context, facts)) {
    const { message = '', reason = '' } = facts.verdict ?? {};
    return wait('AwaitingEvidence', `holds before the next weight: ${message}; ${missingFor(reason)}`);
  }
  const problem = canary.problem === null ? '' : `: ${canary.problem}`;
  const message = `waits for canary pods, ${canary.ready} of ${needed} are ready${problem}`;
  return wait('PodsNotReady', message, context.since + plan.progressDeadlineMs);
}

function trafficWait(state: RolloutState, context: RolloutContext, look: Look, what: string): Wait {
  const { facts } = look;
  if (facts.evidence.state !== 'fresh') return wait('MetricsUnavailable', `holds: ${facts.evidence.message}`);
  if (!isRouteWritten(state, context, look)) return wait('WritingRoute', `writes the route: ${what}`);
  if (isRouteSeen(state, context, look, { idleIsProof: false }))
    return wait('Draining', `waits for requests under way: ${what}`);
  const { traffic } = facts;
  if (traffic === null) return wait('VerifyingTraffic', `waits to see it in the metrics: ${what}`);
  const total = traffic.plain + traffic.stable + traffic.canary;
  if (total === 0)
    return wait(
      'NoTraffic',
      `waits to see it in the metrics: ${what}; no request was seen since the route was written`,
    );
  const asked = routeFor(state, context);
  const share = asked?.kind === 'revisions' ? asked.canaryBp / 100 : 0;
  const seen = Math.round((traffic.canary / total) * 1000) / 10;
  const plain = traffic.plain > 0 ? `, ${traffic.plain} still by the plain route` : '';
  return wait('VerifyingTraffic', `waits until ${what}: asked ${share} %, seen ${seen} % of ${total} requests${plain}`);
}

/** Waits that the deadline of the release ends when nothing else does. */
const ENDED_BY_DEADLINE: readonly string[] = ['AwaitingEvidence', 'MetricsUnavailable'];

/** `; a decision is expected in about 3 min`, and what the deadline does before; nothing where neither is known. */
export function outlookOf(record: RolloutRecord, look: Look, { reason }: Wait): string {
  const spanTo = (at: number) => spanInWords(Math.max(1, (at - look.at) / 1000));
  const expectedAt = decisionExpectedAt(record, look);
  const backAt = takenBackAt(record, look);
  const back = backAt === null ? '' : `it is taken back in ${spanTo(backAt)} (spec.analysis.deadline)`;
  if (expectedAt !== null) {
    const before = backAt !== null && backAt < expectedAt ? `, but ${back}` : '';
    return `; a decision is expected in about ${spanTo(expectedAt)}${before}`;
  }
  return back !== '' && ENDED_BY_DEADLINE.includes(reason) ? `; without a decision ${back}` : '';
}

function evidenceWait(context: RolloutContext, look: Look, until: number, what: string): Wait {
  const { facts, at } = look;
  if (facts.evidence.state !== 'fresh') return wait('MetricsUnavailable', `holds: ${facts.evidence.message}`);
  if (!isCanaryReady(context, look)) {
    return wait(
      'PodsNotReady',
      `holds: ${revisionFact(facts, context.release?.revision).problem ?? 'a canary pod is not ready'}`,
    );
  }
  const fault = facts.faults.find((one) => one.until === null);
  if (fault !== undefined) {
    const message = `holds while experiment ${fault.namespace}/${fault.name} injects: what is answered meanwhile is no evidence`;
    return wait('UnderFault', message);
  }
  const verdict = facts.verdict?.message ?? 'no evidence yet';
  const missing = missingFor(facts.verdict?.reason ?? '');
  const said = missing === null ? verdict : `${verdict}; ${missing}`;
  if (at >= until && !mayAdvance(context, facts)) return wait('AwaitingEvidence', `holds: ${said}`);
  if (at >= until) return wait('AwaitingEvidence', `${what}; not enough evidence yet: ${said}`);
  return wait('Watching', `${what}; ${said}`, until);
}
