import type { IndexFunction, Kind, Kube, KubeObject, Reflector } from '../../src/kube/port.ts';
import { withoutManagedFields } from '../../src/kube/reflector.ts';
import { type Change, createReplica } from '../../src/kube/replica.ts';
import type { FakeCommit } from '../support/fake-kube.ts';
import type { SimClock } from './sim-clock.ts';

export interface LateReflectorOptions<T extends KubeObject> {
  readonly clock: SimClock;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>> | undefined;
  /** How late the next event comes, in ms. */
  readonly lagMs: () => number;
  readonly isDead: () => boolean;
  /** The server knows the kind; without it nothing is ever listed. Default: it does. */
  readonly isServed?: ((kind: Kind) => boolean) | undefined;
  /** Calls back with each commit of the server from now on. */
  readonly subscribe: (listener: (commit: FakeCommit) => void) => void;
}

/** A reflector whose events come late but in order; the copy itself is the one that the real reflector keeps. */
export function createLateReflector<T extends KubeObject>(
  kube: Kube,
  kind: Kind,
  options: LateReflectorOptions<T>,
): Reflector<T> {
  const { clock, lagMs, isDead, subscribe } = options;
  const replica = createReplica<T>({ indexes: options.indexes, transform: withoutManagedFields });
  const listeners: ((change: Change<T>) => void)[] = [];
  const synced = Promise.withResolvers<void>();
  let isSynced = false;
  let lastAt = 0;
  const notify = (changes: readonly Change<T>[]): void => {
    for (const change of changes) for (const listener of listeners) listener(change);
  };
  const deliver = ({ type, object }: FakeCommit): void => {
    if (!isDead()) notify(replica.observe({ type, object: object as T }));
  };

  return {
    get: replica.get,
    list: replica.list,
    byIndex: replica.byIndex,
    put: (object) => notify(replica.put(object)),
    synced: () => synced.promise,
    isFresh: () => isSynced,
    onChange(listener) {
      listeners.push(listener);
    },
    start() {
      if (options.isServed?.(kind) === false) return;
      subscribe((commit) => {
        if (isDead() || commit.kind.plural !== kind.plural) return;
        lastAt = Math.max(lastAt, clock.now() + lagMs());
        clock.after(lastAt - clock.now(), () => deliver(commit));
      });
      void kube.list<T>(kind).then((page) => {
        if (isDead()) return;
        notify(replica.replaceAll(page));
        isSynced = true;
        synced.resolve();
      });
    },
  };
}
