import { RELEASED } from '../../../lab/shop/manifests.ts';
import type { Rollout } from '../../../src/api/rollout.ts';
import { kinds } from '../../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../../src/kube/port.ts';
import { createReflector } from '../../../src/kube/reflector.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Pod } from '../../../src/workloads/objects.ts';
import { HASH_LABEL } from '../../../src/workloads/revision.ts';

/** One change of one object, as the API server told it. */
export interface Change {
  readonly atMs: number;
  readonly kind: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

/** Where a release was, as its status said: `Holding 2` is the state Holding at the second step. */
export type Place = string;

/**
 * Everything that happened in a namespace from its opening on, in order: what was written, not what somebody says was. A
 * controller that dies cannot hide in it what it did.
 */
export interface Chronicle {
  changes(): readonly Change[];
  /** Called with each change at once. */
  onChange(listener: (change: Change) => void): void;
  /** Places of the release of `revision`, without repeats in a row. */
  placesOf(revision: string): readonly Place[];
  /** Shares of `revision` in percent with each writing of the route, repeats included; null where the route was deleted. */
  sharesOf(revision: string): readonly (number | null)[];
  /** The same with the times. */
  routesOf(revision: string): readonly { readonly atMs: number; readonly share: number | null }[];
  /** Uids of all pods that a revision ever had, and how often their containers were started again. */
  podsOf(revision: string): { readonly uids: ReadonlySet<string>; readonly restarts: number };
  close(): void;
}

interface VirtualService extends KubeObject {
  readonly spec: {
    readonly http: readonly {
      readonly route: readonly { readonly destination: { readonly host: string }; readonly weight?: number }[];
    }[];
  };
}

const WATCHED: readonly Kind[] = [
  kinds.rollout,
  kinds.virtualService,
  kinds.deployment,
  kinds.replicaSet,
  kinds.service,
  kinds.pod,
];

/** Opens the chronicle; resolves when nothing that happens from now on is missed. */
export async function openChronicle(kube: Kube, namespace: string): Promise<Chronicle> {
  const stop = new AbortController();
  const changes: Change[] = [];
  const listeners: ((change: Change) => void)[] = [];
  const copies = WATCHED.map((kind) => {
    const copy = createReflector(kube, kind, { namespace, clock: systemClock });
    copy.onChange(({ before, after }) => {
      const change = { atMs: Date.now(), kind: kind.kind, before, after };
      changes.push(change);
      for (const listener of listeners) listener(change);
    });
    copy.start(stop.signal);
    return copy;
  });
  await Promise.all(copies.map((copy) => copy.synced()));
  const of = <T extends KubeObject>(kind: string) =>
    changes.filter((change) => change.kind === kind) as unknown as readonly { atMs: number; before?: T; after?: T }[];
  const routesOf = (revision: string) =>
    of<VirtualService>('VirtualService').map(({ atMs, after }) => ({
      atMs,
      share: after === undefined ? null : shareIn(after, `${RELEASED}-${revision}`),
    }));
  return {
    changes: () => changes,
    onChange: (listener) => void listeners.push(listener),
    placesOf(revision) {
      const seen = of<Rollout & KubeObject>('Rollout').flatMap(({ after }) =>
        after?.status?.canary?.revision === revision ? [placeOf(after)] : [],
      );
      return seen.filter((place, index) => place !== seen[index - 1]);
    },
    sharesOf: (revision) => routesOf(revision).map(({ share }) => share),
    routesOf,
    podsOf(revision) {
      const pods = of<Pod>('Pod').flatMap(({ after }) =>
        after?.metadata.labels?.[HASH_LABEL] === revision ? [after] : [],
      );
      const restarts = pods.flatMap(({ status }) =>
        (status?.containerStatuses ?? []).map(({ restartCount = 0 }) => restartCount),
      );
      return { uids: new Set(pods.map(({ metadata }) => metadata.uid ?? '')), restarts: Math.max(0, ...restarts) };
    },
    close: () => stop.abort(),
  };
}

/** State and step of a release. */
export function placeOf({ status }: Rollout): Place {
  return `${status?.machine?.state} ${status?.step?.index ?? '-'}`;
}

function shareIn({ spec }: VirtualService, host: string): number {
  const routes = spec.http[0]?.route ?? [];
  const total = routes.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const own = routes.find(({ destination }) => destination.host === host)?.weight ?? 0;
  return routes.length === 1 && routes[0]?.destination.host === host ? 100 : total === 0 ? 0 : (100 * own) / total;
}
