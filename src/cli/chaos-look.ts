import { fuseSeconds } from '../../machines/experiment/commands.ts';
import type { AdmissionFact } from '../../machines/experiment/facts.ts';
import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import type { Rollout } from '../api/rollout.ts';
import type { SafetyPolicy } from '../api/safety-policy.ts';
import { kinds } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/port.ts';
import { hasEntries } from '../lib/has-entries.ts';
import { admit, NOT_ASKED } from '../plan/admission.ts';
import { doseSubject, type PlannedExperiment, planExperiment } from '../plan/experiment-plan.ts';
import { resolveScope, type ScopeAnswer, WHOLE_SCOPE } from '../plan/experiment-scope.ts';
import { freezeAt } from '../plan/freeze.ts';
import { createFaults } from '../routing/faults/faults.ts';
import { fuseJob } from '../routing/faults/fuse.ts';
import { hasSidecar } from '../routing/faults/inspect.ts';
import type { FaultProblem } from '../routing/faults/port.ts';
import { renderFault } from '../routing/faults/render.ts';
import { labels } from '../routing/own-object.ts';
import type { Deployment, Pod } from '../workloads/objects.ts';
import { workloadOf } from '../workloads/pods.ts';
import { type Connect, liveTraffic, type SeenTraffic, type SourceWords } from './chaos-traffic.ts';
import type { Session } from './session.ts';
import { percent as percentOf } from './view/words.ts';

const percent = (share: number): string => percentOf(share * 100);

/** What a command knows of an experiment before it begins. Nothing was written. */
export interface ExperimentLook {
  readonly experiment: ChaosExperiment;
  readonly planned: PlannedExperiment;
  readonly callers: MatchedCallers;
  readonly traffic: SeenTraffic;
  /** What each dose would touch; `share` null where nobody can tell. */
  readonly doses: readonly PlannedTouch[];
  /** Traps: what stands in the way, and what had better be known. */
  readonly problems: readonly FaultProblem[];
  /** What the controller would say now. */
  readonly admission: AdmissionFact;
  /** What it would write: the fuse, and the fault at the first dose. */
  readonly objects: readonly KubeObject[];
  readonly times: ExperimentTimes;
}

/** The pods whose requests may be touched. */
export interface MatchedCallers {
  readonly pods: readonly string[];
  readonly withoutSidecar: readonly string[];
  readonly workloads: readonly string[];
}

export interface PlannedTouch {
  /** Of the matched requests, in percent. */
  readonly percentage: number;
  readonly forMs: number;
  /** Of all requests to the target, from 0 to 1. */
  readonly share: number | null;
  readonly perSecond: number | null;
}

export interface ExperimentTimes {
  readonly baselineMs: number;
  readonly injectedMs: number;
  readonly fuseMs: number;
}

/** Looks at everything that decides whether the experiment may begin, with the user's own rights. Writes nothing. */
export async function lookAt(
  session: Session,
  experiment: ChaosExperiment,
  { source, connect }: { readonly source: SourceWords; readonly connect: Connect },
): Promise<ExperimentLook> {
  const { kube } = session;
  const answer = await scopeOf(session, experiment);
  const planned = planExperiment(experiment, answer.state === 'resolved' ? answer.scope : WHOLE_SCOPE);
  const { fault, plan } = planned;
  const { target, namespace } = fault;
  const [services, pods, running, policy, inspected] = await Promise.all([
    kube.list(kinds.service, { namespace: target.namespace }),
    kube.list<Pod>(kinds.pod, { namespace }),
    kube.list<ChaosExperiment & KubeObject>(kinds.chaosExperiment),
    kube.get<SafetyPolicy & KubeObject>({ kind: kinds.safetyPolicy, name: 'default' }),
    answer.state === 'resolved' ? createFaults(kube).inspect(fault) : [],
  ]);
  const callers = matched(pods.items, fault.callers);
  const hosts = services.items
    .filter(({ metadata }) => metadata.labels?.[labels.service] === target.service)
    .map(({ metadata }) => metadata.name);
  const traffic = await liveTraffic(session, source, {
    connect,
    subjectSince: (since) =>
      doseSubject(planned, { hosts: [target.service, ...hosts.toSorted()], workloads: callers.workloads, since }),
  });
  const doses = plan.ramp.map(({ dosePpm, forMs }) => touchOf(planned, { dosePpm, forMs }, { traffic, callers }));
  const problems = [...inspected, ...trafficProblems(planned, doses, traffic)];
  const asked = admit({
    ...NOT_ASKED,
    ...{ fault, problems },
    policy: policy?.spec ?? null,
    running: others(running.items, experiment),
    freeze: freezeAt(policy?.spec ?? null, session.clock.now()),
    tooMany: tooManyOf(policy?.spec ?? null, doses),
  });
  const injectedMs = plan.ramp.reduce((sum, { forMs }) => sum + forMs, 0);
  return {
    ...{ experiment, planned, callers, traffic, doses, problems },
    admission: answer.state === 'resolved' || asked.state === 'denied' ? asked : answer,
    objects: objectsOf(session, planned, fuseSeconds(plan, injectedMs)),
    times: { baselineMs: plan.baselineMs, injectedMs, fuseMs: plan.fuseMs },
  };
}

/** What the spec names and does not say itself. */
async function scopeOf({ kube }: Session, experiment: ChaosExperiment): Promise<ScopeAnswer> {
  const { namespace = 'default' } = experiment.metadata;
  const [rollouts, deployments, objectives] = await Promise.all([
    kube.list<Rollout & KubeObject>(kinds.rollout),
    kube.list<Deployment>(kinds.deployment),
    kube.list<KubeObject>(kinds.serviceLevelObjective, { namespace }),
  ]);
  return resolveScope(experiment, {
    candidates: rollouts.items.map((rollout) => {
      const { metadata, spec } = rollout;
      const of = deployments.items.find(
        (one) => one.metadata.name === spec.workloadRef.name && one.metadata.namespace === metadata.namespace,
      );
      return { rollout, podLabels: of?.spec.template.metadata?.labels ?? null };
    }),
    objective: (name) => objectives.items.find(({ metadata }) => metadata.name === name),
  });
}

function matched(all: readonly Pod[], wanted: Readonly<Record<string, string>> | null): MatchedCallers {
  const pods = all.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      !['Succeeded', 'Failed'].includes(status?.phase ?? '') &&
      hasEntries(metadata.labels, wanted ?? {}),
  );
  const names = (some: readonly Pod[]) => some.map(({ metadata }) => metadata.name).toSorted();
  return {
    pods: names(pods),
    withoutSidecar: names(pods.filter((pod) => !hasSidecar(pod))),
    workloads: [...new Set(pods.map(workloadOf))].toSorted(),
  };
}

function touchOf(
  { isShare, fault }: PlannedExperiment,
  { dosePpm, forMs }: { readonly dosePpm: number; readonly forMs: number },
  { traffic, callers }: { readonly traffic: SeenTraffic; readonly callers: MatchedCallers },
): PlannedTouch {
  const dose = { percentage: dosePpm / 10_000, forMs };
  if ('unknown' in traffic) return { ...dose, share: null, perSecond: null };
  const { callersPerSecond, othersPerSecond } = traffic;
  const perSecond = isShare ? (callersPerSecond * dosePpm) / 1_000_000 : beyondRate(fault, callersPerSecond, callers);
  const all = callersPerSecond + othersPerSecond;
  return { ...dose, perSecond, share: perSecond === null || all === 0 ? null : perSecond / all };
}

/** A throttle touches what exceeds the rate of each proxy; of limits and cohorts nobody knows before. */
function beyondRate(
  { fault }: PlannedExperiment['fault'],
  callersPerSecond: number,
  callers: MatchedCallers,
): number | null {
  if (fault.kind !== 'throttle') return null;
  const proxies = callers.pods.length - callers.withoutSidecar.length;
  return Math.max(0, callersPerSecond - fault.requestsPerSecond * proxies);
}

function trafficProblems(
  { mostShare }: PlannedExperiment,
  doses: readonly PlannedTouch[],
  traffic: SeenTraffic,
): readonly FaultProblem[] {
  if ('unknown' in traffic) return [];
  if (traffic.callersPerSecond === 0) {
    const message = 'spec.callers: they sent no request to the target within the last minute: nothing would be tested';
    return [{ severity: 'warn', reason: 'NoTraffic', message }];
  }
  const most = mostOf(doses);
  if (most <= mostShare) return [];
  const message = `spec.limits.requestShare: allows ${percent(mostShare)} of all requests to the target, and ${percent(most)} would be touched: lower the ramp, or raise the limit`;
  return [{ severity: 'refuse', reason: 'ShareExceeded', message }];
}

function others(all: readonly (ChaosExperiment & KubeObject)[], { metadata }: ChaosExperiment) {
  return all
    .filter(({ metadata: { name, namespace } }) => name !== metadata.name || namespace !== metadata.namespace)
    .filter(({ status }) => ADMITTED.includes(status?.phase ?? ''))
    .map((other) => ({
      namespace: other.metadata.namespace ?? 'default',
      name: other.metadata.name,
      target: planExperiment(other).fault.target,
    }));
}

/** What all experiments together must not exceed, by this one alone. */
function tooManyOf(policy: SafetyPolicy['spec'] | null, doses: readonly PlannedTouch[]): string | null {
  const limit = policy?.limits?.serviceRequestShare;
  const most = mostOf(doses) * 100;
  if (limit === undefined || most <= limit) return null;
  return `${percentOf(most)} of the requests to the target would be touched, the SafetyPolicy allows ${percentOf(limit)} (limits.serviceRequestShare)`;
}

function mostOf(doses: readonly PlannedTouch[]): number {
  return Math.max(0, ...doses.map(({ share }) => share ?? 0));
}

const ADMITTED: readonly string[] = ['Baseline', 'Armed', 'Injecting', 'Recovering'];

/** The uid is the API server's to give. */
const UNKNOWN_UID = '00000000-0000-0000-0000-000000000000';

function objectsOf({ clock }: Session, { fault, plan }: PlannedExperiment, seconds: number): readonly KubeObject[] {
  const owner = { number: 1, uid: UNKNOWN_UID, expiresAt: clock.now() + seconds * 1000, isOwner: true };
  return [fuseJob(fault, { number: 1, seconds }), renderFault(fault, plan.ramp[0]?.dosePpm ?? 0, [owner])];
}
