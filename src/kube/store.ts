import type { IndexFunction, KubeObject } from './port.ts';

export type { IndexFunction } from './port.ts';

/** Objects by namespace and name, with indexes that are kept in step. */
export interface Store<T extends KubeObject> {
  get(namespace: string | undefined, name: string): T | undefined;
  list(namespace?: string): readonly T[];
  byIndex(index: string, key: string): readonly T[];
  hasIndex(index: string): boolean;
  /** Takes `object` in place of the one of the same name. */
  set(object: T): void;
  remove(object: T): void;
}

type Index<T> = Map<string, Map<string, T>>;

export function createStore<T extends KubeObject>(indexes: Readonly<Record<string, IndexFunction<T>>> = {}): Store<T> {
  const objects = new Map<string, T>();
  const byNamespace: Index<T> = new Map();
  const named = new Map<string, { readonly keysOf: IndexFunction<T>; readonly entries: Index<T> }>(
    Object.entries(indexes).map(([name, keysOf]) => [name, { keysOf, entries: new Map() }]),
  );

  const remove = (object: T): void => {
    const id = idOf(object.metadata.namespace, object.metadata.name);
    const existing = objects.get(id);
    if (existing === undefined) return;
    objects.delete(id);
    removeFrom(byNamespace, existing.metadata.namespace ?? '', id);
    for (const { keysOf, entries } of named.values()) {
      for (const key of keysOf(existing)) removeFrom(entries, key, id);
    }
  };

  return {
    get: (namespace, name) => objects.get(idOf(namespace, name)),
    list: (namespace) => [...((namespace === undefined ? objects : byNamespace.get(namespace))?.values() ?? [])],
    byIndex: (index, key) => [...(named.get(index)?.entries.get(key)?.values() ?? [])],
    hasIndex: (index) => named.has(index),
    set(object) {
      remove(object);
      const id = idOf(object.metadata.namespace, object.metadata.name);
      objects.set(id, object);
      addTo(byNamespace, object.metadata.namespace ?? '', id, object);
      for (const { keysOf, entries } of named.values()) {
        for (const key of keysOf(object)) addTo(entries, key, id, object);
      }
    },
    remove,
  };
}

/** Neither namespaces nor names may contain a slash. */
const idOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;

function addTo<T>(index: Index<T>, key: string, id: string, object: T): void {
  const entry = index.get(key);
  if (entry === undefined) index.set(key, new Map([[id, object]]));
  else entry.set(id, object);
}

function removeFrom<T>(index: Index<T>, key: string, id: string): void {
  const entry = index.get(key);
  entry?.delete(id);
  if (entry?.size === 0) index.delete(key);
}
