import type { Kind, Kube, KubeObject, ObjectRef, Reflector } from '../kube/port.ts';
import { hasEntries } from '../lib/has-entries.ts';
import { MANAGER } from './own-object.ts';
import type { RouteWrite } from './router.ts';

/** What was written, for logs and Events. */
export interface RoutesEvent {
  readonly type: 'created' | 'replaced' | 'patched' | 'deleted';
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Local copies to read from instead of the server. Own writes are put into them at once. */
export interface RoutesReflectors {
  readonly virtualService?: Reflector<KubeObject> | undefined;
  readonly destinationRule?: Reflector<KubeObject> | undefined;
  readonly service?: Reflector<KubeObject> | undefined;
  readonly endpointSlice?: Reflector<KubeObject> | undefined;
}

/** Reads from local copies where there are any that are fresh, else from the server; writes to the server and through to the copies. */
export interface RouteStore {
  get<T extends KubeObject>(ref: ObjectRef, isLive?: boolean): Promise<T | undefined>;
  /** All objects of the kind in a namespace that carry every one of the labels. */
  list<T extends KubeObject>(
    kind: Kind,
    namespace: string,
    labels?: Readonly<Record<string, string>>,
  ): Promise<readonly T[]>;
  write(write: RouteWrite): Promise<void>;
}

export function createRouteStore(
  kube: Kube,
  reflectors: RoutesReflectors,
  log: (event: RoutesEvent) => void,
): RouteStore {
  const copyOf = ({ kind }: Kind): Reflector<KubeObject> | undefined =>
    reflectors[`${kind.charAt(0).toLowerCase()}${kind.slice(1)}` as keyof RoutesReflectors];

  /** A copy that lags behind its server for long is worse than the cost of asking. */
  const freshCopyOf = (kind: Kind): Reflector<KubeObject> | undefined => {
    const copy = copyOf(kind);
    return copy?.isFresh() ? copy : undefined;
  };

  const wrote = (type: RoutesEvent['type'], kind: Kind, object: KubeObject): void => {
    copyOf(kind)?.put(object);
    const { namespace = '', name } = object.metadata;
    log({ type, kind: kind.kind, namespace, name });
  };

  return {
    async get<T extends KubeObject>(ref: ObjectRef, isLive = false): Promise<T | undefined> {
      const copy = freshCopyOf(ref.kind);
      return isLive || copy === undefined ? kube.get<T>(ref) : (copy.get(ref.namespace, ref.name) as T | undefined);
    },

    async list<T extends KubeObject>(
      kind: Kind,
      namespace: string,
      labels: Readonly<Record<string, string>> = {},
    ): Promise<readonly T[]> {
      const copy = freshCopyOf(kind);
      if (copy !== undefined) {
        const objects = copy.list(namespace) as readonly T[];
        return objects.filter(({ metadata }) => hasEntries(metadata.labels, labels));
      }
      const labelSelector = Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(',');
      return (await kube.list<T>(kind, { namespace, ...(labelSelector !== '' && { labelSelector }) })).items;
    },

    async write(write) {
      switch (write.kind) {
        case 'create':
          return wrote('created', write.of, await kube.create(write.of, write.object, { fieldManager: MANAGER }));
        case 'replace':
          return wrote('replaced', write.of, await kube.replace(write.of, write.object, { fieldManager: MANAGER }));
        case 'patch':
          return wrote(
            'patched',
            write.ref.kind,
            await kube.jsonPatch(write.ref, write.patch, { fieldManager: MANAGER }),
          );
        case 'delete': {
          const { uid, resourceVersion } = write;
          await kube.delete(write.ref, { uid, resourceVersion });
          const { kind, namespace = '', name } = write.ref;
          log({ type: 'deleted', kind: kind.kind, namespace, name });
        }
      }
    },
  };
}
