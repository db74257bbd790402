import { stringify } from 'yaml';
import { renderArming } from '../../src/routing/faults/arming.ts';
import type { ApiObject } from './api-client.ts';

const ROOT_NAMESPACE = 'istio-system';
const HTTP_CONNECTION_MANAGER =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** istiod's mesh configuration. */
export const MESH_CONFIG = stringify({ enableAutoMtls: false, rootNamespace: ROOT_NAMESPACE });

const tag = (name: string, format: string) => ({ name, value_format: format });
const UPSTREAM_TAGS = [
  tag('response_code', '%RESPONSE_CODE%'),
  tag('grpc_response_status', '%GRPC_STATUS_NUMBER%'),
  tag('response_flags', '%RESPONSE_FLAGS%'),
  tag('upstream_cluster', '%UPSTREAM_CLUSTER%'),
  tag('destination_meta', '%UPSTREAM_METADATA(istio:workload)%'),
];

/** Istio's own metrics filter is not in the plain Envoy; the stats access logger writes the same counters. */
const STATS_LOGGER = {
  name: 'envoy.access_loggers.stats',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config',
    stat_prefix: 'istio',
    counters: [{ stat: { name: 'requests_total', tags: UPSTREAM_TAGS }, value_fixed: 1 }],
    histograms: [
      {
        stat: { name: 'request_duration_milliseconds', tags: UPSTREAM_TAGS },
        value_format: '%DURATION%',
        unit: 'Milliseconds',
      },
    ],
  },
};

function requestMetricsPatch(context: 'SIDECAR_OUTBOUND' | 'GATEWAY') {
  return {
    applyTo: 'NETWORK_FILTER',
    match: {
      context,
      listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } },
    },
    patch: {
      operation: 'MERGE',
      value: { typed_config: { '@type': HTTP_CONNECTION_MANAGER, access_log: [STATS_LOGGER] } },
    },
  };
}

/** Objects of istiod's namespace that every lab starts with: the mesh without mTLS, with request metrics, and armed for faults. */
export const MESH_OBJECTS: readonly ApiObject[] = [
  {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: 'request-metrics', namespace: ROOT_NAMESPACE },
    spec: { configPatches: [requestMetricsPatch('SIDECAR_OUTBOUND'), requestMetricsPatch('GATEWAY')] },
  },
  {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: ROOT_NAMESPACE },
    spec: { mtls: { mode: 'DISABLE' } },
  },
  { ...renderArming() },
];

/** The namespace that must be there before istiod starts. */
export const MESH_NAMESPACE: ApiObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ROOT_NAMESPACE } };
