import type { Release, RolloutContext } from './context.ts';
import { type Facts, type Route, revisionFact } from './facts.ts';
import { replicasFor } from './sizing.ts';

/** The states of the rollout machine; see machine.ts for what each waits for. */
export type RolloutState =
  | 'Adopting'
  | 'Idle'
  | 'OpeningStable'
  | 'RoutingStable'
  | 'Scaling'
  | 'Shifting'
  | 'Holding'
  | 'Baking'
  | 'HandingOver'
  | 'Returning'
  | 'Closing'
  | 'Withdrawing'
  | 'RemovingCanary'
  | 'Relinquishing'
  | 'Gone';

/** What the cluster should look like in a state. Effects only ever move the cluster towards this. */
export interface Desired {
  /** Null: leave the route alone. */
  readonly route: Route | null;
  /** Revisions that must have a Service of their own; null: leave the Services alone. */
  readonly services: readonly string[] | null;
  /** `keep` leaves the canary's ReplicaSet as it is; null means that there must be none. */
  readonly canary: { readonly revision: string; readonly replicas: number } | 'keep' | null;
  /** Revision whose ReplicaSet must belong to the Deployment. */
  readonly handOver: string | null;
  /** Whether the Deployment must be paused; null: not our business. */
  readonly paused: boolean | null;
  /** Size below which the Deployment must not be while its pods may have to carry everything. */
  readonly minReplicas: number | null;
}

const NOTHING: Desired = {
  route: null,
  services: null,
  canary: 'keep',
  handOver: null,
  paused: null,
  minReplicas: null,
};
const PLAIN: Route = { kind: 'plain' };

/** The route that a state wants, or null where it wants none in particular. */
export function routeFor(state: RolloutState, context: RolloutContext): Route | null {
  const { stable, release } = context;
  if (state === 'OpeningStable' || state === 'Returning' || state === 'Relinquishing') return PLAIN;
  if (stable === null || release === null) return null;
  const split = (weightBp: number): Route => ({
    kind: 'revisions',
    stable,
    canary: weightBp > 0 ? release.revision : null,
    canaryBp: weightBp,
  });
  switch (state) {
    case 'RoutingStable':
    case 'Withdrawing':
    case 'RemovingCanary':
      return split(0);
    case 'Scaling':
      return split(release.weightBp);
    case 'Shifting':
    case 'Holding':
      return split(release.targetBp);
    case 'Baking':
    case 'HandingOver':
      return split(10_000);
    default:
      return null;
  }
}

function highestBp({ targetBp, raises }: Release): number {
  return Math.max(targetBp, ...raises.map(({ weightBp }) => weightBp));
}

/** What the cluster should look like in a state. Pure: the same inputs always give the same answer, whoever asks. */
export function desiredOf(state: RolloutState, context: RolloutContext, facts: Facts): Desired {
  const route = routeFor(state, context);
  const { stable, release } = context;
  // A roll that began before we could pause the Deployment has to end by itself.
  if (state === 'Adopting') return facts.workload?.rolling ? { ...NOTHING, paused: false } : NOTHING;
  if (state === 'Idle') return { ...NOTHING, paused: true };
  if (state === 'Gone') {
    // An un-paused Deployment with another template would roll it out unjudged: better paused than that.
    const paused = facts.workload?.revision === stable ? false : null;
    return { ...NOTHING, route: facts.originalKept ? PLAIN : null, paused };
  }
  if (stable === null || release === null) return NOTHING;
  const both = stable === release.revision ? [stable] : [stable, release.revision];
  const sized = (weightBp: number) => ({
    revision: release.revision,
    replicas: replicasFor(weightBp, release, facts),
  });
  const weighed: Desired = { ...NOTHING, route, services: both };
  switch (state) {
    case 'OpeningStable':
    case 'RoutingStable':
      return { ...NOTHING, route, services: [stable], canary: null };
    case 'Scaling':
    case 'Shifting':
    case 'Holding':
      // After a step back it keeps its pods: proxies that learn of it late still send requests to all of them.
      return { ...weighed, canary: sized(highestBp(release)) };
    case 'Baking':
      return { ...weighed, canary: sized(10_000) };
    case 'HandingOver':
      return {
        ...weighed,
        canary: sized(10_000),
        handOver: release.revision,
        minReplicas: Math.max(sized(10_000).replicas, revisionFact(facts, release.revision).replicas),
      };
    case 'Returning':
    case 'Relinquishing':
      return { ...NOTHING, route };
    case 'Closing':
      return { ...NOTHING, services: [], canary: null };
    case 'Withdrawing':
      // Both: stable's Service may have been deleted by hand, and the canary's is named until the route is written.
      return { ...NOTHING, route, services: both, minReplicas: release.replicas };
    case 'RemovingCanary':
      return { ...weighed, services: [stable], canary: null, minReplicas: release.replicas };
    default:
      return NOTHING;
  }
}
