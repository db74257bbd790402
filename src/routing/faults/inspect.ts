import { kinds } from '../../kube/kinds.ts';
import type { Kube, KubeObject } from '../../kube/port.ts';
import { labels } from '../own-object.ts';
import { foreignProtocolOf } from '../protocol.ts';
import type { ServiceObject } from '../revision-service.ts';
import type { VirtualService } from '../routers/istio-types.ts';
import { armingProblems, filterConflicts, routeConflicts } from './conflicts.ts';
import type { EnvoyFilter } from './envoy-filter.ts';
import { SPREAD_FILTERS } from './filters.ts';
import type { FaultPlan, FaultProblem } from './port.ts';
import { refuse, warn } from './problem.ts';

interface Container {
  readonly name: string;
}

interface Pod extends KubeObject {
  readonly spec?: { readonly containers?: readonly Container[]; readonly initContainers?: readonly Container[] };
  readonly status?: { readonly phase?: string };
}

const WAYPOINT_LABEL = 'istio.io/use-waypoint';

/** Traps and conflicts, each with its cure. */
export async function inspectFault(kube: Kube, plan: FaultPlan): Promise<readonly FaultProblem[]> {
  const { target, namespace, callers } = plan;
  const [home, services, pods, routes, filters] = await Promise.all([
    kube.get({ kind: kinds.namespace, name: target.namespace }),
    kube.list<ServiceObject>(kinds.service, { namespace: target.namespace }),
    kube.list<Pod>(kinds.pod, { namespace, ...(callers !== null && { labelSelector: selectorOf(callers) }) }),
    kube.list<VirtualService>(kinds.virtualService),
    kube.list<EnvoyFilter>(kinds.envoyFilter),
  ]);
  return [
    ...selectorProblems(plan),
    ...targetProblems(plan, services.items, home),
    ...callerProblems(plan, pods.items),
    ...routeConflicts(plan, routes.items),
    ...filterConflicts(plan, filters.items),
    ...armingProblems(plan, filters.items),
  ];
}

/** What this kind of fault cannot tell apart. */
function selectorProblems({ fault, headers, cookies = [], target }: FaultPlan): readonly FaultProblem[] {
  if (fault.kind === 'spread' && fault.parts.length > SPREAD_FILTERS.length + 1) {
    const most = SPREAD_FILTERS.length + 1;
    return [
      refuse(
        'TooManyParts',
        `spec.fault.delay.spread: has ${fault.parts.length} parts, at most ${most} can be told apart: join some`,
      ),
    ];
  }
  if (!['throttle', 'shed', 'circuit'].includes(fault.kind)) return [];
  const cure = 'remove it, or choose a delay, an abort or a bandwidth';
  return [
    ...(headers.length + cookies.length === 0
      ? []
      : [
          refuse(
            'CohortUnsupported',
            `spec.cohort: a fault by limits (${fault.kind}) cannot tell requests by headers or cookies: ${cure}`,
          ),
        ]),
    ...(target.revision === undefined
      ? []
      : [
          refuse(
            'RevisionUnsupported',
            `spec.target.revision: a fault by limits (${fault.kind}) comes before the choice of a revision: ${cure}`,
          ),
        ]),
  ];
}

function targetProblems(
  { target, fault }: FaultPlan,
  services: readonly ServiceObject[],
  home: KubeObject | undefined,
): readonly FaultProblem[] {
  const name = `Service ${target.namespace}/${target.service}`;
  const service = services.find(({ metadata }) => metadata.name === target.service);
  if (service === undefined)
    return [refuse('TargetNotFound', `spec.target.service.name: there is no ${name}: create it or correct the name`)];
  const revisions = services.filter(({ metadata }) => metadata.labels?.[labels.service] === target.service);
  return [
    ...portProblems(target.port, name, service),
    ...waypointProblems(name, service, home),
    ...revisionProblems({ target, fault }, revisions),
  ];
}

function portProblems(number: number, name: string, { spec }: ServiceObject): readonly FaultProblem[] {
  const ports = spec.ports ?? [];
  const port = ports.find((each) => each.port === number);
  if (port === undefined) {
    const has = ports.map((each) => each.port).join(', ');
    return [refuse('PortNotFound', `spec.target.service.port: ${name} has no port ${number}, only ${has}`)];
  }
  const protocol = foreignProtocolOf(port);
  if (protocol === undefined) return [];
  const message = `spec.target.service.port: port ${number} of ${name} is "${protocol}", and only HTTP and gRPC have requests: name a port that is called http… or grpc…, or set its appProtocol`;
  return [refuse('PortNotHttp', message)];
}

/** A waypoint takes the routes out of the callers' proxies, and the fault with them. A Service's own label outweighs its namespace's. */
function waypointProblems(name: string, service: KubeObject, home: KubeObject | undefined): readonly FaultProblem[] {
  const labelled = [service, home].find((object) => object?.metadata.labels?.[WAYPOINT_LABEL] !== undefined);
  const waypoint = labelled?.metadata.labels?.[WAYPOINT_LABEL] ?? 'none';
  if (waypoint === 'none') return [];
  const message = `spec.target.service.name: ${name} is served by the waypoint ${waypoint} (label ${WAYPOINT_LABEL} of its ${labelled?.kind}), where faults of callers have no effect: choose a target without one`;
  return [refuse('Waypoint', message)];
}

function revisionProblems(
  { target, fault }: Pick<FaultPlan, 'target' | 'fault'>,
  revisions: readonly ServiceObject[],
): readonly FaultProblem[] {
  const { namespace, service, revision } = target;
  if (fault.kind === 'circuit' && revisions.length > 0) {
    const message = `spec.fault.circuit: a release of Service ${namespace}/${service} sends requests to revisions, past these limits: wait for its end`;
    return [refuse('ReleaseInProgress', message)];
  }
  const isThere = revisions.some(({ metadata }) => metadata.labels?.[labels.revision] === revision);
  if (revision === undefined || isThere) return [];
  const message = `spec.target.revision: no request goes to revision ${revision} of Service ${namespace}/${service} by a name of its own: start while a release is in progress`;
  return [refuse('RevisionNotFound', message)];
}

function callerProblems({ callers, namespace }: FaultPlan, all: readonly Pod[]): readonly FaultProblem[] {
  const pods = all.filter(({ metadata, status }) => {
    const hasEnded = ['Succeeded', 'Failed'].includes(status?.phase ?? '');
    return !hasEnded && metadata.deletionTimestamp === undefined;
  });
  const labelled = callers === null ? '' : `with the labels ${selectorOf(callers)} `;
  const whose = `${labelled}in namespace ${namespace}`;
  if (pods.length === 0) {
    return [refuse('NoCallers', `spec.callers: no pod ${whose}: correct the labels, or start the callers first`)];
  }
  const without = pods.filter((pod) => !hasSidecar(pod)).length;
  if (without === 0) return [];
  const message = `spec.callers: ${without} of ${pods.length} pods ${whose} have no sidecar; their requests are not touched`;
  if (without < pods.length) return [warn('SomeWithoutSidecar', message)];
  return [refuse('NoSidecar', `${message}: label them for injection`)];
}

/** A sidecar by Istio's injector, which may be a container that starts first, or one that the pod's own words tell. */
export function hasSidecar({ spec, metadata }: Pod): boolean {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return (
    containers.some(({ name }) => name === 'istio-proxy') ||
    metadata.annotations?.['sidecar.istio.io/status'] !== undefined ||
    metadata.labels?.['sidecar.istio.io/inject'] === 'true'
  );
}

function selectorOf(wanted: Readonly<Record<string, string>>): string {
  return Object.entries(wanted)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
