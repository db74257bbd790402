import type { Kind, KubeObject, ObjectMeta } from '../../src/kube/port.ts';
import { isRecord } from './fake-kube-fields.ts';

/** An object on its way into the fake API server. */
export type Draft = Record<string, unknown> & { apiVersion: string; kind: string; metadata: ObjectMeta };

/** The server's own part of the metadata, which no write changes. */
export function systemMetadata({
  uid,
  creationTimestamp,
  generation,
  deletionTimestamp,
  namespace,
  name,
}: ObjectMeta): ObjectMeta {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(generation !== undefined && { generation }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  };
}

/** A write to a subresource changes only that, and a write to the object never its status. */
export function scopeTo(subresource: 'status' | 'scale' | undefined, before: KubeObject, draft: Draft): Draft {
  const was = copy(before);
  if (subresource === 'status') return withKey({ ...was, metadata: keepOwners(was, draft) }, 'status', draft['status']);
  if (subresource === 'scale') {
    const spec = { ...(was['spec'] as object), replicas: (draft['spec'] as { replicas?: number }).replicas };
    return { ...was, spec, metadata: keepOwners(was, draft) };
  }
  return withKey(draft, 'status', was['status']);
}

function keepOwners(was: Draft, { metadata }: Draft): ObjectMeta {
  return metadata.managedFields === undefined
    ? was.metadata
    : { ...was.metadata, managedFields: metadata.managedFields };
}

function withKey(draft: Draft, key: string, value: unknown): Draft {
  const { [key]: _old, ...rest } = draft;
  return (value === undefined ? rest : { ...rest, [key]: value }) as Draft;
}

/** What a new version is for: everything but bookkeeping. */
export function contentOf({ metadata, ...rest }: KubeObject): object {
  const { managedFields: _m, resourceVersion: _v, generation: _g, ...content } = metadata;
  return { ...rest, metadata: content };
}

/** What a new generation is for. */
export function specOf(object: KubeObject): object {
  const { metadata: _metadata, status: _status, ...rest } = object as Draft;
  return rest;
}

/** What the server fills in, as far as Sluice looks at it. */
export function withDefaults(kind: Kind, before: KubeObject | undefined, draft: Draft): Draft {
  if (kind.apiVersion !== 'v1' || kind.kind !== 'Service') return draft;
  const spec = draft['spec'] as { ports?: readonly { port: number }[]; clusterIP?: string };
  const was = (before as { spec?: { clusterIP?: string } } | undefined)?.spec;
  const clusterIP = spec.clusterIP ?? was?.clusterIP ?? '10.96.0.10';
  return {
    ...draft,
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...spec,
      clusterIP,
      clusterIPs: [clusterIP],
      ...(spec.ports && { ports: spec.ports.map((port) => ({ protocol: 'TCP', targetPort: port.port, ...port })) }),
    },
  };
}

export const isCustom = ({ apiVersion }: Kind): boolean => {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  return group.includes('.') && !group.endsWith('.k8s.io');
};

/** Old kinds of the core group have none. */
export const hasGeneration = ({ apiVersion, kind }: Kind): boolean => apiVersion !== 'v1' || kind === 'Pod';

/** JSON merge patch (RFC 7396). */
export function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = { ...(isRecord(target) ? target : {}) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

/** Through JSON, as everything that reaches a server: undefined fields vanish. */
export function copy<T extends object>(value: T): T & Draft {
  return JSON.parse(JSON.stringify(value)) as T & Draft;
}

export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) freeze(child);
  return Object.freeze(value);
}
