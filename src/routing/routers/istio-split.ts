import { AppError, isAppError } from '../../lib/errors.ts';
import { namesService, withService } from '../hosts.ts';
import type { Route, RouteTarget } from '../port.ts';
import { revisionServiceName, type Share, sharesOf, WHOLE_BP } from '../route.ts';
import { simplifyWeights } from '../weights.ts';
import { type HttpRule, ruleName, type VirtualServiceSpec, type WeightedDestination } from './istio-types.ts';

/** Name of the only rule of a route of our own; faults find the route by it, so it never changes. */
export const OWN_RULE = 'primary';

/** The whole spec of the VirtualService that Sluice owns. */
export function ownSpec(target: RouteTarget, route: Extract<Route, { kind: 'revisions' }>): VirtualServiceSpec {
  const rule: HttpRule = { name: OWN_RULE, route: [{ destination: { host: target.service } }] };
  return {
    // Short names: istiod completes them with this object's namespace and the cluster's domain, which Sluice need not know.
    hosts: [target.service],
    gateways: ['mesh'],
    http: [splitRule(target, rule, sharesOf(route))],
  };
}

/**
 * The user's spec with each destination of the service replaced by one per revision that gets requests; all else is passed through
 * (headers, port, match, rewrite, timeout, …). Mirrors stay on the plain Service: their answers reach nobody, and a mirror would
 * bring the canary no evidence that is weighted by its share.
 */
export function splitSpec(target: RouteTarget, user: VirtualServiceSpec, route: Route): VirtualServiceSpec {
  if (route.kind === 'plain' || user.http === undefined) return user;
  const shares = sharesOf(route);
  return {
    ...user,
    http: user.http.map((rule, index) => {
      try {
        return splitRule(target, rule, shares);
      } catch (error) {
        if (!isAppError(error, 'ConfigError')) throw error;
        throw new AppError('ConfigError', error.code, `${ruleName(index, rule)}: ${error.message}`, { cause: error });
      }
    }),
  };
}

/** Whether a rule sends requests to the service. */
export function routesService(target: RouteTarget, rule: HttpRule): boolean {
  return (rule.route ?? []).some((entry) => isOfService(target, entry));
}

function splitRule(target: RouteTarget, rule: HttpRule, shares: readonly Share[]): HttpRule {
  if (!routesService(target, rule)) return rule;
  const entries = rule.route ?? [];
  const [only] = shares;
  // All to one revision changes no weight at all.
  const route =
    only !== undefined && shares.length === 1
      ? entries.map((entry) => (isOfService(target, entry) ? toRevision(target, entry, only.revision) : entry))
      : withExactWeights(entries.flatMap((entry) => splitEntry(target, entry, entries.length === 1, shares)));
  return { ...rule, route };
}

interface Part {
  readonly entry: WeightedDestination;
  /** In units of 1/10,000 of the user's own weights; 0 where the user gave none. */
  readonly weight: number;
}

function splitEntry(
  target: RouteTarget,
  entry: WeightedDestination,
  isAlone: boolean,
  shares: readonly Share[],
): readonly Part[] {
  // Istio sends everything to a destination that is alone, whatever its weight.
  const weight = isAlone ? 1 : (entry.weight ?? 0);
  if (!isOfService(target, entry)) return [{ entry, weight: weight * WHOLE_BP }];
  const parts = shares.map(({ revision, bp }) => ({ entry: toRevision(target, entry, revision), weight: weight * bp }));
  // The user sends nothing here: one destination without weight is enough.
  return weight === 0 ? parts.slice(0, 1) : parts;
}

/** Istio takes weights as proportions (since 1.15), so that no share is ever rounded. */
function withExactWeights(parts: readonly Part[]): readonly WeightedDestination[] {
  const weights = simplifyWeights(parts.map(({ weight }) => weight));
  return parts.map(({ entry, weight }, i) => (weight === 0 ? entry : { ...entry, weight: weights[i] ?? 0 }));
}

function toRevision(target: RouteTarget, entry: WeightedDestination, revision: string): WeightedDestination {
  const host = withService(entry.destination.host, revisionServiceName(target, revision));
  return { ...entry, destination: { ...entry.destination, host } };
}

function isOfService(target: RouteTarget, { destination }: WeightedDestination): boolean {
  return namesService(destination.host, target.namespace, { namespace: target.namespace, name: target.service });
}
