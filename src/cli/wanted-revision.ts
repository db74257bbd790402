import type { Rollout } from '../api/rollout.ts';
import { kinds } from '../kube/kinds.ts';
import type { Deployment, ReplicaSet } from '../workloads/objects.ts';
import { revisionOfTemplate } from '../workloads/revision.ts';
import { EXIT, Failure } from './exit.ts';
import type { Session } from './session.ts';

/**
 * The revision that the Deployment's pod template has at this moment: what a release that has not begun yet will release. Found as the
 * controller finds it, so that a pipeline may wait right after its change.
 */
export async function wantedRevision({ kube }: Session, rollout: Rollout): Promise<string> {
  const { namespace = '', name, uid } = rollout.metadata;
  const workload = rollout.spec.workloadRef.name;
  const deployment = await kube.get<Deployment>({ kind: kinds.deployment, namespace, name: workload });
  if (deployment === undefined) {
    throw new Failure(`${name} has no release to wait for: its Deployment "${workload}" does not exist`, EXIT.no);
  }
  const { items } = await kube.list<ReplicaSet>(kinds.replicaSet, { namespace });
  const owners = new Set([uid, deployment.metadata.uid]);
  const ours = items.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owners.has(owner.uid)));
  return revisionOfTemplate(deployment, ours, [rollout.status?.stable?.revision, rollout.status?.canary?.revision]);
}
