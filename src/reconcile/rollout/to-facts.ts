import { worstVerdict } from '../../../machines/judge/index.ts';
import { ABSENT, type Facts, type RevisionFact, type VerdictFact } from '../../../machines/rollout/facts.ts';
import { FINALIZER } from '../../effects/rollout-effects.ts';
import type { Deployment, ReplicaSet } from '../../workloads/objects.ts';
import { isReady, problemOf } from '../../workloads/pods.ts';
import { revisionOfReplicaSet, revisionOfTemplate } from '../../workloads/revision.ts';
import { shownAt } from './judging.ts';
import type { RolloutObservation } from './observation.ts';
import type { RolloutRecord } from './record.ts';

/** Where no release is wanted nobody asks whether one could be judged. */
const NOT_ASKED = { state: 'pending', message: 'no release is wanted' } as const;

/** What the machine may know, from what was read. Pure. */
export function toFacts(
  observation: RolloutObservation,
  record: RolloutRecord,
  preflight: Facts['preflight'] = NOT_ASKED,
): Facts {
  const { rollout, deployment, replicaSets } = observation;
  const { stable, release, refused } = record.context;
  const action = rollout.spec.action;
  return {
    deleting: rollout.metadata.deletionTimestamp !== undefined,
    workload:
      deployment === undefined
        ? null
        : workloadFact(deployment, replicaSets, [stable, release?.revision, refused?.revision]),
    active: deployment === undefined ? null : activeRevision(deployment, replicaSets),
    revisions: revisionFacts(observation, record),
    route: observation.route.observed,
    routeRestored: observation.route.isRestored,
    held: rollout.metadata.finalizers?.includes(FINALIZER) === true,
    originalKept: record.original !== null,
    traffic: observation.traffic ?? null,
    evidence: evidenceFact(observation),
    verdict: release === null ? null : jointVerdict(observation, release.revision),
    preflight,
    embargo: observation.embargo,
    ...{ faults: observation.faults, trials: observation.trials, gate: observation.gate },
    failed: failedOf(observation, release?.revision),
    request: action === undefined ? null : { type: action.type, revision: action.revision, id: action.id ?? '' },
  };
}

function failedOf({ evidence, failedRequests }: RolloutObservation, revision: string | undefined): Facts['failed'] {
  return evidence === null || revision === undefined ? null : { revision, requests: failedRequests };
}

function evidenceFact({ evidence }: RolloutObservation): Facts['evidence'] {
  if (evidence === null) return { state: 'starting', message: 'metrics are not followed at rest' };
  const { state, message, lacks } = evidence;
  return { state, message, ...(lacks !== undefined && { lacks }) };
}

function workloadFact(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  preferred: readonly (string | null | undefined)[],
): NonNullable<Facts['workload']> {
  return {
    revision: revisionOfTemplate(deployment, replicaSets, preferred),
    generation: deployment.metadata.generation ?? 0,
    paused: deployment.spec.paused === true,
    settled: isSettled(deployment, replicaSets),
    rolling: runningReplicaSets(deployment, replicaSets).length > 1,
    replicas: deployment.spec.replicas ?? 1,
  };
}

const isControlledBy = (replicaSet: ReplicaSet, uid: string | undefined) =>
  replicaSet.metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) ?? false;

function runningReplicaSets(deployment: Deployment, replicaSets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  return replicaSets.filter(
    (replicaSet) => isControlledBy(replicaSet, deployment.metadata.uid) && (replicaSet.spec.replicas ?? 1) > 0,
  );
}

function activeRevision(deployment: Deployment, replicaSets: readonly ReplicaSet[]): string | null {
  const [only, ...others] = runningReplicaSets(deployment, replicaSets);
  return only === undefined || others.length > 0 ? null : (revisionOfReplicaSet(only) ?? null);
}

function isSettled(deployment: Deployment, replicaSets: readonly ReplicaSet[]): boolean {
  const [only, ...others] = runningReplicaSets(deployment, replicaSets);
  if (only === undefined || others.length > 0) return false;
  const size = deployment.spec.replicas ?? 1;
  return (only.spec.replicas ?? 1) === size && (only.status?.availableReplicas ?? 0) >= size;
}

function revisionFacts(observation: RolloutObservation, { context }: RolloutRecord): Facts['revisions'] {
  const { deployment, replicaSets, pods, services } = observation;
  const facts: Record<string, RevisionFact> = {};
  for (const replicaSet of replicaSets) {
    const revision = revisionOfReplicaSet(replicaSet);
    if (revision === undefined) continue;
    facts[revision] = {
      ...ABSENT,
      owner: isControlledBy(replicaSet, deployment?.metadata.uid) ? 'Deployment' : 'Rollout',
      replicas: replicaSet.spec.replicas ?? 1,
      available: replicaSet.status?.availableReplicas ?? 0,
    };
  }
  const named = [context.stable, context.release?.revision].filter((revision) => revision != null);
  for (const revision of new Set([...Object.keys(facts), ...pods.keys(), ...services.keys(), ...named])) {
    const own = pods.get(revision) ?? [];
    facts[revision] = {
      ...(facts[revision] ?? ABSENT),
      ready: own.filter(isReady).length,
      left: own.length,
      problem: problemOf(own),
      service: serviceFact(services, revision, own.filter(isReady).length),
    };
  }
  return facts;
}

/**
 * A Service that could not be read is neither ready nor gone: nothing goes forward on it, and nothing goes back because of it.
 */
function serviceFact(
  services: RolloutObservation['services'],
  revision: string,
  ready: number,
): RevisionFact['service'] {
  const reading = services.get(revision);
  if (reading === 'unknown') return { exists: true, readyEndpoints: ready, policiesInStep: false };
  return reading ?? ABSENT.service;
}

/** Adaptive steps: what every objective allows. */
function nextBp(verdicts: RolloutObservation['verdicts']): number | null {
  const allowed = verdicts.map((verdict) => verdict.nextBp).filter((weightBp) => weightBp !== null);
  return allowed.length === 0 ? null : Math.min(...allowed);
}

/** When the last of the objectives is expected to be shown, in ms; null while one of them says nothing of it. */
function expectedAt(verdicts: RolloutObservation['verdicts']): number | null {
  const times = verdicts.map(shownAt).filter((at) => at !== null);
  return times.length < verdicts.length ? null : Math.max(...times);
}

/** One verdict out of several objectives: the worst decides. */
function jointVerdict({ verdicts }: RolloutObservation, revision: string): VerdictFact | null {
  const worst = worstVerdict(verdicts);
  if (worst === undefined) return null;
  const { kind, reason, message, objective } = worst;
  return {
    ...{ revision, kind, reason, message: `${objective}: ${message}`, nextBp: nextBp(verdicts) },
    isShownGood: verdicts.every(({ acceptance }) => acceptance.reached),
    expectedAt: expectedAt(verdicts),
  };
}
