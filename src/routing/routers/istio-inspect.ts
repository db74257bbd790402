import { AppError } from '../../lib/errors.ts';
import { coversNamespace, namesService } from '../hosts.ts';
import { ownersButUs } from '../managed-fields.ts';
import { ownednessOf } from '../own-object.ts';
import type { RouteOriginal, RouteTarget } from '../port.ts';
import { foreignProtocolOf } from '../protocol.ts';
import { checkUserService, portOf, type ServiceObject } from '../revision-service.ts';
import type { Cluster } from '../router.ts';
import { namesRevision } from './istio-parse.ts';
import { routesService, splitSpec } from './istio-split.ts';
import { ruleName, sendsTo, type VirtualService, type VirtualServiceSpec } from './istio-types.ts';

/** Everything that must hold before a route is taken over, and what to keep of it; see Router.inspect. */
export function inspect(
  target: RouteTarget,
  names: { readonly own: string; readonly adopted: string | undefined },
  { service, routes, revisions }: Cluster,
): RouteOriginal {
  checkUserService(target, service);
  checkIsHttp(target, service);
  const virtualServices = routes as readonly VirtualService[];
  const here = (name: string) =>
    virtualServices.find(({ metadata }) => metadata.namespace === target.namespace && metadata.name === name);
  const own = here(names.own);
  if (own !== undefined && ownednessOf(target, own) !== 'ours') throw nameTaken(own);
  const adopted = names.adopted === undefined ? undefined : here(names.adopted);
  checkNoOther(
    target,
    virtualServices.filter((other) => other !== own && other !== adopted),
  );
  if (names.adopted === undefined) return { adopted: null };
  if (adopted === undefined) throw missing(target, names.adopted);
  checkNotLeftOver(target, adopted, revisions);
  checkAdoptable(target, adopted);
  const { metadata, spec } = adopted;
  return {
    adopted: {
      kind: adopted.kind,
      name: metadata.name,
      uid: metadata.uid ?? '',
      spec: JSON.stringify(spec),
      managedFields: JSON.stringify(ownersButUs(metadata.managedFields)),
    },
  };
}

function checkIsHttp(target: RouteTarget, service: ServiceObject): void {
  const protocol = foreignProtocolOf(portOf(target, service));
  if (protocol !== undefined) {
    throw new AppError(
      'UnsupportedError',
      'PROTOCOL_UNSUPPORTED',
      `port "${target.port}" (spec.service.port) of Service "${target.namespace}/${target.service}" is "${protocol}"; Sluice weights HTTP and gRPC: name a port that is called http… or grpc…, or set its appProtocol`,
    );
  }
}

/** Another VirtualService for the service would win over ours, lose to it, or send requests past the weights. */
function checkNoOther(target: RouteTarget, others: readonly VirtualService[]): void {
  const service = { namespace: target.namespace, name: target.service };
  for (const other of others) {
    const { namespace = '', name } = other.metadata;
    const { hosts = [], gateways = ['mesh'] } = other.spec;
    const isOfMesh = gateways.length === 0 || gateways.includes('mesh');
    const hasHost = hosts.some((host) => namesService(host, namespace, service));
    // A wildcard yields to a host that is spelled out, which the user's adopted VirtualService has and ours would bring.
    const hasWildcard =
      target.routing.istio.virtualService === undefined &&
      hosts.some((host) => coversNamespace(host, target.namespace));
    if (isOfMesh && (hasHost || hasWildcard)) throw alreadyRouted(target, namespace, name);
    if (sendsTo(other, [service])) throw routedElsewhere(target, namespace, name);
  }
}

function checkAdoptable(target: RouteTarget, virtualService: VirtualService): void {
  const { spec, metadata } = virtualService;
  const where = `VirtualService "${target.namespace}/${metadata.name}" (spec.routing.istio.virtualService)`;
  const service = { namespace: target.namespace, name: target.service };
  for (const protocol of ['tcp', 'tls'] as const) {
    if (sendsTo({ ...virtualService, spec: { [protocol]: spec[protocol] ?? [] } }, [service])) {
      throw new AppError(
        'UnsupportedError',
        'PROTOCOL_UNSUPPORTED',
        `${where} routes "${target.service}" by a rule under spec.${protocol}; Sluice weights HTTP rules only: move that rule to spec.http, or release without Sluice`,
      );
    }
  }
  checkRules(target, where, spec);
}

function checkRules(target: RouteTarget, where: string, spec: VirtualServiceSpec): void {
  const rules = (spec.http ?? []).map((rule, index) => ({ rule, name: ruleName(index, rule) }));
  const ours = rules.filter(({ rule }) => routesService(target, rule));
  if (ours.length === 0) {
    throw new AppError(
      'ConfigError',
      'RULE_MISSING',
      `${where} has no rule under spec.http that sends requests to "${target.service}"; add one, or name the VirtualService that does`,
    );
  }
  const service = { namespace: target.namespace, name: target.service };
  for (const { rule, name } of ours) {
    const subset = rule.route?.find(
      ({ destination }) =>
        destination.subset !== undefined && namesService(destination.host, target.namespace, service),
    )?.destination.subset;
    if (subset === undefined) continue;
    throw new AppError(
      'ConfigError',
      'SUBSET_UNSUPPORTED',
      `${where}: ${name} sends requests to subset "${subset}" of "${target.service}", and a revision has no subsets; remove the subset from that destination`,
    );
  }
  // Any weight will do to see whether the user's own weights can be split at all: 0.01 % is the finest.
  splitSpec(target, spec, { kind: 'revisions', stable: 'a', canary: 'b', canaryBp: 1 });
}

/** Refuses to keep as the original what an earlier release has left behind; it would be restored for good. */
function checkNotLeftOver(target: RouteTarget, adopted: VirtualService, revisions: readonly string[]): void {
  if (!namesRevision(target, adopted.spec, revisions)) return;
  throw new AppError(
    'ConfigError',
    'ROUTE_LEFT_OVER',
    `VirtualService "${target.namespace}/${adopted.metadata.name}" still names revision Services of an earlier release of "${target.service}"; apply your own version of it again`,
  );
}

function alreadyRouted(target: RouteTarget, namespace: string, name: string): AppError {
  return new AppError(
    'ConfigError',
    'VIRTUAL_SERVICE_EXISTS',
    `VirtualService "${namespace}/${name}" already routes host "${target.service}", and Istio uses only one per host; ${cure(target, namespace, name)}`,
  );
}

function routedElsewhere(target: RouteTarget, namespace: string, name: string): AppError {
  return new AppError(
    'ConfigError',
    'SERVICE_ROUTED_ELSEWHERE',
    `VirtualService "${namespace}/${name}" sends requests to "${target.service}" that would pass by the weights of a release; ${cure(target, namespace, name)}`,
  );
}

function cure(target: RouteTarget, namespace: string, name: string): string {
  const { virtualService } = target.routing.istio;
  if (virtualService !== undefined) {
    return `move that rule to "${virtualService}", which spec.routing.istio.virtualService names (its gateways may list "mesh" beside others)`;
  }
  return namespace === target.namespace
    ? `let Sluice adopt it: spec.routing.istio.virtualService: ${name}`
    : `move its rules for "${target.service}" to a VirtualService in namespace "${target.namespace}" and name that in spec.routing.istio.virtualService`;
}

function missing(target: RouteTarget, name: string): AppError {
  return new AppError(
    'ConfigError',
    'VIRTUAL_SERVICE_MISSING',
    `VirtualService "${target.namespace}/${name}" (spec.routing.istio.virtualService) does not exist; create it, or leave the name out to let Sluice own the route`,
  );
}

function nameTaken({ metadata }: VirtualService): AppError {
  return new AppError(
    'ConfigError',
    'ROUTE_NAME_TAKEN',
    `VirtualService "${metadata.namespace}/${metadata.name}" has the name that Sluice needs for its own route but belongs to somebody else; rename or delete it`,
  );
}
