import type { ExperimentPlan } from '../../machines/experiment/plan.ts';
import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import { namesRevision } from '../api/prometheus-objective.ts';
import { parseDuration } from '../lib/duration.ts';
import type { EdgeCallers, FaultFlag, Subject } from '../metrics/port.ts';
import type { Fault, FaultPlan, HeaderMatch } from '../routing/faults/port.ts';
import { HASH_LABEL } from '../workloads/revision.ts';
import {
  callersOfRevision,
  type ExperimentScope,
  type OpenRelease,
  otherRevisionOf,
  revisionOf,
  WHOLE_SCOPE,
} from './experiment-scope.ts';
import { type Goal, GRPC_CODES, goalOf } from './goal.ts';

/** An experiment in the terms of the machine, of the fault layer and of the sampler. */
export interface PlannedExperiment {
  readonly plan: ExperimentPlan;
  readonly fault: FaultPlan;
  readonly scope: ExperimentScope;
  /** By these a proxy tells that the fault touched a request. */
  readonly flags: readonly FaultFlag[];
  /** True where the dose says which share is touched; false where a rate does. */
  readonly isShare: boolean;
  /** Objectives on what the callers' own users see, and of which Service; null where there are none. */
  readonly steadyState: { readonly service: string; readonly goals: readonly Goal[] } | null;
  /** Share of all requests to the target that may be touched at most, from 0 to 1. */
  readonly mostShare: number;
}

/** With fewer touched requests nothing was tested. */
export const MIN_FAULTED = 10;

const FLAGS: Readonly<Record<Fault['kind'], readonly FaultFlag[]>> = {
  delay: ['DI'],
  spread: ['DI'],
  abort: ['FI'],
  throttle: ['RL'],
  shed: ['RL'],
  circuit: ['UO'],
  // What it slows down it also delays by a moment, which proxies tell.
  bandwidth: ['DI'],
};

/** Stands for a version that is not known: no pod and no host has it, so that nothing is ever touched instead. */
const NO_REVISION = 'unresolved';

/** Everything that follows from the spec, and from what its versions stand for. A fault of a scope that is not resolved touches nothing. Pure. */
export function planExperiment(
  { metadata, spec }: ChaosExperiment,
  scope: ExperimentScope = WHOLE_SCOPE,
): PlannedExperiment {
  const namespace = metadata.namespace ?? 'default';
  const { target, callers, cohort, steadyState } = spec;
  const fault = faultOf(spec.fault);
  return {
    plan: {
      ramp: rampOf(spec).map((dose) => ({ dosePpm: Math.round(dose.percentage * 10_000), forMs: msOf(dose.for) })),
      baselineMs: msOf(spec.baseline),
      fuseMs: msOf(spec.fuse),
      startWithinMs: msOf(spec.startWithin),
      hasObjectives: steadyState !== undefined,
      minFaulted: MIN_FAULTED,
    },
    fault: {
      experiment: metadata.name,
      namespace,
      target: {
        namespace: target.namespace ?? namespace,
        service: target.service.name,
        port: target.service.port,
        ...(target.revision !== undefined && { revision: hashOf(scope.target) }),
      },
      callers:
        callers.revision === undefined
          ? (callers.matchLabels ?? null)
          : { ...callers.matchLabels, [HASH_LABEL]: hashOf(scope.callers) },
      headers: (cohort?.headers ?? []).map(headerOf),
      cookies: cohort?.cookies ?? [],
      fault,
    },
    scope,
    flags: FLAGS[fault.kind],
    isShare: fault.kind !== 'throttle' && fault.kind !== 'circuit' && cohort === undefined,
    mostShare: spec.limits.requestShare / 100,
    steadyState:
      steadyState === undefined ? null : { service: steadyState.service, goals: goalsOf(steadyState, scope) },
  };
}

function hashOf(version: ExperimentScope['callers']): string {
  return version === null ? NO_REVISION : revisionOf(version);
}

/** None of those that name another object, unless the scope says what it asks for. */
function goalsOf(
  { objectives }: NonNullable<ChaosExperiment['spec']['steadyState']>,
  scope: ExperimentScope,
): readonly Goal[] {
  return (scope.objectives ?? objectives).map((objective) => goalOf(objective, {})).filter((goal) => goal !== null);
}

/** What is counted of the fault: as `canary` requests of the callers to the target, as `stable` all others to the same Service. */
export function doseSubject(
  { fault, flags, scope }: PlannedExperiment,
  {
    hosts,
    workloads,
    since,
  }: { readonly hosts: readonly string[]; readonly workloads: readonly string[]; readonly since: number },
): Subject {
  const { target, callers, namespace } = fault;
  const meant = target.revision === undefined ? hosts : [`${target.service}-${target.revision}`];
  const otherHosts = hosts.filter((host) => !meant.includes(host));
  return {
    ...{ namespace: target.namespace, service: target.service, stable: '', canary: '', since },
    measure: { kind: 'faults', flags },
    edge: {
      hosts: meant,
      callers: callers === null ? null : callersOf(scope, { namespace, workloads }),
      ...(otherHosts.length > 0 && { otherHosts }),
    },
  };
}

function callersOf({ callers }: ExperimentScope, all: EdgeCallers): EdgeCallers {
  return callers === null ? all : callersOfRevision(callers, revisionOf(callers));
}

/**
 * The same where the fault is for both versions of the callers alike, as in the gate of a release: as `canary` requests of the canary's
 * pods to the target, as `stable` those of stable's; nobody else's. `hosts`: all of the target's Service. The fault itself is that of a plan whose
 * spec names no `callers.revision`.
 */
export function doseOfBothVersions(
  { fault: { target }, flags }: PlannedExperiment,
  {
    release,
    hosts,
    since,
  }: { readonly release: OpenRelease; readonly hosts: readonly string[]; readonly since: number },
): Subject {
  const { stable, canary } = release;
  return {
    ...{ namespace: target.namespace, service: target.service, stable, canary, since },
    measure: { kind: 'faults', flags },
    edge: { hosts, callers: callersOfRevision(release, canary), control: callersOfRevision(release, stable) },
  };
}

/**
 * What is counted for one objective: all requests to the callers' own Service. Where one version of the callers is meant: as `canary` those that
 * the release sends to this version, as `stable` those to the other one, which knows no fault.
 */
export function steadySubject(
  { fault: { namespace }, scope: { callers } }: PlannedExperiment,
  {
    service,
    goal,
    hosts,
    since,
  }: { readonly service: string; readonly goal: Goal; readonly hosts: readonly string[]; readonly since: number },
): Subject {
  const { measure, source } = goal;
  const place = {
    ...{ namespace, service, since, measure },
    ...(source !== null && { source: { namespace, name: source } }),
  };
  const isOfBoth = measure.kind === 'counters' && !namesRevision(measure);
  if (callers === null || isOfBoth) return { ...place, stable: '', canary: '', edge: { hosts, callers: null } };
  return { ...place, stable: otherRevisionOf(callers), canary: revisionOf(callers) };
}

/** What is asked for in doses; a fault without a share of its own is there as a whole or not at all. */
function rampOf({ ramp, duration }: ChaosExperiment['spec']) {
  if (ramp !== undefined) return ramp;
  return duration === undefined ? [] : [{ percentage: 100, for: duration }];
}

function faultOf(fault: ChaosExperiment['spec']['fault']): Fault {
  const { delay, abort, throttle, shed, bandwidth, circuit } = fault;
  if (delay !== undefined) return delayOf(delay);
  if (throttle !== undefined) {
    const { requestsPerSecond, status, retryAfter } = throttle;
    return { kind: 'throttle', requestsPerSecond, status, retryAfterS: secondsOf(retryAfter) };
  }
  if (shed !== undefined) return { kind: 'shed', status: shed.status, retryAfterS: secondsOf(shed.retryAfter) };
  if (bandwidth !== undefined) return { kind: 'bandwidth', kibPerSecond: bandwidth.kibPerSecond };
  if (circuit !== undefined) {
    const { maxConnections = null, maxPendingRequests = null, maxRequests = null } = circuit;
    return { kind: 'circuit', maxConnections, maxPendingRequests, maxRequests };
  }
  return abort?.grpcStatus === undefined
    ? { kind: 'abort', httpStatus: abort?.httpStatus ?? 503 }
    : { kind: 'abort', grpcStatus: GRPC_CODES.indexOf(abort.grpcStatus) };
}

function delayOf({ fixed, spread }: NonNullable<ChaosExperiment['spec']['fault']['delay']>): Fault {
  if (spread === undefined) return { kind: 'delay', delayMs: msOf(fixed ?? '0s') };
  return { kind: 'spread', parts: spread.map((part) => ({ delayMs: msOf(part.fixed), share: part.share / 100 })) };
}

function secondsOf(duration: string | undefined): number | null {
  return duration === undefined ? null : Math.ceil(msOf(duration) / 1000);
}

function headerOf({
  name,
  exact,
  prefix,
  regex,
}: NonNullable<NonNullable<ChaosExperiment['spec']['cohort']>['headers']>[number]): HeaderMatch {
  if (exact !== undefined) return { name, value: { exact } };
  if (prefix !== undefined) return { name, value: { prefix } };
  return { name, value: regex === undefined ? { present: true } : { regex } };
}

function msOf(duration: string): number {
  return parseDuration(duration) ?? 0;
}
