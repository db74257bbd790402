import { stringify } from 'yaml';

export interface PrometheusOptions {
  readonly scrapeIntervalSeconds: number;
  /** The file with the pods that `pod-discovery.ts` keeps. */
  readonly targetsFile: string;
}

/** Envoy's admin port; a pod that asks to be scraped there has a sidecar. */
const SIDECAR_PORT = '15000';
const SCRAPE_ANNOTATION = '__meta_kubernetes_pod_annotation_prometheus_io_scrape';
const PORT_ANNOTATION = '__meta_kubernetes_pod_annotation_prometheus_io_port';
const PATH_ANNOTATION = '__meta_kubernetes_pod_annotation_prometheus_io_path';
const OUTBOUND = String.raw`outbound\|\d+\|[^|]*\|([^.]+)\.([^.]+)\.svc\.[^;]+;?`;

interface Relabel {
  readonly source_labels?: readonly string[];
  readonly regex?: string;
  readonly target_label?: string;
  readonly replacement?: string;
  readonly separator?: string;
  readonly action?: string;
}

/** The lab's prometheus.yml: annotated pods, and their sidecars under the names and labels that Istio gives. */
export function prometheusConfig(options: PrometheusOptions): string {
  const interval = `${options.scrapeIntervalSeconds}s`;
  const discovery = { file_sd_configs: [{ files: [options.targetsFile], refresh_interval: '30s' }] };
  return stringify({
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    scrape_configs: [
      {
        job_name: 'sidecars',
        ...discovery,
        params: { usedonly: [''], filter: ['^istio\\.'] },
        relabel_configs: [...annotatedPods('keep'), ...SOURCE_LABELS],
        metric_relabel_configs: ISTIO_METRICS,
      },
      { job_name: 'pods', ...discovery, relabel_configs: annotatedPods('drop') },
    ],
  });
}

/** Running pods with the annotations; those with a sidecar are kept or dropped. */
function annotatedPods(sidecars: 'keep' | 'drop'): Relabel[] {
  return [
    { source_labels: [SCRAPE_ANNOTATION], regex: 'true', action: 'keep' },
    { source_labels: [PORT_ANNOTATION], regex: SIDECAR_PORT, action: sidecars },
    { source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Pending|Succeeded|Failed', action: 'drop' },
    { source_labels: [PATH_ANNOTATION], regex: '(.+)', target_label: '__metrics_path__' },
    {
      source_labels: ['__meta_kubernetes_pod_ip', PORT_ANNOTATION],
      separator: ':',
      regex: '(.+:.+)',
      target_label: '__address__',
    },
    { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
    { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
  ];
}

const podLabel = (name: string) => `__meta_kubernetes_pod_label_${name}`;
const CONTROLLER = '__meta_kubernetes_pod_controller_name';

/** One proxy stands for one source, so the source labels belong to the target; later rules win. */
const SOURCE_LABELS: readonly Relabel[] = [
  { target_label: 'reporter', replacement: 'source' },
  { source_labels: ['__meta_kubernetes_namespace'], target_label: 'source_workload_namespace' },
  { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'source_workload' },
  { source_labels: [CONTROLLER], regex: '(.+)', target_label: 'source_workload' },
  {
    // A ReplicaSet's name is that of its Deployment and the hash of the template.
    source_labels: ['__meta_kubernetes_pod_controller_kind', CONTROLLER, podLabel('pod_template_hash')],
    separator: ';',
    regex: 'ReplicaSet;(.+)-([^;-]+);.+',
    target_label: 'source_workload',
    replacement: '$1',
  },
  { source_labels: ['source_workload'], target_label: 'source_canonical_service' },
  ...['app', 'app_kubernetes_io_name', 'service_istio_io_canonical_name'].map((name) => ({
    source_labels: [podLabel(name)],
    regex: '(.+)',
    target_label: 'source_canonical_service',
  })),
  { target_label: 'source_canonical_revision', replacement: 'latest' },
  ...['version', 'app_kubernetes_io_version', 'service_istio_io_canonical_revision'].map((name) => ({
    source_labels: [podLabel(name)],
    regex: '(.+)',
    target_label: 'source_canonical_revision',
  })),
  { source_labels: [podLabel('app')], regex: '(.+)', target_label: 'source_app' },
  { source_labels: [podLabel('version')], regex: '(.+)', target_label: 'source_version' },
];

const destinationMeta = (regex: string, target_label: string): Relabel => ({
  source_labels: ['destination_meta'],
  regex,
  target_label,
  replacement: '$1',
});

/** Turns what Envoy's stats access logger writes into Istio's series; see `mesh-objects.ts` for the other half. */
const ISTIO_METRICS: readonly Relabel[] = [
  {
    source_labels: ['__name__'],
    regex: 'envoy_istio_(requests_total|request_duration_milliseconds_(bucket|sum|count))',
    action: 'keep',
  },
  { source_labels: ['__name__'], regex: 'envoy_(istio_.+)', target_label: '__name__', replacement: '$1' },
  {
    source_labels: ['upstream_cluster'],
    regex: String.raw`(?:outbound|inbound)\|(\d+)\|([^|]*)\|([^;]+);?`,
    target_label: 'destination_service',
    replacement: '$3',
  },
  { source_labels: ['upstream_cluster'], regex: OUTBOUND, target_label: 'destination_service_name', replacement: '$1' },
  {
    source_labels: ['upstream_cluster'],
    regex: OUTBOUND,
    target_label: 'destination_service_namespace',
    replacement: '$2',
  },
  { source_labels: ['destination_meta'], regex: '', target_label: 'destination_workload', replacement: 'unknown' },
  destinationMeta('([^;]+);.*', 'destination_workload'),
  destinationMeta('[^;]*;([^;]+);.*', 'destination_workload_namespace'),
  destinationMeta('[^;]*;[^;]*;([^;]+);.*', 'destination_canonical_service'),
  destinationMeta('[^;]*;[^;]*;[^;]*;([^;]+);.*', 'destination_canonical_revision'),
  destinationMeta('[^;]*;[^;]*;[^;]*;[^;]*;([^;]+)', 'destination_cluster'),
  { target_label: 'request_protocol', replacement: 'http' },
  { target_label: 'connection_security_policy', replacement: 'unknown' },
  { regex: 'upstream_cluster|destination_meta', action: 'labeldrop' },
];
