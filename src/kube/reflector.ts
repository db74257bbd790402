import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, isAppError } from '../lib/errors.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import type { IndexFunction, Kind, Kube, KubeObject, ListOptions, Reflector } from './port.ts';
import { type Change, createReplica, type Replica } from './replica.ts';

/** What a reflector went through; for logs and metrics. */
export type ReflectorEvent =
  | { readonly type: 'listed'; readonly kind: string; readonly count: number; readonly resourceVersion: string }
  /** The list or the watch failed; the next try comes after `retryInMs`. */
  | {
      readonly type: 'failed';
      readonly kind: string;
      readonly error: unknown;
      readonly failures: number;
      readonly retryInMs: number;
    }
  /** A listener threw; the copy is right nevertheless. */
  | { readonly type: 'listenerFailed'; readonly kind: string; readonly error: unknown };

export interface ReflectorOptions<T extends KubeObject> extends ListOptions {
  readonly clock: Clock;
  readonly random?: Random | undefined;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>> | undefined;
  readonly log?: ((event: ReflectorEvent) => void) | undefined;
  /** Applied to every object before it is kept. Default: drops `managedFields`, which nobody reads from the copy. */
  readonly transform?: ((object: T) => T) | undefined;
  /** A watch that says nothing for so long is opened anew, in ms. Default 150 000: servers send a bookmark each minute. */
  readonly inactivityMs?: number | undefined;
  /** The copy stops being fresh when the watch has been broken for so long, in ms. Default 30 000. */
  readonly stalenessMs?: number | undefined;
}

const RETRY_BASE_MS = 200;
const RETRY_MAX_MS = 30_000;
/** As client-go: the server ends each watch after 5 to 10 minutes, so that watches spread over the servers again. */
const WATCH_SECONDS = 300;
/** A stream that ends sooner and brought nothing is a failure, or a broken proxy would be asked in a tight loop. */
const SHORT_WATCH_MS = 1_000;
/** After so many failed watches in a row the version that we watch from is suspect as well: list anew. */
const FAILURES_BEFORE_LIST = 5;

/** A reflector over `kube` for the objects that `options` selects; see Reflector for what it promises. */
export function createReflector<T extends KubeObject>(
  kube: Kube,
  kind: Kind,
  options: ReflectorOptions<T>,
): Reflector<T> {
  const { clock, random = systemRandom, stalenessMs = 30_000, log = () => {} } = options;
  const replica = createReplica<T>({ indexes: options.indexes, transform: options.transform ?? withoutManagedFields });
  const listeners: ((change: Change<T>) => void)[] = [];
  const synced = deferred();
  const health: Health = { isSynced: false, watch: 'none', lastContactMs: 0, failures: 0 };
  let isStarted = false;

  const notify = (changes: readonly Change<T>[]): void => {
    for (const change of changes) {
      for (const listener of listeners) {
        try {
          listener(change);
        } catch (error) {
          log({ type: 'listenerFailed', kind: kind.kind, error });
        }
      }
    }
  };

  const list = async (): Promise<void> => {
    const page = await kube.list<T>(kind, selection(options));
    notify(replica.replaceAll(page));
    health.lastContactMs = clock.now();
    health.isSynced = true;
    log({ type: 'listed', kind: kind.kind, count: page.items.length, resourceVersion: page.resourceVersion });
    synced.resolve();
  };

  /** Waits as long as the failure asks for; returns whether only a new list can help. */
  const recover = async (error: unknown, signal: AbortSignal): Promise<boolean> => {
    health.failures += 1;
    const backoff = backoffMs({ failures: health.failures, baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random });
    const retryInMs = Math.max(backoff, isAppError(error) ? (error.retryAfterMs ?? 0) : 0);
    log({ type: 'failed', kind: kind.kind, error, failures: health.failures, retryInMs });
    await clock.sleep(retryInMs, signal).catch(() => {});
    return isExpired(error) || health.failures % FAILURES_BEFORE_LIST === 0;
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    let needsList = true;
    while (!signal.aborted) {
      try {
        if (needsList) await list();
        needsList = false;
        await watchOnce({ kube, kind, options, replica, health, notify, signal });
      } catch (error) {
        if (!signal.aborted) needsList = (await recover(error, signal)) || needsList;
      }
    }
  };

  return {
    get: replica.get,
    list: replica.list,
    byIndex(index, key) {
      if (!replica.hasIndex(index)) {
        throw new AppError('InvariantError', 'INDEX_UNKNOWN', `the reflector of ${kind.kind} has no index "${index}"`);
      }
      return replica.byIndex(index, key);
    },
    put: (object) => notify(replica.put(object)),
    synced: (signal) => untilAborted(synced.promise, signal),
    isFresh: () => health.isSynced && (isWatched(health) || clock.now() - health.lastContactMs <= stalenessMs),
    onChange(listener) {
      listeners.push(listener);
    },
    start(signal) {
      if (isStarted)
        throw new AppError('InvariantError', 'ALREADY_STARTED', `the reflector of ${kind.kind} runs already`);
      isStarted = true;
      void run(signal);
    },
  };
}

/** The object without `metadata.managedFields`, often its largest part. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _dropped, ...metadata } = object.metadata;
  return { ...object, metadata };
}

interface Health {
  isSynced: boolean;
  watch: 'none' | 'opening' | 'open';
  lastContactMs: number;
  /** In a row, since the server last told us something. */
  failures: number;
}

/** Opening a watch counts too, or each change of watches would make the copy stale; but not once tries fail. */
const isWatched = ({ watch, failures }: Health): boolean => watch === 'open' || (watch === 'opening' && failures === 0);

interface WatchRun<T extends KubeObject> {
  readonly kube: Kube;
  readonly kind: Kind;
  readonly options: ReflectorOptions<T>;
  readonly replica: Replica<T>;
  readonly health: Health;
  readonly notify: (changes: readonly Change<T>[]) => void;
  readonly signal: AbortSignal;
}

/** One watch from the last known version until the server ends it (returns) or it fails or says too little (throws). */
async function watchOnce<T extends KubeObject>(run: WatchRun<T>): Promise<void> {
  const { kube, kind, options, replica, health, notify, signal } = run;
  const { clock, random = systemRandom, inactivityMs = 150_000 } = options;
  const idle = idleLimit({ clock, inactivityMs, parent: signal });
  const openedAtMs = clock.now();
  let events = 0;
  health.watch = 'opening';
  try {
    const stream = kube.watch<T>(kind, {
      ...selection(options),
      resourceVersion: replica.version() ?? '',
      signal: idle.signal,
      timeoutSeconds: Math.round(WATCH_SECONDS * (1 + random())),
      onOpen: () => {
        health.watch = 'open';
        health.lastContactMs = clock.now();
        idle.touch();
      },
    });
    for await (const event of stream) {
      events += 1;
      health.lastContactMs = clock.now();
      health.failures = 0;
      health.watch = 'open';
      idle.touch();
      notify(replica.observe(event));
    }
  } catch (cause) {
    throw idle.hasExpired() ? inactive(kind, inactivityMs, cause) : cause;
  } finally {
    if (health.watch === 'open' && clock.now() - openedAtMs > RETRY_MAX_MS) health.failures = 0;
    health.watch = 'none';
    idle.stop();
  }
  if (idle.hasExpired()) throw inactive(kind, inactivityMs);
  if (signal.aborted) return;
  if (events === 0 && clock.now() - openedAtMs < SHORT_WATCH_MS) {
    throw new AppError('TransientError', 'WATCH_TOO_SHORT', `the server ended the watch of ${kind.kind} at once`);
  }
  health.failures = 0;
}

function inactive(kind: Kind, inactivityMs: number, cause?: unknown): AppError {
  const message = `the watch of ${kind.kind} said nothing for ${inactivityMs} ms`;
  return new AppError('TransientError', 'WATCH_INACTIVE', message, { cause });
}

/** Aborts its signal when it is not touched for `inactivityMs`, or with `parent`. */
function idleLimit(options: { readonly clock: Clock; readonly inactivityMs: number; readonly parent: AbortSignal }) {
  const { clock, inactivityMs, parent } = options;
  const controller = new AbortController();
  let hasExpired = false;
  const expire = () => {
    hasExpired = true;
    controller.abort();
  };
  const onParentAbort = () => controller.abort();
  parent.addEventListener('abort', onParentAbort, { once: true });
  if (parent.aborted) controller.abort();
  let cancel = clock.after(inactivityMs, expire);
  return {
    signal: controller.signal,
    hasExpired: () => hasExpired,
    touch() {
      cancel();
      if (!controller.signal.aborted) cancel = clock.after(inactivityMs, expire);
    },
    stop() {
      cancel();
      parent.removeEventListener('abort', onParentAbort);
    },
  };
}

const isExpired = (error: unknown): boolean => isAppError(error) && error.code === 'RESOURCE_VERSION_EXPIRED';

function selection<T extends KubeObject>({
  namespace,
  labelSelector,
  fieldSelector,
}: ReflectorOptions<T>): ListOptions {
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  };
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function untilAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
