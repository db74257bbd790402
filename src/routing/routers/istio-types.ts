import type { KubeObject } from '../../kube/port.ts';
import { namedService, namesService, type ServiceName } from '../hosts.ts';

/** Of a VirtualService only what Sluice reads; every other field passes through as it is. */
export interface Destination {
  readonly host: string;
  readonly subset?: string;
}

export interface WeightedDestination {
  readonly destination: Destination;
  readonly weight?: number;
}

export interface HttpRule {
  readonly name?: string;
  readonly route?: readonly WeightedDestination[];
}

export interface TcpRule {
  readonly route?: readonly WeightedDestination[];
}

export interface VirtualServiceSpec {
  readonly hosts?: readonly string[];
  readonly gateways?: readonly string[];
  readonly http?: readonly HttpRule[];
  readonly tcp?: readonly TcpRule[];
  readonly tls?: readonly TcpRule[];
}

export interface VirtualService extends KubeObject {
  readonly spec: VirtualServiceSpec;
}

export interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: unknown;
  readonly exportTo?: readonly string[];
  readonly workloadSelector?: unknown;
}

export interface DestinationRule extends KubeObject {
  readonly spec: DestinationRuleSpec;
}

/** Every destination of a spec, mirrors aside: a mirror's answers reach nobody. */
export function destinationsOf({ http = [], tcp = [], tls = [] }: VirtualServiceSpec): readonly Destination[] {
  return [...http, ...tcp, ...tls].flatMap(({ route = [] }) => route.map(({ destination }) => destination));
}

/** Whether any of `services` is a destination in the VirtualService. */
export function sendsTo(virtualService: VirtualService, services: readonly ServiceName[]): boolean {
  const from = virtualService.metadata.namespace ?? '';
  return destinationsOf(virtualService.spec).some(({ host }) =>
    services.some((service) => namesService(host, from, service)),
  );
}

/** The Services of `namespace` that are destinations, by name. */
export function servicesIn(spec: VirtualServiceSpec, namespace: string): readonly string[] {
  return destinationsOf(spec).flatMap(({ host }) => namedService(host, namespace, namespace) ?? []);
}

/** A rule as people find it: `spec.http[1] ("api")`. */
export function ruleName(index: number, { name }: HttpRule): string {
  return `spec.http[${index}]${name === undefined ? '' : ` ("${name}")`}`;
}
