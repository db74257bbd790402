import type { KubeObject, ObjectMeta } from '../kube/port.ts';
import { AppError } from '../lib/errors.ts';
import type { RouteTarget } from './port.ts';

/** Labels that find and name the objects that Sluice creates. */
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  service: 'sluice.dev/service',
  revision: 'sluice.dev/revision',
} as const;

/** Field manager of every write, and value of the managed-by label. */
export const MANAGER = 'sluice';

/** Metadata of an object that Sluice creates for `target`: found by labels, deleted with its Rollout. */
export function ownMetadata(target: RouteTarget, name: string, revision?: string): ObjectMeta {
  return {
    name,
    namespace: target.namespace,
    labels: {
      [labels.managedBy]: MANAGER,
      [labels.service]: target.service,
      ...(revision !== undefined && { [labels.revision]: revision }),
    },
    ownerReferences: [target.owner],
  };
}

/** Who may write an object that was found under a name of ours. */
export type Ownedness = 'ours' | 'other-owner' | 'foreign';

/**
 * `other-owner`: made by Sluice, for another Rollout or for a deleted one of the same name. The owner alone decides what is ours: labels
 * may be edited by anybody, and an object that the route depends on must not slip out of our hands by that.
 */
export function ownednessOf(target: RouteTarget, object: KubeObject): Ownedness {
  const { labels: has = {}, ownerReferences = [] } = object.metadata;
  if (ownerReferences.some(({ uid }) => uid === target.owner.uid)) return 'ours';
  return has[labels.managedBy] === MANAGER && has[labels.service] === target.service ? 'other-owner' : 'foreign';
}

/** Refuses an object that has a name which a revision of `target` needs, but belongs to somebody else. */
export function checkIsOurs(target: RouteTarget, object: KubeObject): void {
  const ownedness = ownednessOf(target, object);
  const name = `${object.kind} "${target.namespace}/${object.metadata.name}"`;
  if (ownedness === 'foreign') {
    throw new AppError(
      'ConfigError',
      'REVISION_NAME_TAKEN',
      `${name} has the name that a revision of "${target.service}" needs but was not made by Sluice (label ${labels.managedBy}); rename or delete it`,
    );
  }
  if (ownedness === 'other-owner') {
    throw new AppError(
      'NotReadyError',
      'REVISION_HELD',
      `${name} belongs to another Rollout; if that is deleted, this goes with it, otherwise let only one Rollout have spec.service.name "${target.service}"`,
    );
  }
}

/** `object` as it should be, over what is there: labels, annotations and owners that others added stay. */
export function overExisting<T extends KubeObject>(existing: T, object: T): T {
  const { metadata: has } = existing;
  const { metadata: wants } = object;
  const others = (has.ownerReferences ?? []).filter(
    ({ uid }) => !wants.ownerReferences?.some((own) => own.uid === uid),
  );
  return {
    ...object,
    metadata: {
      ...has,
      ...wants,
      labels: { ...has.labels, ...wants.labels },
      ...((has.annotations || wants.annotations) && { annotations: { ...has.annotations, ...wants.annotations } }),
      ownerReferences: [...others, ...(wants.ownerReferences ?? [])],
    },
  };
}
