import type { Command } from '../../machines/rollout/commands.ts';
import type { Rollout, RolloutSpec } from '../api/rollout.ts';
import { kinds } from '../kube/kinds.ts';
import type { JsonPatchOperation, Kube, OwnerReference, Reflector } from '../kube/port.ts';
import { AppError, assertNever } from '../lib/errors.ts';
import type { RouteOriginal, RouteReading, Routes, RouteTarget } from '../routing/port.ts';
import { canaryReplicaSet, controllerReference, handOverPatch, ownerPatch, sizePatch } from '../workloads/canary.ts';
import type { Deployment, ReplicaSet } from '../workloads/objects.ts';
import { revisionOfReplicaSet } from '../workloads/revision.ts';
import { openExperiment, stopExperiment } from './gate-effects.ts';

export const FIELD_MANAGER = 'sluice';
export const FINALIZER = 'sluice.dev/rollout';

/** Where effects go. */
export interface EffectPorts {
  readonly kube: Kube;
  readonly routes: Routes;
  readonly deployments: Reflector<Deployment>;
  readonly replicaSets: Reflector<ReplicaSet>;
}

/** What an effect may use of the look that led to its command. */
export interface EffectSubject {
  readonly rollout: Rollout;
  readonly deployment: Deployment | undefined;
  readonly replicaSets: readonly ReplicaSet[];
  readonly target: RouteTarget;
  readonly route: RouteReading;
  readonly original: RouteOriginal | null;
  /** The spec that the release follows; null where none is in progress. */
  readonly spec: RolloutSpec | null;
}

/** Results that must be remembered before anything else happens. */
export interface EffectResult {
  readonly original?: RouteOriginal | null;
}

/** Carries out one command. Every write is guarded by what was read, or says only what should be, so repeating one is harmless. */
export async function perform(ports: EffectPorts, subject: EffectSubject, command: Command): Promise<EffectResult> {
  const { routes } = ports;
  const { target } = subject;
  switch (command.kind) {
    case 'KeepOriginal':
      return { original: await routes.snapshot(target) };
    case 'WriteRoute':
      await routes.write(target, requireOriginal(subject), command.route, subject.route);
      return {};
    case 'EnsureRevision':
      await routes.ensureRevision(target, command.revision);
      return {};
    case 'RemoveRevision':
      await routes.removeRevision(target, command.revision);
      return {};
    case 'SizeCanary':
      await sizeCanary(ports, subject, command);
      return {};
    case 'RemoveCanary':
      await removeCanary(ports, subject, command.revision);
      return {};
    case 'HandOver':
      await handOver(ports, subject, command.revision);
      return {};
    case 'RetireStable':
      await retire(ports, subject, command.revision);
      return {};
    case 'PauseDeployment':
      await patchDeployment(ports, subject, { spec: { paused: command.paused } });
      return {};
    case 'SizeDeployment':
      await patchDeployment(ports, subject, { spec: { replicas: command.replicas } });
      return {};
    case 'OpenExperiment':
      await openExperiment(ports, subject, { name: command.gate, openedAt: command.openedAt });
      return {};
    case 'StopExperiment':
      await stopExperiment(ports.kube, command);
      return {};
    case 'LetGo':
      await removeFinalizer(ports.kube, subject.rollout);
      return {};
    default:
      return assertNever(command);
  }
}

function requireOriginal({ original }: EffectSubject): RouteOriginal {
  if (original === null)
    throw new AppError('InvariantError', 'ORIGINAL_MISSING', 'a route would be written without its original on record');
  return original;
}

function requireDeployment({ deployment, rollout }: EffectSubject): Deployment {
  if (deployment === undefined) {
    throw new AppError(
      'NotReadyError',
      'WORKLOAD_NOT_FOUND',
      `Deployment ${rollout.spec.workloadRef.name} does not exist`,
    );
  }
  return deployment;
}

function findReplicaSet({ replicaSets }: EffectSubject, revision: string): ReplicaSet | undefined {
  return replicaSets.find((replicaSet) => revisionOfReplicaSet(replicaSet) === revision);
}

async function sizeCanary(
  ports: EffectPorts,
  subject: EffectSubject,
  { revision, replicas }: { readonly revision: string; readonly replicas: number },
): Promise<void> {
  const deployment = requireDeployment(subject);
  const owner: OwnerReference = controllerReference(subject.rollout);
  const existing = findReplicaSet(subject, revision);
  if (existing === undefined) {
    const replicaSet = canaryReplicaSet(deployment, { revision, replicas, owner });
    ports.replicaSets.put(await ports.kube.create(kinds.replicaSet, replicaSet, { fieldManager: FIELD_MANAGER }));
    return;
  }
  await patchReplicaSet(ports, existing, ownerPatch(existing, owner, replicas));
}

/**
 * The Deployment is read again, live: a size or a template that changed since the look would make the Deployment controller share pods out
 * between the two ReplicaSets instead of retiring one.
 */
async function handOver(ports: EffectPorts, subject: EffectSubject, revision: string): Promise<void> {
  const seen = requireDeployment(subject);
  const { namespace = 'default', name } = seen.metadata;
  const deployment = await ports.kube.get<Deployment>({ kind: kinds.deployment, namespace, name });
  if (deployment === undefined || deployment.metadata.generation !== seen.metadata.generation) {
    throw new AppError('ConflictError', 'WORKLOAD_CHANGED', 'the Deployment changed at the moment of the hand-over');
  }
  const replicaSet = findReplicaSet(subject, revision);
  if (replicaSet === undefined)
    throw new AppError('NotReadyError', 'CANARY_NOT_FOUND', `the ReplicaSet of ${revision} does not exist`);
  await patchReplicaSet(ports, replicaSet, handOverPatch(replicaSet, deployment));
}

async function retire(ports: EffectPorts, subject: EffectSubject, revision: string): Promise<void> {
  const replicaSet = findReplicaSet(subject, revision);
  if (replicaSet !== undefined) await patchReplicaSet(ports, replicaSet, sizePatch(replicaSet, 0));
}

async function patchReplicaSet(
  ports: EffectPorts,
  replicaSet: ReplicaSet,
  patch: readonly JsonPatchOperation[],
): Promise<void> {
  const { namespace = 'default', name } = replicaSet.metadata;
  const ref = { kind: kinds.replicaSet, namespace, name };
  ports.replicaSets.put(await ports.kube.jsonPatch<ReplicaSet>(ref, patch, { fieldManager: FIELD_MANAGER }));
}

async function removeCanary(ports: EffectPorts, subject: EffectSubject, revision: string): Promise<void> {
  const replicaSet = findReplicaSet(subject, revision);
  if (replicaSet === undefined) return;
  const { namespace = 'default', name, uid, resourceVersion } = replicaSet.metadata;
  await ports.kube.delete(
    { kind: kinds.replicaSet, namespace, name },
    // The version guards against deleting a ReplicaSet that has changed hands since it was read.
    { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }), propagation: 'Background' },
  );
}

async function patchDeployment(ports: EffectPorts, subject: EffectSubject, patch: object): Promise<void> {
  const { namespace = 'default', name, resourceVersion } = requireDeployment(subject).metadata;
  const ref = { kind: kinds.deployment, namespace, name };
  const guarded = { metadata: { resourceVersion }, ...patch };
  ports.deployments.put(await ports.kube.mergePatch<Deployment>(ref, guarded, { fieldManager: FIELD_MANAGER }));
}

/** Takes the finalizer off, so that the deletion can end. */
export async function removeFinalizer(kube: Kube, rollout: Rollout): Promise<void> {
  const { namespace = 'default', name, finalizers = [], resourceVersion } = rollout.metadata;
  if (!finalizers.includes(FINALIZER)) return;
  const kept = finalizers.filter((finalizer) => finalizer !== FINALIZER);
  await kube.mergePatch(
    { kind: kinds.rollout, namespace, name },
    { metadata: { resourceVersion, finalizers: kept } },
    { fieldManager: FIELD_MANAGER },
  );
}

/** Puts the finalizer on, so that a deletion waits until routes are as they were. Returns the Rollout as it is then. */
export async function addFinalizer(kube: Kube, rollout: Rollout): Promise<Rollout> {
  const { namespace = 'default', name, finalizers = [], resourceVersion } = rollout.metadata;
  if (finalizers.includes(FINALIZER) || rollout.metadata.deletionTimestamp !== undefined) return rollout;
  return await kube.mergePatch<Rollout>(
    { kind: kinds.rollout, namespace, name },
    { metadata: { resourceVersion, finalizers: [...finalizers, FINALIZER] } },
    { fieldManager: FIELD_MANAGER },
  );
}
