import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Rollout, RolloutSpec } from '../../api/rollout.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kube, KubeObject, Reflector } from '../../kube/port.ts';
import { AppError } from '../../lib/errors.ts';
import type { Evidence, Sampler, Subject, TrafficSplit } from '../../metrics/port.ts';
import { doseOfBothVersions, planExperiment } from '../../plan/experiment-plan.ts';
import { planRollout } from '../../plan/rollout-plan.ts';
import { subjectsOf } from '../../plan/subjects.ts';
import type { Routes, RouteTarget } from '../../routing/port.ts';
import { controllerReference } from '../../workloads/canary.ts';
import type { Deployment, Pod, ReplicaSet } from '../../workloads/objects.ts';
import { HASH_LABEL, revisionOfReplicaSet } from '../../workloads/revision.ts';
import { hostsOf } from '../experiment/places.ts';
import { keyOf } from '../key.ts';
import { type EmbargoSources, embargoOn } from './embargo.ts';
import { faultsOf, gateOf, judgeFaults, presentTrial, unfinishedTrials, windowsOf, withoutFaults } from './faults.ts';
import { type Following, worstEvidence } from './following.ts';
import type { JudgedRelease, Judging } from './judging.ts';
import type { RolloutObservation } from './observation.ts';
import type { RolloutRecord } from './record.ts';

/** Where observations come from. */
export interface ObserveSources extends EmbargoSources {
  readonly kube: Kube;
  readonly deployments: Reflector<Deployment>;
  readonly replicaSets: Reflector<ReplicaSet>;
  readonly pods: Reflector<Pod>;
  readonly services: Reflector<KubeObject>;
  readonly routes: Routes;
  readonly sampler: Sampler;
  readonly judging: Judging;
  readonly following: Following;
}

/** States that a release may begin in. */
const MAY_BEGIN: readonly RolloutRecord['state'][] = ['Idle', 'RemovingCanary'];

/** Index of ReplicaSets by the uid of their controller. */
export const BY_CONTROLLER = 'controller';
/** Index of pods by namespace and name of their ReplicaSet, which outlives the ReplicaSet itself. */
export const BY_REPLICA_SET = 'replicaSet';

/** Proxies get a route some 60 ms after it was written; requests in this time say nothing about it. */
const SETTLE_MS = 500;
/**
 * A proxy that was late must not spoil the split for ever: only so much of the past is looked at, the shortest window first in which two
 * scrapes fit.
 */
const TRAFFIC_WINDOWS_MS = [20_000, 60_000, 180_000] as const;

/** Reads the Rollout itself, from the server: its status is the truth that every decision starts from. */
export async function readRollout(kube: Kube, namespace: string, name: string): Promise<Rollout | undefined> {
  return await kube.get<Rollout>({ kind: kinds.rollout, namespace, name });
}

/** Reads all that belongs to a Rollout. Throws TransientError while the local copies are too old to decide anything. */
export async function observe(
  sources: ObserveSources,
  rollout: Rollout,
  record: RolloutRecord,
  now: number,
): Promise<RolloutObservation> {
  const { deployments, replicaSets, pods } = sources;
  for (const copy of [deployments, replicaSets, pods]) {
    if (!copy.isFresh())
      throw new AppError('TransientError', 'CACHE_STALE', 'the API server cannot be watched at the moment');
  }
  const namespace = rollout.metadata.namespace ?? 'default';
  const deployment = deployments.get(namespace, rollout.spec.workloadRef.name);
  const owned = [deployment?.metadata.uid, rollout.metadata.uid]
    .filter((uid) => uid !== undefined)
    .flatMap((uid) => replicaSets.byIndex(BY_CONTROLLER, uid));
  const target = targetOf(rollout);
  const [route, services] = await Promise.all([
    sources.routes.read(target, record.original, record.expected),
    readServices(sources.routes, target, record),
  ]);
  const experiments = sources.experiments.list();
  const metrics = await observeMetrics(sources, { rollout, record, deployment, experiments, now });
  return {
    rollout,
    deployment,
    replicaSets: owned,
    pods: podsByRevision(pods, rollout, record, owned),
    service: sources.services.isFresh() ? sources.services.get(namespace, rollout.spec.service.name) : 'unknown',
    target,
    route,
    services,
    embargo: MAY_BEGIN.includes(record.state) ? embargoOn(rollout, sources, now) : null,
    trials: unfinishedTrials(rollout, record, experiments),
    ...metrics,
  };
}

/** The route's place, from the Rollout's spec. */
export function targetOf(rollout: Rollout): RouteTarget {
  const { service, routing } = rollout.spec;
  return {
    namespace: rollout.metadata.namespace ?? 'default',
    service: service.name,
    port: service.port,
    routing: { istio: routing.istio ?? {} },
    owner: controllerReference(rollout),
  };
}

/** A read that fails must not keep a bad canary in traffic: the look goes on without it. */
async function readServices(
  routes: Routes,
  target: RouteTarget,
  { context }: RolloutRecord,
): Promise<RolloutObservation['services']> {
  const named = [context.stable, context.release?.revision].filter((revision) => revision != null);
  const revisions = await routes.listRevisions(target).catch(() => named);
  const readings = await Promise.all(
    revisions.map((revision) => routes.readRevision(target, revision).catch(() => 'unknown' as const)),
  );
  return new Map(revisions.map((revision, index) => [revision, readings[index] ?? 'unknown']));
}

function podsByRevision(
  pods: Reflector<Pod>,
  rollout: Rollout,
  { context }: RolloutRecord,
  replicaSets: readonly ReplicaSet[],
): RolloutObservation['pods'] {
  const namespace = rollout.metadata.namespace ?? 'default';
  const { name } = rollout.spec.workloadRef;
  const named = [...replicaSets.map(revisionOfReplicaSet), context.stable, context.release?.revision];
  const revisions = new Set(named.filter((revision) => revision != null));
  return new Map(
    [...revisions].map(
      (revision) => [revision, pods.byIndex(BY_REPLICA_SET, `${namespace}/${name}-${revision}`)] as const,
    ),
  );
}

interface MetricsQuestion extends Pick<RolloutObservation, 'rollout' | 'deployment'> {
  readonly record: RolloutRecord;
  readonly experiments: readonly ChaosExperiment[];
  readonly now: number;
}

type Metrics = Pick<RolloutObservation, 'evidence' | 'traffic' | 'verdicts' | 'faults' | 'gate' | 'failedRequests'>;

const NO_METRICS: Metrics = {
  ...{ evidence: null, traffic: undefined, verdicts: [] },
  ...{ faults: [], gate: null, failedRequests: 0 },
};

async function observeMetrics(sources: ObserveSources, question: MetricsQuestion): Promise<Metrics> {
  const { sampler, judging, following } = sources;
  const { rollout, record, experiments, now } = question;
  const { context, spec, baselines, comparedWith: stable } = record;
  const key = keyOf(rollout);
  const { release, routeSince } = context;
  if (stable === null || release === null || spec === null) {
    following.unfollow(key);
    judging.forget(key);
    return NO_METRICS;
  }
  const { revision: canary, evidenceSince: since, raises, startedAt } = release;
  const namespace = rollout.metadata.namespace ?? 'default';
  const present = presentTrial(rollout, record, experiments);
  const subjects = subjectsOf(spec, { namespace, stable, canary, since });
  const trial =
    present?.experiment === undefined ? null : trialSubject(sources, present.experiment, { record, rollout });
  const followed = following.follow(key, { ...subjects, trial });
  const traffic = routeSince === null ? undefined : trafficSince(sampler, key, { from: routeSince + SETTLE_MS, now });
  const judged = {
    ...{ id: `${canary}@${startedAt}`, spec, baselines, raises },
    stepping: steppingOf(spec, release.targetBp),
  };
  const seen = faultsOf(rollout, record, question);
  const windows = windowsOf(release.faults, seen);
  const batches = new Map(followed.objectives.map(({ name, evidence }) => [name, evidence.batches]));
  const clean = new Map([...batches].map(([name, all]) => [name, withoutFaults(all, windows)]));
  await judging.catchUp(key, judged, clean);
  const { faults, underGate } = judgeFaults(judged, batches, seen);
  const failing = withoutFaults(followed.release.batches, windows);
  return {
    evidence: { ...followed.release, ...worstEvidence(followed) },
    traffic,
    verdicts: since === null ? [] : judging.judge(key, judged, clean),
    ...{ faults, gate: gateOf(present, { verdict: underGate, touched: touchedOf(followed.trial) }) },
    failedRequests: failing.reduce((sum, { canary: { failures } }) => sum + failures, 0),
  };
}

/** What the new version's own pods have of the fault of a gate: without that it is not tried, whatever stable's have. */
function trialSubject(
  { services }: ObserveSources,
  experiment: ChaosExperiment,
  { rollout, record }: { readonly rollout: Rollout; readonly record: RolloutRecord },
): Subject | null {
  const { release, stable } = record.context;
  if (release === null || release.gate === null || stable === null) return null;
  const planned = planExperiment(experiment);
  const { target } = planned.fault;
  const { workloadRef, service } = rollout.spec;
  const { name, namespace = 'default' } = rollout.metadata;
  return doseOfBothVersions(planned, {
    release: {
      ...{ namespace, rollout: name, service: service.name, workload: workloadRef.name },
      ...{ stable, canary: release.revision },
    },
    hosts: hostsOf(services, target.namespace, target.service),
    since: release.gate.openedAt,
  });
}

/** Null until its samples reach the present. */
function touchedOf(trial: Evidence | null): number | null {
  if (trial === null || trial.state !== 'fresh') return null;
  return trial.batches.reduce((sum, { canary }) => sum + canary.failures, 0);
}

function steppingOf(spec: RolloutSpec, weightBp: number): JudgedRelease['stepping'] {
  const planned = planRollout(spec);
  if (!planned.ok || planned.plan.stepping.kind !== 'adaptive') return null;
  return { parameters: planned.plan.stepping.parameters, weightBp };
}

function trafficSince(
  sampler: Sampler,
  key: string,
  { from, now }: { readonly from: number; readonly now: number },
): TrafficSplit | undefined {
  for (const windowMs of TRAFFIC_WINDOWS_MS) {
    const split = sampler.traffic(key, Math.max(from, now - windowMs));
    if (split !== undefined) return split;
  }
  return undefined;
}

/** Indexes for the reflectors that `observe` reads. */
export const observeIndexes = {
  replicaSets: {
    [BY_CONTROLLER]: ({ metadata }: ReplicaSet) =>
      metadata.ownerReferences?.filter(({ controller }) => controller === true).map(({ uid }) => uid) ?? [],
  },
  pods: {
    [BY_REPLICA_SET]: ({ metadata }: Pod) =>
      metadata.labels?.[HASH_LABEL] === undefined
        ? []
        : (metadata.ownerReferences ?? [])
            .filter(({ kind }) => kind === 'ReplicaSet')
            .map(({ name }) => `${metadata.namespace ?? 'default'}/${name}`),
  },
} as const;
