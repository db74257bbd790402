import type { ObjectMeta } from '../kube/port.ts';

/** The key of an object in queue, sampler and logs. */
export function keyOf({ metadata }: { readonly metadata: Pick<ObjectMeta, 'name' | 'namespace'> }): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}
