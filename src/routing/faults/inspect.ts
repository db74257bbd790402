import { isDeepStrictEqual } from 'node:util';
import { kinds } from '../../kube/kinds.ts';
import type { Kube, KubeObject } from '../../kube/port.ts';
import type { FaultPlan, FaultProblem } from './port.ts';
import {
  type ConfigPatch,
  type EnvoyFilter,
  FAULT_FILTER,
  faultName,
  filterOf,
  RATE_LIMIT_FILTER,
  virtualHostOf,
} from './render.ts';

/** Istio's root namespace: what stands there holds for every proxy. */
const ROOT_NAMESPACE = 'istio-system';

interface Pod extends KubeObject {
  readonly spec?: { readonly containers?: readonly { readonly name: string }[] };
}

interface Service extends KubeObject {
  readonly spec?: { readonly ports?: readonly { readonly port: number }[] };
}

interface VirtualService extends KubeObject {
  readonly spec?: { readonly hosts?: readonly string[]; readonly http?: readonly { readonly fault?: unknown }[] };
}

/** Traps and conflicts, each with its cure. */
export async function inspectFault(kube: Kube, plan: FaultPlan): Promise<readonly FaultProblem[]> {
  const { target, namespace } = plan;
  const serviceRef = { kind: kinds.service, namespace: target.namespace, name: target.service };
  const [service, pods, routes, filters] = await Promise.all([
    kube.get<Service>(serviceRef),
    kube.list<Pod>(kinds.pod, { namespace, ...(plan.callers !== null && { labelSelector: selectorOf(plan.callers) }) }),
    kube.list<VirtualService>(kinds.virtualService),
    kube.list<EnvoyFilter>(kinds.envoyFilter),
  ]);
  return [
    ...targetProblems(plan, service),
    ...callerProblems(plan, pods.items),
    ...routes.items.flatMap((route) => routeProblems(plan, route)),
    ...holders(plan, filters.items),
    ...armingProblems(plan, filters.items),
  ];
}

function refuse(reason: string, message: string): FaultProblem {
  return { severity: 'refuse', reason, message };
}

function targetProblems({ target }: FaultPlan, service: Service | undefined): readonly FaultProblem[] {
  const name = `Service ${target.namespace}/${target.service}`;
  if (service === undefined)
    return [refuse('TargetNotFound', `spec.target.service: there is no ${name}: create it or correct the name`)];
  const ports = (service.spec?.ports ?? []).map(({ port }) => port);
  if (ports.includes(target.port)) return [];
  return [
    refuse('PortNotFound', `spec.target.service.port: ${name} has no port ${target.port}, only ${ports.join(', ')}`),
  ];
}

function callerProblems({ callers, namespace }: FaultPlan, pods: readonly Pod[]): readonly FaultProblem[] {
  const whose =
    callers === null ? `in namespace ${namespace}` : `with the labels ${selectorOf(callers)} in namespace ${namespace}`;
  if (pods.length === 0) {
    return [refuse('NoCallers', `spec.callers: no pod ${whose}: correct the labels, or start the callers first`)];
  }
  const without = pods.filter((pod) => !hasSidecar(pod)).length;
  if (without === 0) return [];
  const message = `spec.callers: ${without} of ${pods.length} pods ${whose} have no sidecar; their requests are not touched`;
  return [
    without === pods.length
      ? refuse('NoSidecar', `${message}: label them for injection`)
      : { severity: 'warn', reason: 'SomeWithoutSidecar', message },
  ];
}

/** A sidecar by Istio's injector, or one that the annotation of its status tells. */
function hasSidecar({ spec, metadata }: Pod): boolean {
  const names = (spec?.containers ?? []).map(({ name }) => name);
  const { labels = {}, annotations = {} } = metadata;
  return (
    names.includes('istio-proxy') ||
    annotations['sidecar.istio.io/status'] !== undefined ||
    labels['sidecar.istio.io/inject'] === 'true'
  );
}

/** Envoy takes one configuration of its fault filter for a route: that of the experiment would replace the user's, silently. */
function routeProblems({ target, fault }: FaultPlan, { metadata, spec }: VirtualService): readonly FaultProblem[] {
  if (filterOf(fault) !== FAULT_FILTER || !spec?.http?.some((rule) => rule.fault !== undefined)) return [];
  const { service, namespace } = target;
  const inNamespace = metadata.namespace === namespace ? [service] : [];
  const names = [...inNamespace, `${service}.${namespace}`, `${service}.${namespace}.svc.cluster.local`];
  if (!spec.hosts?.some((host) => names.includes(host))) return [];
  const holder = `VirtualService ${metadata.namespace ?? ''}/${metadata.name}`;
  return [
    refuse(
      'FaultHeld',
      `spec.fault: ${holder} has a fault of its own for this service, which the experiment would replace: remove it first`,
    ),
  ];
}

/** Two EnvoyFilters for one filter of one route do not combine: the later replaces the earlier. */
function holders(plan: FaultPlan, filters: readonly EnvoyFilter[]): readonly FaultProblem[] {
  const rivals = filters.filter(
    (filter) =>
      isNear(plan, filter) &&
      !isOwn(plan, filter) &&
      (filter.spec.configPatches ?? []).some((patch) => overlaps(plan, patch)) &&
      sharesCallers(plan, filter),
  );
  return rivals.map(({ metadata }) =>
    refuse(
      'FaultHeld',
      `spec.target: EnvoyFilter ${metadata.namespace ?? ''}/${metadata.name} already sets ${filterOf(plan.fault)} for these requests, and two do not combine: wait for its end or remove it`,
    ),
  );
}

function isNear({ namespace }: FaultPlan, { metadata }: EnvoyFilter): boolean {
  return metadata.namespace === namespace || metadata.namespace === ROOT_NAMESPACE;
}

function isOwn({ experiment, namespace }: FaultPlan, { metadata }: EnvoyFilter): boolean {
  return metadata.namespace === namespace && metadata.name === faultName(experiment);
}

function overlaps(plan: FaultPlan, { applyTo, match, patch }: ConfigPatch): boolean {
  if (applyTo !== 'HTTP_ROUTE' && applyTo !== 'VIRTUAL_HOST') return false;
  if (!JSON.stringify(patch?.value ?? {}).includes(`"${filterOf(plan.fault)}"`)) return false;
  const name = match?.routeConfiguration?.vhost?.name;
  return (
    (name === undefined || name === virtualHostOf(plan)) &&
    !['SIDECAR_INBOUND', 'GATEWAY'].includes(match?.context ?? 'ANY')
  );
}

/** Only labels that contradict each other keep two selectors apart. */
function sharesCallers({ callers }: FaultPlan, { spec }: EnvoyFilter): boolean {
  const theirs = spec.workloadSelector?.labels;
  if (callers === null || theirs === undefined || isDeepStrictEqual(callers, theirs)) return true;
  return Object.entries(callers).every(([name, value]) => theirs[name] === undefined || theirs[name] === value);
}

/** Inserting a filter cuts long requests, so that it is done once, when Sluice is installed. */
function armingProblems({ fault }: FaultPlan, filters: readonly EnvoyFilter[]): readonly FaultProblem[] {
  if (filterOf(fault) !== RATE_LIMIT_FILTER) return [];
  const isArmed = filters.some(
    ({ metadata, spec }) =>
      metadata.namespace === ROOT_NAMESPACE &&
      (spec.configPatches ?? []).some(
        ({ applyTo, patch }) =>
          applyTo === 'HTTP_FILTER' && JSON.stringify(patch?.value ?? {}).includes(`"${RATE_LIMIT_FILTER}"`),
      ),
  );
  if (isArmed) return [];
  return [
    refuse(
      'NotArmed',
      `spec.fault.throttle: proxies have no ${RATE_LIMIT_FILTER}: run \`kubectl apply -f deploy/arming.yaml\` at a quiet hour; it cuts requests longer than the proxies' drain time`,
    ),
  ];
}

function selectorOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
