import type { RolloutContext } from './context.ts';
import { type Desired, desiredOf, type RolloutState } from './desired.ts';
import { type Facts, isSameRoute, type RevisionFact, type Route, revisionFact } from './facts.ts';
import { experimentsToStop, wantedGate } from './gates.ts';
import { isHandedOver, isRouteHeld, type Look } from './guards.ts';

/** One change of the cluster. Each may be repeated: it says what should be, not what to add. */
export type Command =
  | { readonly kind: 'KeepOriginal' }
  | { readonly kind: 'WriteRoute'; readonly route: Route; readonly replacesForeign: boolean }
  | { readonly kind: 'EnsureRevision'; readonly revision: string }
  | { readonly kind: 'RemoveRevision'; readonly revision: string }
  | { readonly kind: 'SizeCanary'; readonly revision: string; readonly replicas: number }
  | { readonly kind: 'RemoveCanary'; readonly revision: string }
  | { readonly kind: 'HandOver'; readonly revision: string }
  | { readonly kind: 'RetireStable'; readonly revision: string }
  | { readonly kind: 'PauseDeployment'; readonly paused: boolean }
  | { readonly kind: 'SizeDeployment'; readonly replicas: number }
  | { readonly kind: 'OpenExperiment'; readonly gate: string; readonly openedAt: number }
  | { readonly kind: 'StopExperiment'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'LetGo' };

/**
 * The difference between what a state wants and what is there, in the order in which it must be made: traffic away from the canary
 * first; what a route names before the route; what it no longer names after it.
 */
export function commandsFor(state: RolloutState, context: RolloutContext, look: Look): readonly Command[] {
  const { facts } = look;
  // The user's own route must be on record before anything of it can be replaced.
  if (state === 'OpeningStable' && !facts.originalKept) return [{ kind: 'KeepOriginal' }];
  const desired = desiredOf(state, context, facts);
  const route = routeCommands(state, context, desired, look);
  const workload = deploymentCommands(desired, facts);
  const services = revisionCommands(desired, facts);
  const canary = [...canaryCommands(desired, facts), ...retireCommands(state, context, look)];
  const experiments = experimentCommands(state, context, look);
  switch (state) {
    case 'Withdrawing':
    case 'RemovingCanary':
    case 'Relinquishing':
      return [...route, ...experiments, ...canary, ...workload, ...services];
    case 'Gone':
      return [...route, ...experiments, ...workload, ...(facts.held ? [{ kind: 'LetGo' } as const] : [])];
    default:
      return [...experiments, ...workload, ...services, ...canary, ...route];
  }
}

function experimentCommands(state: RolloutState, context: RolloutContext, look: Look): readonly Command[] {
  const gate = wantedGate(state, context, look.facts);
  return [
    ...experimentsToStop(state, context, look).map(
      ({ namespace, name }): Command => ({ kind: 'StopExperiment', namespace, name }),
    ),
    ...(gate === null ? [] : [{ kind: 'OpenExperiment', gate: gate.name, openedAt: gate.openedAt } as const]),
  ];
}

function routeCommands(
  state: RolloutState,
  context: RolloutContext,
  { route }: Desired,
  { facts }: Look,
): readonly Command[] {
  if (route === null || !facts.originalKept) return [];
  if (isSameRoute(facts.route, route)) {
    // Restoring takes two writes, and a process may die between them.
    return route.kind === 'plain' && !facts.routeRestored
      ? [{ kind: 'WriteRoute', route, replacesForeign: false }]
      : [];
  }
  const isForeign = facts.route.kind === 'foreign';
  // The way back comes before somebody's edit, and is announced; a step forward waits for a word from the operator.
  const isWayBack = state === 'Withdrawing' || state === 'Relinquishing';
  if (isForeign && !isWayBack && isRouteHeld(context, facts)) return [];
  if (!hasSomewhereToGo(route, facts)) return [];
  return [{ kind: 'WriteRoute', route, replacesForeign: isForeign }];
}

/** A bad canary that answers is better than a stable version without a single ready pod: that one is waited for. */
function hasSomewhereToGo(route: Route, facts: Facts): boolean {
  if (route.kind === 'plain' || route.canaryBp === 10_000) return true;
  return revisionFact(facts, route.stable).service.readyEndpoints > 0;
}

function deploymentCommands({ paused, minReplicas }: Desired, { workload }: Facts): readonly Command[] {
  if (workload === null) return [];
  const commands: Command[] = [];
  if (paused !== null && workload.paused !== paused) commands.push({ kind: 'PauseDeployment', paused });
  if (minReplicas !== null && workload.replicas < minReplicas)
    commands.push({ kind: 'SizeDeployment', replicas: minReplicas });
  return commands;
}

function revisionCommands({ services }: Desired, facts: Facts): readonly Command[] {
  if (services === null) return [];
  const isOpen = (revision: string) => {
    const { service } = revisionFact(facts, revision);
    return service.exists && service.policiesInStep;
  };
  const missing = services.filter((revision) => !isOpen(revision));
  const extra = Object.entries(facts.revisions)
    .filter(
      ([revision, fact]) => fact.service.exists && !services.includes(revision) && !isNamed(facts.route, revision),
    )
    .map(([revision]) => revision);
  return [
    ...missing.map((revision): Command => ({ kind: 'EnsureRevision', revision })),
    ...extra.map((revision): Command => ({ kind: 'RemoveRevision', revision })),
  ];
}

function canaryCommands({ canary, handOver }: Desired, facts: Facts): readonly Command[] {
  if (canary === 'keep') return [];
  const wanted = canary?.revision ?? null;
  const commands = ownCanaries(facts)
    .filter(([revision]) => revision !== wanted && !isNamed(facts.route, revision))
    .map(([revision]): Command => ({ kind: 'RemoveCanary', revision }));
  if (canary === null) return commands;
  const fact = revisionFact(facts, canary.revision);
  // A ReplicaSet of the Deployment without pods is an old revision that is released again; one with pods has changed hands already.
  if (fact.owner === 'Deployment' && fact.replicas > 0) return commands;
  // While the canary carries traffic it only grows: a Deployment that is scaled down for a moment must not take pods from it.
  const replicas = Math.max(canary.replicas, fact.replicas);
  if (fact.owner !== 'Rollout' || fact.replicas < replicas)
    commands.push({ kind: 'SizeCanary', revision: canary.revision, replicas });
  else if (handOver !== null && canChangeHands(fact, facts)) commands.push({ kind: 'HandOver', revision: handOver });
  return commands;
}

/**
 * The Deployment controller takes a ReplicaSet over without touching its pods only when it finds it saturated: exactly at the
 * Deployment's size, all of it available.
 */
function canChangeHands(canary: RevisionFact, { workload }: Facts): boolean {
  return workload !== null && canary.replicas === workload.replicas && canary.available >= canary.replicas;
}

/** How long the Deployment controller is given to retire the old pods by itself after the hand-over. */
const RETIRE_AFTER_MS = 5_000;

/**
 * The Deployment controller retires stable at once when it finds the new ReplicaSet saturated. When the Deployment's size or template
 * changed in that very moment it does not, and would share pods out between the two: then stable is retired for it.
 */
function retireCommands(state: RolloutState, context: RolloutContext, look: Look): readonly Command[] {
  const { stable, since } = context;
  if (state !== 'HandingOver' || stable === null || !isHandedOver(context, look)) return [];
  const { replicas, owner } = revisionFact(look.facts, stable);
  const isDue = replicas > 0 && owner === 'Deployment' && look.at >= since + RETIRE_AFTER_MS;
  return isDue ? [{ kind: 'RetireStable', revision: stable }] : [];
}

function ownCanaries(facts: Facts): readonly (readonly [string, RevisionFact])[] {
  return Object.entries(facts.revisions).filter(([, fact]) => fact.owner === 'Rollout');
}

function isNamed(route: Facts['route'], revision: string): boolean {
  if (route.kind === 'foreign') return route.namesRevisions;
  return route.kind === 'revisions' && (route.stable === revision || (route.canary === revision && route.canaryBp > 0));
}
