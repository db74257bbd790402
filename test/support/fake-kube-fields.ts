/**
 * Field ownership as the API server keeps it in managedFields, with one simplification: every list is one field (atomic), while the
 * server merges some lists by key.
 */

export interface FieldsEntry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: Fields;
  readonly subresource?: string;
}

export interface Fields {
  readonly [key: string]: Fields;
}

type Json = Readonly<Record<string, unknown>>;

/** Paths of every leaf that can be owned, as `f:spec` `f:replicas` joined by the separator. */
export type Paths = ReadonlyMap<string, unknown>;

const SEPARATOR = '\u0000';
const OWNABLE_METADATA = ['labels', 'annotations', 'ownerReferences', 'finalizers'];

/** The ownable leaves of an object with their values. */
export function leavesOf(object: object): Paths {
  const leaves = new Map<string, unknown>();
  const { apiVersion: _a, kind: _k, metadata = {}, ...rest } = object as Json & { metadata?: Json };
  const ownable = Object.fromEntries(Object.entries(metadata).filter(([key]) => OWNABLE_METADATA.includes(key)));
  for (const [key, value] of Object.entries({ ...rest, metadata: ownable })) collect(value, [key], leaves);
  return leaves;
}

function collect(value: unknown, path: readonly string[], leaves: Map<string, unknown>): void {
  if (value === undefined) return;
  if (!isRecord(value)) {
    leaves.set(path.join(SEPARATOR), value);
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0 && path[0] !== 'metadata') leaves.set(path.join(SEPARATOR), value);
  for (const [key, child] of entries) collect(child, [...path, key], leaves);
}

/** Leaves that were added, changed or removed. */
export function changedLeaves(before: Paths, after: Paths): { readonly set: string[]; readonly removed: string[] } {
  return {
    set: [...after]
      .filter(([path, value]) => !before.has(path) || !isSame(before.get(path), value))
      .map(([path]) => path),
    removed: [...before.keys()].filter((path) => !after.has(path)),
  };
}

export function pathsOf(fields: Fields, prefix: readonly string[] = []): readonly string[] {
  return Object.entries(fields).flatMap(([key, children]) => {
    const path = [...prefix, key.replace(/^f:/, '')];
    return Object.keys(children).length === 0 ? [path.join(SEPARATOR)] : pathsOf(children, path);
  });
}

export function fieldsOf(paths: Iterable<string>): Fields {
  const root: Record<string, unknown> = {};
  for (const path of [...paths].sort()) {
    let node = root;
    for (const key of path.split(SEPARATOR)) {
      node[`f:${key}`] ??= {};
      node = node[`f:${key}`] as Record<string, unknown>;
    }
  }
  return root as Fields;
}

/** A copy of `object` with the leaf at `path` set, or removed where `value` is undefined. */
export function withLeaf(object: object, path: string, value: unknown): object {
  const [key = '', ...rest] = path.split(SEPARATOR);
  const { [key]: child, ...others } = object as Json;
  if (rest.length === 0) return value === undefined ? others : { ...others, [key]: value };
  const next = withLeaf(isRecord(child) ? child : {}, rest.join(SEPARATOR), value);
  // A map that loses its last owned field goes with it, as on the server.
  return value === undefined && Object.keys(next).length === 0 ? others : { ...others, [key]: next };
}

/** `spec.http`, for messages. */
export const readable = (path: string): string => `.${path.split(SEPARATOR).join('.')}`;

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal as JSON, whatever the order of keys. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  if (!isRecord(a) || !isRecord(b)) return false;
  const defined = (value: Json) => Object.keys(value).filter((key) => value[key] !== undefined);
  const keys = defined(a);
  return keys.length === defined(b).length && keys.every((key) => key in b && isSame(a[key], b[key]));
}
