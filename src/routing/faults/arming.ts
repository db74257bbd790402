import { kinds } from '../../kube/kinds.ts';
import { labels, MANAGER } from '../own-object.ts';
import type { EnvoyFilter } from './envoy-filter.ts';
import { FAULT_TYPE, RATE_LIMIT_FILTER, RATE_LIMIT_TYPE, SPREAD_FILTERS, STAT_PREFIX } from './filters.ts';

/** Istio's root namespace: what stands there holds for every proxy. */
export const ROOT_NAMESPACE = 'istio-system';

/** The manifest of `renderArming`, for those who install. */
export const ARMING_FILE = 'deploy/arming.yaml';

/**
 * The filters that faults need and proxies lack, without effect until a fault configures them for a route. Inserting a filter drains
 * connections and cuts requests that are longer than the drain time: so it is done once, at install, and never by an experiment.
 */
export function renderArming(): EnvoyFilter {
  const { apiVersion, kind } = kinds.envoyFilter;
  const rateLimit = { '@type': RATE_LIMIT_TYPE, stat_prefix: STAT_PREFIX };
  return {
    apiVersion,
    kind,
    metadata: { name: 'sluice-arming', namespace: ROOT_NAMESPACE, labels: { [labels.managedBy]: MANAGER } },
    spec: {
      configPatches: [
        insert(RATE_LIMIT_FILTER, rateLimit),
        ...SPREAD_FILTERS.map((name) => insert(name, { '@type': FAULT_TYPE })),
      ],
    },
  };
}

function insert(name: string, config: object) {
  const router = {
    name: 'envoy.filters.network.http_connection_manager',
    subFilter: { name: 'envoy.filters.http.router' },
  };
  return {
    applyTo: 'HTTP_FILTER',
    match: { context: 'SIDECAR_OUTBOUND', listener: { filterChain: { filter: router } } },
    patch: { operation: 'INSERT_BEFORE', value: { name, typed_config: config } },
  };
}
