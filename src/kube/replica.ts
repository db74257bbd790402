import type { IndexFunction, KubeObject, ListPage, WatchEvent } from './port.ts';
import { isLater } from './resource-version.ts';
import { createStore, type Store } from './store.ts';

/** An object before and after a change; undefined where there was or is none. */
export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/**
 * What a list, a watch and the answers of own writes say about the objects of one kind, joined so that nothing ever goes back in
 * time: each takes the place only of what is older. Pure bookkeeping; every method returns the changes it made.
 */
export interface Replica<T extends KubeObject> extends Pick<Store<T>, 'get' | 'list' | 'byIndex' | 'hasIndex'> {
  /** The version up to which the server has told everything; undefined before the first list. */
  version(): string | undefined;
  replaceAll(page: ListPage<T>): readonly Change<T>[];
  observe(event: WatchEvent<T>): readonly Change<T>[];
  put(object: T): readonly Change<T>[];
}

export function createReplica<T extends KubeObject>(options: {
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>> | undefined;
  /** Applied to each object before it is kept. */
  readonly transform: (object: T) => T;
}): Replica<T> {
  const store = createStore<T>(options.indexes);
  let version: string | undefined;

  const take = (object: T): Change<T>[] => {
    const before = store.get(object.metadata.namespace, object.metadata.name);
    if (before !== undefined && !isLater(object.metadata.resourceVersion, before.metadata.resourceVersion)) return [];
    const after = options.transform(object);
    store.set(after);
    return [{ before, after }];
  };

  const drop = (object: T, at: string | undefined): Change<T>[] => {
    const before = store.get(object.metadata.namespace, object.metadata.name);
    // A later copy is a new object of the same name, put before the watch told of the old one's end.
    if (before === undefined || isLater(before.metadata.resourceVersion, at)) return [];
    store.remove(before);
    return [{ before, after: undefined }];
  };

  const advance = (to: string | undefined): void => {
    if (to !== undefined && (version === undefined || isLater(to, version))) version = to;
  };

  return {
    get: store.get,
    list: store.list,
    byIndex: store.byIndex,
    hasIndex: store.hasIndex,
    version: () => version,

    replaceAll({ items, resourceVersion }) {
      // A server that was restored from a backup counts from an earlier version on: all that we know is from another history.
      const isOtherHistory = version !== undefined && isLater(version, resourceVersion);
      const listed = new Set(items.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`));
      const gone = store.list().filter(({ metadata }) => !listed.has(`${metadata.namespace ?? ''}/${metadata.name}`));
      const at = isOtherHistory ? undefined : resourceVersion;
      const changes = gone.flatMap((object) => drop(object, at ?? object.metadata.resourceVersion));
      for (const item of items)
        changes.push(...(isOtherHistory ? overwrite(store, options.transform, item) : take(item)));
      version = resourceVersion;
      return changes;
    },

    observe({ type, object }) {
      const at = object.metadata.resourceVersion;
      advance(at);
      if (type === 'BOOKMARK') return [];
      return type === 'DELETED' ? drop(object, at) : take(object);
    },

    put(object) {
      const { namespace, name, resourceVersion } = object.metadata;
      const isKnown = store.get(namespace, name) !== undefined;
      // The server has told of everything up to `version`. An object of before that which is not here has been deleted since:
      // a slow answer to an own write must not bring it back.
      if (!isKnown && version !== undefined && !isLater(resourceVersion, version)) return [];
      return take(object);
    },
  };
}

function overwrite<T extends KubeObject>(store: Store<T>, transform: (object: T) => T, object: T): Change<T>[] {
  const before = store.get(object.metadata.namespace, object.metadata.name);
  const { uid, resourceVersion } = object.metadata;
  if (before?.metadata.uid === uid && before?.metadata.resourceVersion === resourceVersion && before) return [];
  const after = transform(object);
  store.set(after);
  return [{ before, after }];
}
