import type { JsonPatchOperation, Kind, KubeObject, ObjectRef } from '../kube/port.ts';
import type { ObservedRoute, Route, RouteOriginal, RouteTarget } from './port.ts';
import type { ServiceObject } from './revision-service.ts';

/** What the API server holds of the objects that carry a route; undefined where there is none. */
export interface RouteObjects {
  /** The object that Sluice itself would create. */
  readonly own: KubeObject | undefined;
  /** The user's object that the target adopts; always undefined where Sluice owns the route object. */
  readonly adopted: KubeObject | undefined;
}

/** What `parse` may recognise. */
export interface Known {
  /** Routes that may be there by Sluice's doing. */
  readonly candidates: readonly Route[];
  /** Revisions of the service for which a Service made by Sluice exists. */
  readonly revisions: readonly string[];
}

/** What `inspect` looks at, read from the server itself. */
export interface Cluster {
  readonly service: ServiceObject;
  /** All route objects of the cluster, managedFields included. */
  readonly routes: readonly KubeObject[];
  /** As in Known. */
  readonly revisions: readonly string[];
}

/** One guarded write, for the runner to carry out. Writes of a list are done in order. */
export type RouteWrite =
  | { readonly kind: 'create'; readonly of: Kind; readonly object: KubeObject }
  /** `object` carries the resourceVersion that was read. */
  | { readonly kind: 'replace'; readonly of: Kind; readonly object: KubeObject }
  | { readonly kind: 'delete'; readonly ref: ObjectRef; readonly uid: string; readonly resourceVersion: string }
  | { readonly kind: 'patch'; readonly ref: ObjectRef; readonly patch: readonly JsonPatchOperation[] };

/** Kinds that a router reads or writes, for RBAC. */
export interface Ownership {
  readonly kind: Kind;
  readonly verbs: readonly ('get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete')[];
}

/** What a router's back end can do; a plan that needs more is refused with an UnsupportedError that names the capability. */
export interface Capabilities {
  /** Smallest step of a weight, in basis points. */
  readonly weightStepBp: number;
}

/**
 * How routes are expressed in the objects of one mesh or gateway. Every function is pure: the runner (`routes.ts`) does all reads
 * and writes, so that a router can be tested as a table.
 */
export interface Router {
  /** The key under `spec.routing` that selects this router. */
  readonly type: string;
  readonly capabilities: Capabilities;
  readonly owns: readonly Ownership[];
  /** Kind of the object that carries the route. */
  readonly routeKind: Kind;
  /** Kind of the policies that are carried over to the revision hosts. */
  readonly policyKind: Kind;
  /** Names of the object of our own and of the adopted one. */
  readonly routeNames: (target: RouteTarget) => { readonly own: string; readonly adopted: string | undefined };
  /**
   * What to keep for restoring. Throws a ConfigError where the route cannot be taken
   * over without sending requests past it.
   */
  readonly inspect: (target: RouteTarget, cluster: Cluster) => RouteOriginal;
  /** The writes that turn what is there into `route`; none where it is there already. */
  readonly render: (
    target: RouteTarget,
    original: RouteOriginal,
    route: Route,
    current: RouteObjects,
  ) => readonly RouteWrite[];
  /** The writes that hand what Sluice still holds of an already restored object back to its owners; often none. */
  readonly release: (target: RouteTarget, original: RouteOriginal, current: RouteObjects) => readonly RouteWrite[];
  /** Which of the known routes the objects express; see Routes.read. */
  readonly parse: (
    target: RouteTarget,
    original: RouteOriginal | null,
    current: RouteObjects,
    known: Known,
  ) => ObservedRoute;
  /** The policies for the host of one revision, given all policies of the target's namespace. */
  readonly renderPolicies: (
    target: RouteTarget,
    revision: string,
    policies: readonly KubeObject[],
  ) => readonly KubeObject[];
}

/** Declares a router. */
export function defineRouter<R extends Router>(router: R): R {
  return router;
}
