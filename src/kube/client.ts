import { type Clock, systemClock } from '../lib/clock.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { connect } from './kubeconfig.ts';
import type {
  ApplyOptions,
  Kind,
  Kube,
  KubeObject,
  ListOptions,
  ListPage,
  ObjectRef,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './port.ts';
import { collectionPath, objectPath, type Query, queryString, requireNamespace } from './resource-path.ts';
import type { RequestContext } from './translate-error.ts';
import { createTransport, type Transport } from './transport.ts';
import { watchEvents } from './watch-stream.ts';

export interface KubeOptions {
  /** Default: KUBECONFIG, then ~/.kube/config, then the pod's service account. */
  readonly kubeconfigPath?: string | undefined;
  /** Default: the kubeconfig's current context. */
  readonly context?: string | undefined;
  /** Default `sluice`. */
  readonly userAgent?: string | undefined;
  /** Time limit of each request but watches, in ms. Default 10 000. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** Objects asked for per request of a list: the page size of client-go. */
const PAGE_SIZE = 500;

/**
 * A client of the API server that the kubeconfig names. Throws a ConfigError where the kubeconfig is missing or unusable;
 * connects with the first request.
 */
export function createKube(options: KubeOptions = {}): Kube {
  const clock = options.clock ?? systemClock;
  const connection = connect({ path: options.kubeconfigPath, context: options.context, clock });
  const { userAgent = 'sluice', timeoutMs = 10_000 } = options;
  return kubeOver(createTransport(connection, { userAgent, timeoutMs, clock }));
}

function kubeOver(transport: Transport): Kube {
  return {
    async get<T extends KubeObject>(ref: ObjectRef): Promise<T | undefined> {
      const context = contextOf('get', ref.kind, ref);
      try {
        return await transport.json<T>({ context, method: 'GET', path: objectPath(ref.kind, ref) });
      } catch (error) {
        if (isAppError(error) && error.code === 'NOT_FOUND') return undefined;
        throw error;
      }
    },

    async list<T extends KubeObject>(kind: Kind, listOptions: ListOptions = {}): Promise<ListPage<T>> {
      try {
        return await listPages<T>(transport, kind, listOptions, PAGE_SIZE);
      } catch (error) {
        // The snapshot that the pages were read from is gone. One big page cannot run into that again.
        if (!isAppError(error) || error.code !== 'RESOURCE_VERSION_EXPIRED') throw error;
        return await listPages<T>(transport, kind, listOptions, undefined);
      }
    },

    async create<T extends KubeObject>(kind: Kind, object: T, write: WriteOptions): Promise<T> {
      requireNamespace(kind, object.metadata.namespace);
      const query = { fieldManager: write.fieldManager, fieldValidation: 'Strict' };
      const path = collectionPath(kind, object.metadata.namespace) + queryString(query);
      return transport.json<T>({
        context: contextOf('create', kind, object.metadata),
        method: 'POST',
        path,
        body: object,
      });
    },

    async apply<T extends KubeObject>(kind: Kind, object: T, write: ApplyOptions): Promise<T> {
      const { managedFields: _refusedByTheServer, ...metadata } = object.metadata;
      return transport.json<T>({
        context: contextOf('apply', kind, metadata, write.subresource),
        method: 'PATCH',
        path: writePath(kind, metadata, write, { force: write.force === true, fieldValidation: 'Strict' }),
        body: { ...object, metadata },
        contentType: 'application/apply-patch+yaml',
      });
    },

    async replace<T extends KubeObject>(kind: Kind, object: T, write: WriteOptions): Promise<T> {
      return transport.json<T>({
        context: contextOf('update', kind, object.metadata, write.subresource),
        method: 'PUT',
        path: writePath(kind, object.metadata, write),
        body: object,
      });
    },

    async jsonPatch<T extends KubeObject>(ref: ObjectRef, patch: readonly object[], write: WriteOptions): Promise<T> {
      return transport.json<T>({
        context: contextOf('jsonPatch', ref.kind, ref, write.subresource),
        method: 'PATCH',
        path: writePath(ref.kind, ref, write),
        body: patch,
        contentType: 'application/json-patch+json',
      });
    },

    async mergePatch<T extends KubeObject>(ref: ObjectRef, patch: object, write: WriteOptions): Promise<T> {
      return transport.json<T>({
        context: contextOf('patch', ref.kind, ref, write.subresource),
        method: 'PATCH',
        path: writePath(ref.kind, ref, write),
        body: patch,
        contentType: 'application/merge-patch+json',
      });
    },

    async delete(ref, { uid, resourceVersion, propagation = 'Background', gracePeriodSeconds } = {}): Promise<void> {
      const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: propagation,
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
        ...((uid || resourceVersion) && { preconditions }),
      };
      try {
        await transport.json({
          context: contextOf('delete', ref.kind, ref),
          method: 'DELETE',
          path: objectPath(ref.kind, ref),
          body,
        });
      } catch (error) {
        if (!isAppError(error) || (error.code !== 'NOT_FOUND' && error.code !== 'KIND_NOT_SERVED')) throw error;
      }
    },

    watch: (kind, watchOptions) => watchOver(transport, kind, watchOptions),
  };
}

async function* watchOver<T extends KubeObject>(
  transport: Transport,
  kind: Kind,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>> {
  const context = contextOf('watch', kind, { namespace: options.namespace });
  const query = {
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: options.resourceVersion,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    timeoutSeconds: options.timeoutSeconds,
  };
  const path = collectionPath(kind, options.namespace) + queryString(query);
  const { signal } = options;
  const stream = await transport.stream({ context, method: 'GET', path, signal });
  options.onOpen?.();
  try {
    yield* watchEvents<T>(context, stream);
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    const message = signal.aborted ? 'the watch was aborted' : 'the connection broke during a watch';
    throw new AppError('TransientError', signal.aborted ? 'ABORTED' : 'API_UNREACHABLE', message, { cause });
  } finally {
    stream.destroy();
  }
}

async function listPages<T extends KubeObject>(
  transport: Transport,
  kind: Kind,
  { namespace, labelSelector, fieldSelector }: ListOptions,
  limit: number | undefined,
): Promise<ListPage<T>> {
  const items: T[] = [];
  let next: string | undefined;
  for (;;) {
    const query: Query = { labelSelector, fieldSelector, limit, continue: next };
    const page = await transport.json<ApiList<T>>({
      context: contextOf('list', kind, { namespace }),
      method: 'GET',
      path: collectionPath(kind, namespace) + queryString(query),
    });
    // Items of a list carry neither kind nor apiVersion.
    for (const item of page.items ?? []) items.push({ ...item, apiVersion: kind.apiVersion, kind: kind.kind });
    next = page.metadata.continue || undefined;
    if (next === undefined) return { items, resourceVersion: page.metadata.resourceVersion };
  }
}

interface ApiList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[] | null;
}

interface Named {
  readonly namespace?: string | undefined;
  readonly name: string;
}

function writePath(kind: Kind, object: Named, write: WriteOptions, query: Query = {}): string {
  return objectPath(kind, object, write.subresource) + queryString({ fieldManager: write.fieldManager, ...query });
}

function contextOf(
  verb: RequestContext['verb'],
  kind: Kind,
  object: Partial<Named>,
  subresource?: string,
): RequestContext {
  const group = kind.apiVersion.includes('/') ? `.${kind.apiVersion.split('/')[0]}` : '';
  const resource = `${kind.plural}${group}${subresource === undefined ? '' : `/${subresource}`}`;
  return { verb, resource, namespace: object.namespace, name: object.name };
}
