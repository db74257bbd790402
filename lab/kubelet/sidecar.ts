import type { PodAddress } from './address-pool.ts';
import type { Container, Pod } from './pod.ts';

/** The name of the sidecar's container, as Istio's injector gives it. */
export const SIDECAR_NAME = 'istio-proxy';

/** Where every sidecar answers admin requests, on its pod's address. */
export const ADMIN_PORT = 15_000;

/** Annotations that tell Prometheus where to scrape the pod's sidecar; set while the pod is bound. */
export const SCRAPE_ANNOTATIONS: Readonly<Record<string, string>> = {
  'prometheus.io/scrape': 'true',
  'prometheus.io/port': String(ADMIN_PORT),
  'prometheus.io/path': '/stats/prometheus',
};

/** The sidecar as a container: ready once it has its first configuration from istiod. */
export const sidecarContainer: Container = {
  name: SIDECAR_NAME,
  image: 'lab/envoy',
  readinessProbe: { httpGet: { path: '/ready', port: ADMIN_PORT }, periodSeconds: 2, failureThreshold: 3 },
};

/** Command line of a sidecar. Hot restart needs shared memory under an id of its own, and nothing here restarts hot. */
export function sidecarArgv(envoy: string, configFile: string): readonly string[] {
  // 45 s of drain time is what Istio's own agent passes.
  return [
    envoy,
    '-c',
    configFile,
    '--disable-hot-restart',
    '--concurrency',
    '1',
    '--log-level',
    'warning',
    '--drain-time-s',
    '45',
  ];
}

/** Statistics kept by a sidecar: as with Istio's own agent a short list, because each cluster alone has about 100. */
const STATS = {
  inclusion_list: {
    patterns: [
      ...['istio.', 'cluster_manager.', 'listener_manager.', 'server.', 'cluster.xds-grpc.'].map((prefix) => ({
        prefix,
      })),
      ...['.downstream_cx_active', '.downstream_rq_active', 'fault.aborts_injected', 'fault.delays_injected'].map(
        (suffix) => ({ suffix }),
      ),
    ],
  },
};

function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

function metadata(pod: Pod, address: PodAddress): object {
  const labels = pod.metadata.labels ?? {};
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller);
  const hash = labels['pod-template-hash'];
  const workload = owner?.name ?? pod.metadata.name;
  return {
    CLUSTER_ID: 'Kubernetes',
    NAMESPACE: pod.metadata.namespace,
    NAME: pod.metadata.name,
    WORKLOAD_NAME: hash ? workload.replace(`-${hash}`, '') : workload,
    INSTANCE_IPS: address.ip,
    ISTIO_VERSION: '1.31.0',
    LABELS: labels,
    HTTP_PROXY_PORT: String(address.proxyPort),
    INTERCEPTION_MODE: 'NONE',
    MESH_ID: 'cluster.local',
  };
}

function discoveryCluster(xds: string): object {
  const [host = '127.0.0.1', port = '15010'] = xds.split(':');
  return {
    name: 'xds-grpc',
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        // Without pings a connection to a killed istiod would be waited on for ever.
        explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '5s' } } },
      },
    },
    load_assignment: {
      cluster_name: 'xds-grpc',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(host, Number(port)) } }] }],
    },
  };
}

/** Envoy's start-up configuration for the pod's sidecar; everything else comes from istiod at `xds` (host:port). */
export function sidecarBootstrap(pod: Pod, address: PodAddress, xds: string): object {
  const { name, namespace = 'default' } = pod.metadata;
  const ads = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };
  return {
    node: {
      id: `sidecar~${address.ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${pod.metadata.labels?.['app'] ?? name}.${namespace}`,
      metadata: metadata(pod, address),
    },
    admin: { address: socketAddress(address.ip, ADMIN_PORT) },
    stats_config: { stats_matcher: STATS },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
    },
    static_resources: { clusters: [discoveryCluster(xds)] },
  };
}
