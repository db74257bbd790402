import { applyPatch } from 'rfc6902';
import type {
  DeleteOptions,
  Kind,
  Kube,
  KubeObject,
  ListOptions,
  ObjectRef,
  WatchEvent,
  WatchOptions,
} from '../../src/kube/port.ts';
import { requireNamespace } from '../../src/kube/resource-path.ts';
import type { RequestContext } from '../../src/kube/translate-error.ts';
import { type FieldsEntry, isSame, leavesOf } from './fake-kube-fields.ts';
import { applyTo, entryOf, ownersAfterUpdate, ownersOf, type Write } from './fake-kube-ownership.ts';
import { aborted, checkVersion, conflict, contextOf, refuse } from './fake-kube-refuse.ts';
import {
  contentOf,
  copy,
  type Draft,
  freeze,
  hasGeneration,
  isCustom,
  merge,
  scopeTo,
  specOf,
  systemMetadata,
  withDefaults,
} from './fake-kube-rules.ts';
import { selects } from './fake-kube-select.ts';

/** One call of the port, as `intercept` sees it before it takes effect. */
export interface FakeCall {
  readonly verb: RequestContext['verb'];
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly fieldManager?: string | undefined;
}

export interface FakeKubeOptions {
  /** Milliseconds since the epoch, for timestamps. Default: the machine's clock. */
  readonly now?: (() => number) | undefined;
  /** Called before each call; may delay it, or throw to make it fail. */
  readonly intercept?: ((call: FakeCall) => void | Promise<void>) | undefined;
  /** Told of each change as soon as it is made, before the caller that made it goes on. */
  readonly onCommit?: ((commit: FakeCommit) => void) | undefined;
}

/** One change of one object, with what a watch would send of it. */
export interface FakeCommit {
  readonly kind: Kind;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly before: KubeObject | undefined;
  /** As the change left it; the last state, under the version of its end, of one that was deleted. */
  readonly object: KubeObject;
}

/** An API server in memory. What it promises is what test/contract/kube.contract.ts asks of it and of the real one. */
export interface FakeKube extends Kube {
  /** Objects as they are, for assertions. They are frozen. */
  all<T extends KubeObject>(kind: Kind, namespace?: string): readonly T[];
  /** Deletes objects of which every owner is gone, as the garbage collector would; true when it deleted any. */
  collectGarbage(): boolean;
  /** Ends all watches, as a server does that is restarted. */
  closeWatches(): void;
  /** Forgets the history, so that a watch from an old version is told to list anew. */
  compact(): void;
}

interface Change {
  readonly version: number;
  readonly kind: Kind;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

/** What an object is to become, and who owned its fields before the write. */
interface Next {
  readonly draft: Draft;
  readonly owners: readonly FieldsEntry[];
}

export function createFakeKube(options: FakeKubeOptions = {}): FakeKube {
  const { now = () => Date.now(), intercept, onCommit } = options;
  const stores = new Map<string, Map<string, KubeObject>>();
  const seen = new Map<string, Kind>();
  let history: Change[] = [];
  let version = 1000;
  let compactedAt = version;
  let uids = 0;
  let epoch = 0;
  let wake = deferred();

  const storeOf = (kind: Kind): Map<string, KubeObject> => {
    const key = `${kind.apiVersion}/${kind.plural}`;
    seen.set(key, kind);
    let store = stores.get(key);
    if (store === undefined) {
      store = new Map();
      stores.set(key, store);
    }
    return store;
  };
  const time = (): string => new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');

  const commit = (kind: Kind, before: KubeObject | undefined, after: KubeObject | undefined): KubeObject => {
    version += 1;
    const object = after ?? before;
    if (object === undefined) throw new Error('neither an object before nor after the change');
    const committed = freeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
    const store = storeOf(kind);
    if (after === undefined) store.delete(idOf(object.metadata));
    else store.set(idOf(object.metadata), committed);
    history.push({ version, kind, before, after: after === undefined ? undefined : committed });
    wake.resolve();
    wake = deferred();
    const type = after === undefined ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED';
    onCommit?.({ kind, type, before, object: committed });
    return committed;
  };

  const insert = (kind: Kind, draft: Draft, write: Write): KubeObject => {
    const { status: _ofTheSubresource, ...content } = draft;
    const { resourceVersion: _v, managedFields: _m, ...metadata } = content.metadata;
    uids += 1;
    const created = withDefaults(kind, undefined, {
      ...content,
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: {
        ...metadata,
        uid: `00000000-0000-4000-8000-${String(uids).padStart(12, '0')}`,
        creationTimestamp: time(),
        ...(hasGeneration(kind) && { generation: 1 }),
      },
    });
    const entry = entryOf(kind, write, [...leavesOf(content).keys()], time());
    return commit(kind, undefined, { ...created, metadata: { ...created.metadata, managedFields: [entry] } });
  };

  /** Takes `draft` in place of `before`, by the rules of the server for metadata, status, generation and field owners. */
  const update = (kind: Kind, before: KubeObject, { draft, owners }: Next, write: Write): KubeObject => {
    const scoped = scopeTo(write.subresource, before, draft);
    const metadata = { ...scoped.metadata, ...systemMetadata(before.metadata) };
    let after = withDefaults(kind, before, { ...scoped, metadata });
    if (isSame(contentOf(before), contentOf(after))) {
      if (isSame(ownersOf(before), owners)) return before;
    } else if (hasGeneration(kind) && !isSame(specOf(before), specOf(after))) {
      after = { ...after, metadata: { ...after.metadata, generation: (before.metadata.generation ?? 0) + 1 } };
    }
    const managedFields =
      write.operation === 'Apply' ? owners : ownersAfterUpdate(kind, { before, after, write, owners }, time());
    after = { ...after, metadata: { ...after.metadata, managedFields } };
    const isGone = after.metadata.deletionTimestamp !== undefined && (after.metadata.finalizers ?? []).length === 0;
    return isGone ? commit(kind, after, undefined) : commit(kind, before, after);
  };

  /** The owners that a write starts from: those that it sets itself, else those that are there. */
  const startingFrom = (before: KubeObject, draft: Draft): Next => {
    const given = (draft.metadata.managedFields ?? []) as readonly FieldsEntry[];
    return { draft, owners: given.length > 0 ? given : ownersOf(before) };
  };

  const existing = (context: RequestContext, kind: Kind, name: { namespace?: string; name: string }): KubeObject => {
    const object = storeOf(kind).get(idOf(name));
    if (object === undefined)
      throw refuse(context, { code: 404, reason: 'NotFound', message: `${context.resource} "${name.name}" not found` });
    return object;
  };

  const called = async (verb: RequestContext['verb'], kind: Kind, what: Omit<FakeCall, 'verb' | 'kind'>) => {
    await intercept?.({ verb, kind, ...what });
    return contextOf(verb, kind, what);
  };

  const removeNow = (kind: Kind, object: KubeObject): void => {
    const finalizers = object.metadata.finalizers ?? [];
    if (finalizers.length === 0) commit(kind, object, undefined);
    else if (object.metadata.deletionTimestamp === undefined) {
      const generation = object.metadata.generation;
      commit(kind, object, {
        ...object,
        metadata: {
          ...object.metadata,
          deletionTimestamp: time(),
          ...(generation !== undefined && { generation: generation + 1 }),
        },
      });
    }
  };

  const orphan = (owner: KubeObject): void => {
    for (const [kind, object] of everything()) {
      const owners = object.metadata.ownerReferences ?? [];
      const others = owners.filter(({ uid }) => uid !== owner.metadata.uid);
      if (others.length === owners.length) continue;
      commit(kind, object, { ...object, metadata: { ...object.metadata, ownerReferences: others } });
    }
  };

  const everything = (): readonly (readonly [Kind, KubeObject])[] =>
    [...stores].flatMap(([key, store]) => {
      const kind = seen.get(key);
      return kind === undefined ? [] : [...store.values()].map((object) => [kind, object] as const);
    });

  const fake: FakeKube = {
    async get<T extends KubeObject>(ref: ObjectRef) {
      requireNamespace(ref.kind, ref.namespace);
      await called('get', ref.kind, ref);
      return storeOf(ref.kind).get(idOf(ref)) as T | undefined;
    },

    async list<T extends KubeObject>(kind: Kind, listOptions: ListOptions = {}) {
      await called('list', kind, { namespace: listOptions.namespace });
      const items = fake.all<T>(kind).filter((object) => selects(listOptions, object));
      return { items, resourceVersion: String(version) };
    },

    async create<T extends KubeObject>(kind: Kind, object: T, { fieldManager }: { fieldManager: string }) {
      requireNamespace(kind, object.metadata.namespace);
      const context = await called('create', kind, { ...object.metadata, fieldManager });
      if (object.metadata.resourceVersion) {
        throw refuse(context, {
          code: 422,
          reason: 'Invalid',
          message: 'resourceVersion should not be set on objects to be created',
        });
      }
      if (storeOf(kind).has(idOf(object.metadata))) {
        throw refuse(context, {
          code: 409,
          reason: 'AlreadyExists',
          message: `${context.resource} "${object.metadata.name}" already exists`,
        });
      }
      return insert(kind, copy(object), { fieldManager, operation: 'Update' }) as T;
    },

    async apply<T extends KubeObject>(kind: Kind, object: T, { fieldManager, force = false, subresource }: ApplyInput) {
      requireNamespace(kind, object.metadata.namespace);
      const context = await called('apply', kind, { ...object.metadata, fieldManager });
      const write: Write = { fieldManager, subresource, operation: 'Apply' };
      const before = storeOf(kind).get(idOf(object.metadata));
      if (before === undefined) {
        if (subresource !== undefined) existing(context, kind, object.metadata);
        if (object.metadata.resourceVersion) throw conflict(context);
        return insert(kind, copy(object), write) as T;
      }
      checkVersion(context, before, object.metadata);
      const applied = applyTo(before, copy(object), { context, kind, write, force, time: time() });
      return update(kind, before, applied, write) as T;
    },

    async replace<T extends KubeObject>(kind: Kind, object: T, write: WriteInput) {
      requireNamespace(kind, object.metadata.namespace);
      const context = await called('update', kind, { ...object.metadata, fieldManager: write.fieldManager });
      const before = existing(context, kind, object.metadata);
      if (!object.metadata.resourceVersion && isCustom(kind)) {
        throw refuse(context, {
          code: 422,
          reason: 'Invalid',
          message: 'metadata.resourceVersion: Invalid value: 0: must be specified for an update',
        });
      }
      checkVersion(context, before, object.metadata);
      const draft = copy(object);
      return update(kind, before, startingFrom(before, draft), { ...write, operation: 'Update' }) as T;
    },

    async jsonPatch<T extends KubeObject>(ref: ObjectRef, patch: readonly object[], write: WriteInput) {
      requireNamespace(ref.kind, ref.namespace);
      const context = await called('jsonPatch', ref.kind, { ...ref, fieldManager: write.fieldManager });
      const before = existing(context, ref.kind, ref);
      const draft = copy(before);
      const failed = applyPatch(draft, copy(patch) as never).some((result) => result !== null);
      if (failed)
        throw refuse(context, {
          code: 422,
          reason: 'Invalid',
          message: 'the server rejected our request due to an error in our request',
        });
      return update(ref.kind, before, startingFrom(before, draft), { ...write, operation: 'Update' }) as T;
    },

    async mergePatch<T extends KubeObject>(ref: ObjectRef, patch: object, write: WriteInput) {
      requireNamespace(ref.kind, ref.namespace);
      const context = await called('patch', ref.kind, { ...ref, fieldManager: write.fieldManager });
      const before = existing(context, ref.kind, ref);
      const draft = merge(copy(before), copy(patch)) as Draft;
      checkVersion(context, before, draft.metadata);
      return update(ref.kind, before, startingFrom(before, draft), { ...write, operation: 'Update' }) as T;
    },

    async delete(ref, deleteOptions: DeleteOptions = {}) {
      requireNamespace(ref.kind, ref.namespace);
      const context = await called('delete', ref.kind, ref);
      const object = storeOf(ref.kind).get(idOf(ref));
      if (object === undefined) return;
      const { uid, resourceVersion } = deleteOptions;
      if (uid !== undefined && uid !== object.metadata.uid)
        throw conflict(context, 'Precondition failed: UID in precondition');
      if (resourceVersion !== undefined) checkVersion(context, object, { name: ref.name, resourceVersion });
      if (deleteOptions.propagation === 'Orphan') orphan(object);
      removeNow(ref.kind, storeOf(ref.kind).get(idOf(ref)) ?? object);
    },

    async *watch<T extends KubeObject>(kind: Kind, watchOptions: WatchOptions): AsyncGenerator<WatchEvent<T>> {
      const { signal } = watchOptions;
      const context = await called('watch', kind, { namespace: watchOptions.namespace });
      let from = Number(watchOptions.resourceVersion);
      const startedIn = epoch;
      if (from < compactedAt) {
        const message = `too old resource version: ${from} (${compactedAt})`;
        throw refuse(context, { code: 410, reason: 'Expired', message });
      }
      watchOptions.onOpen?.();
      while (epoch === startedIn) {
        const news = wake.promise;
        const changes = history.filter((change) => change.version > from);
        from = changes.at(-1)?.version ?? from;
        yield* eventsOf<T>(kind, changes, watchOptions);
        await untilWoken(news, signal);
        if (signal.aborted) throw aborted();
      }
    },

    all: <T extends KubeObject>(kind: Kind, namespace?: string) =>
      [...storeOf(kind).values()]
        .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
        .sort((a, b) => (idOf(a.metadata) < idOf(b.metadata) ? -1 : 1)) as unknown as readonly T[],

    collectGarbage() {
      const alive = new Set(everything().map(([, { metadata }]) => metadata.uid));
      const garbage = everything().filter(([, { metadata }]) => {
        const owners = metadata.ownerReferences ?? [];
        return (
          owners.length > 0 && metadata.deletionTimestamp === undefined && owners.every(({ uid }) => !alive.has(uid))
        );
      });
      for (const [kind, object] of garbage) removeNow(kind, object);
      if (garbage.length > 0) fake.collectGarbage();
      return garbage.length > 0;
    },

    closeWatches() {
      epoch += 1;
      wake.resolve();
      wake = deferred();
    },

    compact() {
      compactedAt = version;
      history = [];
    },
  };
  return fake;
}

interface WriteInput {
  readonly fieldManager: string;
  readonly subresource?: 'status' | 'scale';
}

interface ApplyInput extends WriteInput {
  readonly force?: boolean;
}

function* eventsOf<T extends KubeObject>(
  kind: Kind,
  changes: readonly Change[],
  options: WatchOptions,
): Generator<WatchEvent<T>> {
  for (const change of changes) {
    if (options.signal.aborted) throw aborted();
    const event = eventOf(kind, change, options);
    if (event !== undefined) yield event as WatchEvent<T>;
  }
  if (options.signal.aborted) throw aborted();
}

function eventOf(kind: Kind, change: Change, options: ListOptions): WatchEvent | undefined {
  if (change.kind.plural !== kind.plural || change.kind.apiVersion !== kind.apiVersion) return undefined;
  const { before, after, version } = change;
  const [was, is] = [before, after].map((object) => object !== undefined && selects(options, object));
  if (is && after) return { type: was ? 'MODIFIED' : 'ADDED', object: after };
  if (!was) return undefined;
  const last = after ?? before;
  if (last === undefined) return undefined;
  return {
    type: 'DELETED',
    object: freeze({ ...last, metadata: { ...last.metadata, resourceVersion: String(version) } }),
  };
}

function idOf({ namespace, name }: { readonly namespace?: string | undefined; readonly name: string }): string {
  return `${namespace ?? ''}/${name}`;
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  return Promise.withResolvers<void>();
}

function untilWoken(woken: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = () => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  void woken.then(resolve);
  return promise.finally(() => signal.removeEventListener('abort', onAbort));
}
