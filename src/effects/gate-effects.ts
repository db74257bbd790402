import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import type { Rollout, RolloutSpec } from '../api/rollout.ts';
import { kinds } from '../kube/kinds.ts';
import type { Kube, KubeObject } from '../kube/port.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { experimentOf, type GateTrial, gateLabels } from '../plan/gates.ts';
import { MANAGER } from '../routing/own-object.ts';
import { controllerReference } from '../workloads/canary.ts';
import type { Deployment } from '../workloads/objects.ts';

const WRITER = { fieldManager: MANAGER } as const;

/** Experiments of gates that are kept beside the one that begins, for people to read. */
const KEPT = 10;

interface GateSubject {
  readonly rollout: Rollout;
  readonly deployment: Deployment | undefined;
  readonly spec: RolloutSpec | null;
}

/** Makes the experiment of a gate, owned by the Rollout. Harmless where it exists. */
export async function openExperiment(
  { kube }: { readonly kube: Kube },
  { rollout, deployment, spec }: GateSubject,
  trial: GateTrial,
): Promise<void> {
  const callers = deployment?.spec.selector.matchLabels;
  const experiment = experimentOf(rollout, spec ?? rollout.spec, { trial, callers });
  const owner = controllerReference(rollout);
  const { apiVersion, kind } = kinds.chaosExperiment;
  const object = { apiVersion, kind, ...experiment, metadata: { ...experiment.metadata, ownerReferences: [owner] } };
  try {
    await kube.create<KubeObject>(kinds.chaosExperiment, object, WRITER);
  } catch (error) {
    if (!isAppError(error) || error.code !== 'ALREADY_EXISTS') throw error;
    const { namespace = 'default', name } = experiment.metadata;
    const there = await kube.get<KubeObject>({ kind: kinds.chaosExperiment, namespace, name });
    if (there?.metadata.ownerReferences?.some(({ uid }) => uid === owner.uid) !== false) return;
    const message = `ChaosExperiment "${namespace}/${name}" has the name that gate ${trial.name} needs, and is not its own: delete it`;
    throw new AppError('ConfigError', 'GATE_NAME_TAKEN', message);
  }
  await removeOld(kube, rollout);
}

/** Asks an experiment to end; one that is gone has ended. */
export async function stopExperiment(
  kube: Kube,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<void> {
  const ref = { kind: kinds.chaosExperiment, namespace, name };
  try {
    await kube.mergePatch(ref, { spec: { stop: true } }, WRITER);
  } catch (error) {
    if (!isAppError(error) || error.code !== 'NOT_FOUND') throw error;
  }
}

async function removeOld(kube: Kube, { metadata }: Rollout): Promise<void> {
  const { namespace = 'default', name } = metadata;
  const labelSelector = `${gateLabels.rollout}=${name}`;
  const { items } = await kube.list<ChaosExperiment & KubeObject>(kinds.chaosExperiment, { namespace, labelSelector });
  const finished = items
    .filter(({ status }) => status?.phase === 'Finished')
    .toSorted((one, other) => (other.status?.finishedAt ?? '').localeCompare(one.status?.finishedAt ?? ''));
  for (const old of finished.slice(KEPT))
    await kube.delete({ kind: kinds.chaosExperiment, namespace, name: old.metadata.name });
}
