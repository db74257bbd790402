/** What the rest of the program may ask of a Kubernetes API server. Errors are AppErrors (see `translateError`). */

/** One kind of API object: where it lives in the API and whether its objects have a namespace. */
export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  /** Lower-case plural, as in the URL. */
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly unknown[];
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface ObjectRef {
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name: string;
}

export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

export interface ListOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface WriteOptions {
  readonly fieldManager: string;
  readonly subresource?: 'status' | 'scale';
}

export interface ApplyOptions extends WriteOptions {
  /** Take over fields that another manager holds. Default false: a conflict is a ConflictError with code FIELD_CONFLICT. */
  readonly force?: boolean;
}

export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Default Background. */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
}

export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

export interface WatchOptions extends ListOptions {
  /** Changes after this version are sent. */
  readonly resourceVersion: string;
  readonly signal: AbortSignal;
  /** Asks the server to end the stream after this time. */
  readonly timeoutSeconds?: number;
  /** Called when the server has accepted the watch, which may be long before the first event. */
  readonly onOpen?: () => void;
}

export interface ListPage<T extends KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/**
 * Reads and writes of one API server. `apply` is server-side apply; an object with `metadata.resourceVersion` makes it (and
 * `replace`) conditional: a newer object on the server is a ConflictError with code RESOURCE_VERSION_CONFLICT.
 */
export interface Kube {
  /** The object, or undefined where there is none. */
  get<T extends KubeObject>(ref: ObjectRef): Promise<T | undefined>;
  /** Every object of the kind, read page by page. */
  list<T extends KubeObject>(kind: Kind, options?: ListOptions): Promise<ListPage<T>>;
  create<T extends KubeObject>(kind: Kind, object: T, options: WriteOptions): Promise<T>;
  apply<T extends KubeObject>(kind: Kind, object: T, options: ApplyOptions): Promise<T>;
  replace<T extends KubeObject>(kind: Kind, object: T, options: WriteOptions): Promise<T>;
  /** A failed `test` operation is a ConflictError with code PATCH_TEST_FAILED. */
  jsonPatch<T extends KubeObject>(
    ref: ObjectRef,
    patch: readonly JsonPatchOperation[],
    options: WriteOptions,
  ): Promise<T>;
  mergePatch<T extends KubeObject>(ref: ObjectRef, patch: object, options: WriteOptions): Promise<T>;
  /** Resolves also when there is nothing to delete. */
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  /**
   * Streams changes from `resourceVersion` on, bookmarks included, until the server ends the stream (normal return), the
   * signal aborts (throws code ABORTED), or it fails (throws; code RESOURCE_VERSION_EXPIRED when a new list is needed).
   */
  watch<T extends KubeObject>(kind: Kind, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
}

/** Says under which keys an object is found in an index. */
export type IndexFunction<T> = (object: T) => readonly string[];

/**
 * A local copy of all objects of one kind, kept in step by list and watch. Reads are synchronous and may lag behind the
 * server; `put` (called with the answer of an own write) makes own writes visible at once.
 */
export interface Reflector<T extends KubeObject> {
  get(namespace: string | undefined, name: string): T | undefined;
  list(namespace?: string): readonly T[];
  /** Objects whose `index` function returned `key`. */
  byIndex(index: string, key: string): readonly T[];
  /**
   * Takes `object` unless the copy is newer or the object has been deleted since. It must be one that the reflector selects.
   */
  put(object: T): void;
  /** Resolves when the first list is in. */
  synced(signal?: AbortSignal): Promise<void>;
  /** True once synced, and false again while the copy is older than the staleness limit because the watch cannot be kept. */
  isFresh(): boolean;
  /** Called after every change of the copy (also those by `put`), with the object before and after. */
  onChange(listener: (change: { readonly before: T | undefined; readonly after: T | undefined }) => void): void;
  start(signal: AbortSignal): void;
}
