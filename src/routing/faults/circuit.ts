import type { ConfigPatch } from './envoy-filter.ts';
import { hostOf, virtualHostOf } from './places.ts';
import type { Fault, FaultTarget } from './port.ts';

/** What Istio writes for no limit. */
const NO_LIMIT = 4_294_967_295;

/**
 * Lower limits for the requests to the target. Of several limits for one priority Envoy takes the first, and a merge appends: the limits
 * are those of the high priority, which nothing else uses, and the target's routes get that priority.
 */
export function circuitPatches(
  target: FaultTarget,
  fault: Extract<Fault, { kind: 'circuit' }>,
): readonly ConfigPatch[] {
  const limits = {
    priority: 'HIGH',
    max_connections: fault.maxConnections ?? NO_LIMIT,
    max_pending_requests: fault.maxPendingRequests ?? NO_LIMIT,
    max_requests: fault.maxRequests ?? NO_LIMIT,
    max_retries: NO_LIMIT,
  };
  return [
    {
      applyTo: 'CLUSTER',
      match: { context: 'SIDECAR_OUTBOUND', cluster: { service: hostOf(target), portNumber: target.port } },
      patch: { operation: 'MERGE', value: { circuit_breakers: { thresholds: [limits] } } },
    },
    routePatch(target, { route: { priority: 'HIGH' } }),
  ];
}

/** A change of every route of the target, present and future. */
export function routePatch(target: FaultTarget, value: object): ConfigPatch {
  const vhost = { name: virtualHostOf(target) };
  return {
    applyTo: 'HTTP_ROUTE',
    match: { context: 'SIDECAR_OUTBOUND', routeConfiguration: { vhost } },
    patch: { operation: 'MERGE', value },
  };
}
