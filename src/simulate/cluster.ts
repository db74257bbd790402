import type { Command } from '../../machines/rollout/commands.ts';
import { ABSENT, type Facts, type RevisionFact, type Route } from '../../machines/rollout/facts.ts';

/** How the modelled cluster behaves. Times in ms. */
export const CLUSTER = {
  /** Pods of the Deployment. */
  replicas: 10,
  /** From the creation of pods until they are ready. */
  podStartMs: 5_000,
  /** From a route's write until the proxies follow it. */
  routeMs: 500,
} as const;

/** Names of the two versions. */
export const STABLE = 'stable';
export const CANARY = 'canary';

/** What the cluster itself shows of a release: all facts that are not evidence. */
export type ClusterFacts = Pick<
  Facts,
  'deleting' | 'workload' | 'active' | 'revisions' | 'route' | 'routeRestored' | 'held' | 'originalKept' | 'request'
>;

/** A cluster in which a new template has just been stored, as far as the rollout machine can see it. */
export interface Cluster {
  factsAt(atMs: number): ClusterFacts;
  perform(command: Command, atMs: number): void;
  /** When more pods will be ready; null when none are on their way. */
  readyAtMs(nowMs: number): number | null;
}

interface Pods {
  owner: RevisionFact['owner'];
  replicas: number;
  /** Pods that were there before the last change of size. */
  old: number;
  readyAtMs: number;
  hasService: boolean;
}

/** `onRoute` is told of each route that is written. */
export function createCluster(onRoute: (route: Route, atMs: number) => void): Cluster {
  const { replicas } = CLUSTER;
  const pods: Record<typeof STABLE | typeof CANARY, Pods> = {
    stable: { owner: 'Deployment', replicas, old: replicas, readyAtMs: Number.NEGATIVE_INFINITY, hasService: false },
    canary: { owner: null, replicas: 0, old: 0, readyAtMs: Number.NEGATIVE_INFINITY, hasService: false },
  };
  let [route, originalKept]: [Route, boolean] = [{ kind: 'plain' }, false];
  const of = (revision: string) => (revision === STABLE ? pods.stable : pods.canary);
  const factOf = (own: Pods, atMs: number): RevisionFact => {
    const ready = atMs >= own.readyAtMs ? own.replicas : Math.min(own.old, own.replicas);
    return {
      ...ABSENT,
      ...{ owner: own.owner, replicas: own.replicas, ready, available: ready, left: own.replicas },
      service: { exists: own.hasService, readyEndpoints: own.hasService ? ready : 0, policiesInStep: true },
    };
  };
  return {
    factsAt(atMs) {
      const isHandedOver = pods.canary.owner === 'Deployment';
      return {
        ...{ deleting: false, held: true, routeRestored: true, request: null, route, originalKept },
        workload: { revision: CANARY, generation: 2, paused: true, settled: true, rolling: false, replicas },
        active: isHandedOver ? CANARY : STABLE,
        revisions: { [STABLE]: factOf(pods.stable, atMs), [CANARY]: factOf(pods.canary, atMs) },
      };
    },
    perform(command, atMs) {
      switch (command.kind) {
        case 'KeepOriginal':
          originalKept = true;
          return;
        case 'WriteRoute':
          route = command.route;
          onRoute(route, atMs);
          return;
        case 'EnsureRevision':
        case 'RemoveRevision':
          of(command.revision).hasService = command.kind === 'EnsureRevision';
          return;
        case 'SizeCanary':
          pods.canary = sized(pods.canary, command.replicas, atMs);
          return;
        case 'RemoveCanary':
          Object.assign(pods.canary, { owner: null, replicas: 0 });
          return;
        case 'HandOver':
          // The Deployment controller retires the old pods at once.
          pods.canary.owner = 'Deployment';
          pods.stable.replicas = 0;
          return;
        case 'RetireStable':
        case 'PauseDeployment':
        case 'SizeDeployment':
        case 'LetGo':
          throw new Error(`the modelled release never needs ${command.kind}`);
      }
    },
    readyAtMs(nowMs) {
      return pods.canary.readyAtMs > nowMs ? pods.canary.readyAtMs : null;
    },
  };
}

function sized(pods: Pods, replicas: number, atMs: number): Pods {
  const old = atMs >= pods.readyAtMs ? pods.replicas : pods.old;
  return { ...pods, owner: 'Rollout', replicas, old, readyAtMs: atMs + CLUSTER.podStartMs };
}
