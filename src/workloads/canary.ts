import type { JsonPatchOperation, OwnerReference } from '../kube/port.ts';
import type { Deployment, ReplicaSet } from './objects.ts';
import { HASH_LABEL } from './revision.ts';

const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

/** The ReplicaSet for a revision of a Deployment, owned by `owner`, made as the Deployment controller would have made it. */
export function canaryReplicaSet(
  deployment: Deployment,
  options: { readonly revision: string; readonly replicas: number; readonly owner: OwnerReference },
): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = { [HASH_LABEL]: options.revision };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: replicaSetName(deployment, options.revision),
      ...(deployment.metadata.namespace === undefined ? {} : { namespace: deployment.metadata.namespace }),
      labels: { ...template.metadata?.labels, ...hash },
      ownerReferences: [options.owner],
    },
    spec: {
      replicas: options.replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, ...hash } },
      template: { ...template, metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...hash } } },
    },
  };
}

export function replicaSetName(deployment: Deployment, revision: string): string {
  return `${deployment.metadata.name}-${revision}`;
}

/** Changes the size of a ReplicaSet in a write that fails when somebody else was there first. */
export function sizePatch({ metadata }: ReplicaSet, replicas: number): readonly JsonPatchOperation[] {
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    { op: 'add', path: '/spec/replicas', value: replicas },
  ];
}

/** Changes its controller as well. */
export function ownerPatch(
  replicaSet: ReplicaSet,
  owner: OwnerReference,
  replicas: number,
): readonly JsonPatchOperation[] {
  return [...sizePatch(replicaSet, replicas), { op: 'add', path: '/metadata/ownerReferences', value: [owner] }];
}

/**
 * Gives the canary's ReplicaSet to the Deployment. The two annotations make the Deployment controller find it saturated, so that it
 * scales the old ReplicaSet to nothing and leaves these pods alone (design.md 3, seen on Kubernetes 1.35).
 */
export function handOverPatch(replicaSet: ReplicaSet, deployment: Deployment): readonly JsonPatchOperation[] {
  const replicas = deployment.spec.replicas ?? 1;
  const annotations = {
    ...replicaSet.metadata.annotations,
    [DESIRED_REPLICAS]: String(replicas),
    [MAX_REPLICAS]: String(replicas + surgeOf(deployment, replicas)),
  };
  return [
    ...ownerPatch(replicaSet, controllerReference(deployment), replicas),
    { op: 'add', path: '/metadata/annotations', value: annotations },
  ];
}

/** A controller reference to an object, as Kubernetes' own controllers write it. */
export function controllerReference(owner: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid?: string };
}): OwnerReference {
  const { name, uid = '' } = owner.metadata;
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

function surgeOf(deployment: Deployment, replicas: number): number {
  const surge = deployment.spec.strategy?.rollingUpdate?.maxSurge ?? '25%';
  if (typeof surge === 'number') return surge;
  return Math.ceil((Number.parseFloat(surge) * replicas) / 100);
}
