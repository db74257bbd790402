import type { KubeObject, Reflector } from '../../kube/port.ts';
import { hasEntries } from '../../lib/has-entries.ts';
import type { PlannedExperiment } from '../../plan/experiment-plan.ts';
import { labels } from '../../routing/own-object.ts';
import type { Pod } from '../../workloads/objects.ts';
import { workloadOf } from '../../workloads/pods.ts';

/** The host of the Service itself, and those of the revisions that a release has given it. */
export function hostsOf(services: Reflector<KubeObject>, namespace: string, service: string): readonly string[] {
  const revisions = services
    .list(namespace)
    .filter(({ metadata }) => metadata.labels?.[labels.service] === service)
    .map(({ metadata }) => metadata.name);
  return [service, ...revisions.toSorted()];
}

/** Pods of a namespace with all of these labels. */
export function podsWith(
  pods: Reflector<Pod>,
  namespace: string,
  wanted: Readonly<Record<string, string>>,
): readonly Pod[] {
  return pods.list(namespace).filter(({ metadata }) => hasEntries(metadata.labels, wanted));
}

/** Workloads of the callers, as their proxies name themselves. */
export function callersOf(
  pods: Reflector<Pod>,
  { fault: { namespace, callers } }: PlannedExperiment,
): readonly string[] {
  return workloadsOf(podsWith(pods, namespace, callers ?? {}));
}

export function workloadsOf(pods: readonly Pod[]): readonly string[] {
  return [...new Set(pods.map(workloadOf))].toSorted();
}
