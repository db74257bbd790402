import type { Answer } from './questions.ts';

/** Requests that one workload sends to one host, as callers' proxies count them. */
export interface Flow {
  readonly from: { readonly namespace: string; readonly workload: string };
  /** A Service, or that of one revision of it. */
  readonly to: { readonly namespace: string; readonly host: string };
  readonly perSecond: number;
}

/** Who calls whom in the whole mesh, and how often. Two minutes, because sources may scrape once a minute. */
export const FLOWS_QUERY =
  'sum by (source_workload, source_workload_namespace, destination_service_name, destination_service_namespace) ' +
  '(rate(istio_requests_total{reporter="source"}[2m])) > 0';

/** What the answer to {@link FLOWS_QUERY} says; null while it is not known. */
export function flowsOf(answer: Answer): readonly Flow[] | null {
  if (answer.state === 'unknown') return null;
  return answer.samples.map(({ labels, value }) => ({
    from: { namespace: labels['source_workload_namespace'] ?? '', workload: labels['source_workload'] ?? '' },
    to: {
      namespace: labels['destination_service_namespace'] ?? '',
      host: labels['destination_service_name'] ?? '',
    },
    perSecond: value,
  }));
}
