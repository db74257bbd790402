import { isDeepStrictEqual } from 'node:util';
import type { Kind, Kube, KubeObject } from '../kube/port.ts';

const FIELD_MANAGER = 'sluice';

/** Writes a status as a whole where it differs, guarded by the version that was read; fields that are not in it are removed. */
export async function writeStatus<T extends KubeObject & { readonly status?: unknown }>(
  kube: Kube,
  kind: Kind,
  object: T,
  status: NonNullable<T['status']>,
): Promise<T> {
  if (isDeepStrictEqual(withoutUndefined(status), withoutUndefined(object.status))) return object;
  const { name, namespace = 'default', resourceVersion } = object.metadata;
  const metadata = { name, namespace, ...(resourceVersion !== undefined && { resourceVersion }) };
  const body = { apiVersion: object.apiVersion, kind: object.kind, metadata, status } as unknown as T;
  return await kube.apply<T>(kind, body, { fieldManager: FIELD_MANAGER, subresource: 'status', force: true });
}

/** As the API server would give it back: without undefined fields. */
function withoutUndefined(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
