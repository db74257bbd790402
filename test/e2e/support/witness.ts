import { kinds } from '../../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../../src/kube/port.ts';
import { createReflector } from '../../../src/kube/reflector.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Pod } from '../../../src/workloads/objects.ts';
import { isReady } from '../../../src/workloads/pods.ts';
import { HASH_LABEL } from '../../../src/workloads/revision.ts';

/** One route as it was at a moment: the share of each destination host, in percent; empty where there is no VirtualService. */
export interface SeenRoute {
  readonly atMs: number;
  readonly weights: Readonly<Record<string, number>>;
}

/** Sees everything that happens in a namespace from its start on, independently of the controller. */
export interface Witness {
  /** Every change of the service's route, oldest first. */
  routes(): readonly SeenRoute[];
  /** Weights that a revision was given, in order, without repeats. */
  weightsOf(revision: string): readonly number[];
  /** Uids of all pods that a revision ever had. */
  podsOf(revision: string): ReadonlySet<string>;
  /** Fewest ready pods that a revision had at any moment since it first had `from`. */
  fewestReady(revision: string, from: number): number;
  /** Highest resourceVersion-independent count of changes of the objects of a kind, to see that nothing moves. */
  changes(): number;
  stop(): void;
}

interface VirtualService extends KubeObject {
  readonly spec: {
    readonly http?: readonly {
      readonly route?: readonly { readonly destination: { readonly host: string }; readonly weight?: number }[];
    }[];
  };
}

/** Starts to watch; resolves when the first lists are in. `rule` is the index of the rule to look at. */
export async function witness(kube: Kube, namespace: string, rule = 0): Promise<Witness> {
  const stop = new AbortController();
  const seen: SeenRoute[] = [];
  const pods = new Map<string, Set<string>>();
  const counts = new Map<string, number[]>();
  let changes = 0;
  const follow = <T extends KubeObject>(kind: Kind) =>
    createReflector<T>(kube, kind, { namespace, clock: systemClock });
  const virtualServices = follow<VirtualService>(kinds.virtualService);
  virtualServices.onChange(({ after }) => {
    changes += 1;
    seen.push({ atMs: Date.now(), weights: after === undefined ? {} : weightsIn(after, rule) });
  });
  const podCopy = follow<Pod>(kinds.pod);
  podCopy.onChange(({ after }) => {
    const revision = after?.metadata.labels?.[HASH_LABEL];
    if (after === undefined || revision === undefined) return;
    pods.set(revision, (pods.get(revision) ?? new Set()).add(after.metadata.uid ?? ''));
    const ready = podCopy.list().filter((pod) => pod.metadata.labels?.[HASH_LABEL] === revision && isReady(pod)).length;
    counts.set(revision, [...(counts.get(revision) ?? []), ready]);
  });
  const replicaSets = follow(kinds.replicaSet);
  replicaSets.onChange(() => {
    changes += 1;
  });
  for (const copy of [virtualServices, podCopy, replicaSets]) copy.start(stop.signal);
  await Promise.all([virtualServices.synced(), podCopy.synced(), replicaSets.synced()]);
  return {
    routes: () => seen,
    weightsOf: (revision) => {
      const weights = seen.map((route) => {
        const host = Object.keys(route.weights).find((name) => name.includes(`-${revision}`));
        return host === undefined ? 0 : (route.weights[host] ?? 0);
      });
      return weights.filter((weight, index) => weight !== weights[index - 1]);
    },
    podsOf: (revision) => pods.get(revision) ?? new Set(),
    fewestReady: (revision, from) => {
      const all = counts.get(revision) ?? [];
      return Math.min(...all.slice(all.findIndex((count) => count >= from)));
    },
    changes: () => changes,
    stop: () => stop.abort(),
  };
}

function weightsIn({ spec }: VirtualService, rule: number): Readonly<Record<string, number>> {
  const routes = spec.http?.[rule]?.route ?? [];
  const total = routes.reduce((sum, { weight = 100 }) => sum + weight, 0);
  return Object.fromEntries(routes.map(({ destination, weight = 100 }) => [destination.host, (weight * 100) / total]));
}
