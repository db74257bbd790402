import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { KubeObject } from '../../kube/port.ts';
import { hasEntries } from '../../lib/has-entries.ts';
import type { Flow } from '../../metrics/flows.ts';
import type { PlannedExperiment } from '../../plan/experiment-plan.ts';
import { neighboursOf } from '../../plan/neighbours.ts';
import { labels } from '../../routing/own-object.ts';
import type { Pod } from '../../workloads/objects.ts';
import type { ExperimentCopies } from './copies.ts';
import { podsWith, workloadsOf } from './places.ts';

type Service = KubeObject & { readonly spec?: { readonly selector?: Readonly<Record<string, string>> } };

/** Services whose releases must not go on beside the experiment. While nobody knows who calls whom, those that were known before. */
export function neighboursNow(
  { pods, services }: ExperimentCopies,
  {
    experiment,
    planned,
    flows,
  }: {
    readonly experiment: ChaosExperiment;
    readonly planned: PlannedExperiment;
    readonly flows: readonly Flow[] | null;
  },
): readonly string[] {
  const { namespace, callers, target } = planned.fault;
  const targetService = services.get(target.namespace, target.service) as Service | undefined;
  const callersPods = podsWith(pods, namespace, callers ?? {});
  const targetPods = podsOf(targetService, (selector) => podsWith(pods, target.namespace, selector));
  const near = new Set([
    ...workloadsOf(callersPods).map((name) => `${namespace}/${name}`),
    ...workloadsOf(targetPods).map((name) => `${target.namespace}/${name}`),
  ]);
  const own = (services.list(namespace) as readonly Service[]).filter(
    (service) => service.metadata.labels?.[labels.service] === undefined && selects(service, callersPods),
  );
  const watched = planned.steadyState === null ? [] : [planned.steadyState.service];
  const known = neighboursOf({
    target: `${target.namespace}/${target.service}`,
    callersServices: [...own.map(({ metadata }) => metadata.name), ...watched].map((name) => `${namespace}/${name}`),
    isNear: (workload) => near.has(`${workload.namespace}/${workload.workload}`),
    flows: flows ?? [],
    serviceOf: (to) =>
      `${to.namespace}/${services.get(to.namespace, to.host)?.metadata.labels?.[labels.service] ?? to.host}`,
  });
  if (flows !== null) return known;
  return [...new Set([...known, ...(experiment.status?.neighbours ?? [])])].toSorted();
}

function podsOf(
  service: Service | undefined,
  find: (selector: Readonly<Record<string, string>>) => readonly Pod[],
): readonly Pod[] {
  const selector = service?.spec?.selector ?? {};
  return Object.keys(selector).length === 0 ? [] : find(selector);
}

function selects({ spec }: Service, pods: readonly Pod[]): boolean {
  const selector = spec?.selector ?? {};
  return Object.keys(selector).length > 0 && pods.some(({ metadata }) => hasEntries(metadata.labels, selector));
}
