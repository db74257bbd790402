import { kinds } from '../../kube/kinds.ts';
import type { JsonPatchOperation, ObjectRef } from '../../kube/port.ts';
import { AppError } from '../../lib/errors.ts';
import { isEqual } from '../difference.ts';
import { type ManagedFieldsEntry, withSpecOwnersOf } from '../managed-fields.ts';
import { overExisting, ownednessOf, ownMetadata } from '../own-object.ts';
import type { Route, RouteOriginal, RouteTarget } from '../port.ts';
import { defineRouter, type RouteObjects, type RouteWrite } from '../router.ts';
import { inspect } from './istio-inspect.ts';
import { parse } from './istio-parse.ts';
import { renderPolicies } from './istio-policies.ts';
import { ownSpec, splitSpec } from './istio-split.ts';
import type { HttpRule, VirtualService, VirtualServiceSpec } from './istio-types.ts';

/**
 * Routes in VirtualServices. `istio: {}`: one of our own that exists only during a release. `istio: {virtualService: NAME}`: the
 * user's, of which only the destinations of the service are replaced, and which gets back its very own spec afterwards.
 */
export const istioRouter = defineRouter({
  type: 'istio',
  capabilities: { weightStepBp: 1 },
  owns: [
    { kind: kinds.virtualService, verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] },
    { kind: kinds.destinationRule, verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'] },
  ],
  routeKind: kinds.virtualService,
  policyKind: kinds.destinationRule,
  routeNames: (target) => ({ own: ownName(target), adopted: target.routing.istio.virtualService }),
  inspect: (target, cluster) =>
    inspect(target, { own: ownName(target), adopted: target.routing.istio.virtualService }, cluster),
  render(target, original, route, current) {
    return original.adopted === null
      ? renderOwn(target, route, current)
      : renderAdopted(target, original.adopted, route, current);
  },
  release: (target, { adopted }, current) => (adopted === null ? [] : releaseAdopted(target, adopted, current)),
  parse,
  renderPolicies,
});

type Adopted = NonNullable<RouteOriginal['adopted']>;

/** With a suffix, because users like to call their VirtualService as the Service is called, and may add one at any time. */
function ownName(target: RouteTarget): string {
  return `${target.service}-sluice`;
}

function renderOwn(target: RouteTarget, route: Route, current: RouteObjects): readonly RouteWrite[] {
  const own = current.own as VirtualService | undefined;
  if (own !== undefined && ownednessOf(target, own) !== 'ours') {
    throw new AppError(
      'ConfigError',
      'ROUTE_NAME_TAKEN',
      `VirtualService "${target.namespace}/${own.metadata.name}" has the name that Sluice needs for its own route but belongs to somebody else; rename or delete it`,
    );
  }
  if (route.kind === 'plain') {
    return own === undefined ? [] : [{ kind: 'delete', ref: refTo(target, own.metadata.name), ...versionOf(own) }];
  }
  const wanted: VirtualService = {
    apiVersion: kinds.virtualService.apiVersion,
    kind: kinds.virtualService.kind,
    metadata: ownMetadata(target, ownName(target)),
    spec: ownSpec(target, route),
  };
  if (own === undefined) return [{ kind: 'create', of: kinds.virtualService, object: wanted }];
  if (isEqual(own.spec, wanted.spec)) return [];
  // Replaced as a whole, where server-side apply would leave fields in force that somebody else has added.
  return [{ kind: 'replace', of: kinds.virtualService, object: overExisting(own, wanted) }];
}

/**
 * By JSON patch, because server-side apply would have to take all of `spec.http` by force, and would delete it when released
 * (`spec.http` of a VirtualService is one atomic field).
 */
function renderAdopted(
  target: RouteTarget,
  original: Adopted,
  route: Route,
  current: RouteObjects,
): readonly RouteWrite[] {
  const adopted = current.adopted as VirtualService | undefined;
  if (adopted === undefined) {
    if (route.kind === 'plain') return [];
    throw new AppError(
      'ConfigError',
      'VIRTUAL_SERVICE_MISSING',
      `VirtualService "${target.namespace}/${original.name}" was deleted during the release; apply it again`,
    );
  }
  const user = JSON.parse(original.spec) as VirtualServiceSpec;
  const wanted = splitSpec(target, user, route);
  if (isEqual(adopted.spec, wanted)) return [];
  const patch = changedRules(adopted.spec, wanted);
  if (patch !== undefined) return [guarded(target, adopted, patch)];
  // A foreign edit, which is overwritten: the caller asks for it knowing that the route is foreign.
  return [guarded(target, adopted, [{ op: 'replace', path: '/spec', value: wanted }])];
}

/** The rules whose destinations differ; undefined where anything else differs too. */
function changedRules(from: VirtualServiceSpec, to: VirtualServiceSpec): readonly JsonPatchOperation[] | undefined {
  const withoutRoutes = (spec: VirtualServiceSpec) => ({ ...spec, http: spec.http?.map(withoutRoute) });
  if (!isEqual(withoutRoutes(from), withoutRoutes(to))) return undefined;
  return (to.http ?? []).flatMap((rule, index): readonly JsonPatchOperation[] => {
    const old = from.http?.[index]?.route;
    if (isEqual(old, rule.route)) return [];
    const path = `/spec/http/${index}/route`;
    return [
      { op: 'test', path, value: old },
      { op: 'replace', path, value: rule.route },
    ];
  });
}

function withoutRoute({ route, ...rest }: HttpRule): object {
  return { ...rest, hasRoute: route !== undefined };
}

/**
 * Our JSON patches have made us the owner of `spec.http`, and a later server-side apply of the user's would conflict with us. This
 * must be a write of its own: in the patch that restores the spec the server would add us again.
 */
function releaseAdopted(target: RouteTarget, original: Adopted, current: RouteObjects): readonly RouteWrite[] {
  const adopted = current.adopted as VirtualService | undefined;
  if (adopted === undefined || !isEqual(adopted.spec, JSON.parse(original.spec))) return [];
  const now = (adopted.metadata.managedFields ?? []) as readonly ManagedFieldsEntry[];
  const wanted = withSpecOwnersOf(JSON.parse(original.managedFields) as readonly ManagedFieldsEntry[], now);
  // The server takes an empty list for "as they are", so that it would answer the same for ever.
  if (wanted.length === 0 || isEqual(now, wanted)) return [];
  return [guarded(target, adopted, [{ op: 'replace', path: '/metadata/managedFields', value: wanted }])];
}

function guarded(target: RouteTarget, object: VirtualService, patch: readonly JsonPatchOperation[]): RouteWrite {
  const { uid, resourceVersion } = versionOf(object);
  return {
    kind: 'patch',
    ref: refTo(target, object.metadata.name),
    patch: [
      { op: 'test', path: '/metadata/uid', value: uid },
      { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
      ...patch,
    ],
  };
}

function refTo(target: RouteTarget, name: string): ObjectRef {
  return { kind: kinds.virtualService, namespace: target.namespace, name };
}

function versionOf({ metadata }: VirtualService): { readonly uid: string; readonly resourceVersion: string } {
  const { uid, resourceVersion } = metadata;
  if (uid === undefined || resourceVersion === undefined) {
    throw new AppError(
      'InvariantError',
      'OBJECT_NOT_READ',
      `VirtualService "${metadata.name}" was not read from a server`,
    );
  }
  return { uid, resourceVersion };
}
