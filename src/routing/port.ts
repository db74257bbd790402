import type { KubeObject, OwnerReference } from '../kube/port.ts';

/** Which service is routed, and by which objects. Derived from a Rollout's spec; never changes during a release. */
export interface RouteTarget {
  readonly namespace: string;
  /** Name of the user's Service. */
  readonly service: string;
  /** Port name or number of the user's Service that is routed. */
  readonly port: string | number;
  readonly routing: { readonly istio: { readonly virtualService?: string | undefined } };
  /** Owner of every object that Sluice itself creates (the Rollout, as controller). */
  readonly owner: OwnerReference;
}

/** Where the requests to a service go: `plain` is the user's own route, byte for byte; weights are basis points of 10,000. */
export type Route =
  | { readonly kind: 'plain' }
  | { readonly kind: 'revisions'; readonly stable: string; readonly canary: string | null; readonly canaryBp: number };

/**
 * What the API server holds. `foreign`: somebody changed the route since Sluice last wrote it; `message` names object, field
 * and cure. `namesRevisions` is false where the foreign route sends nothing to a revision Service of this service: for
 * clearing up it is as good as `plain`, and writing `plain` leaves it alone.
 */
export type ObservedRoute =
  | Route
  | { readonly kind: 'foreign'; readonly message: string; readonly namesRevisions: boolean };

/** What was there before the release, kept in the Rollout's status so that any process can restore it. JSON texts keep bytes. */
export interface RouteOriginal {
  /** The adopted object, or null where Sluice owns the route object and there was none. */
  readonly adopted: {
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
    readonly spec: string;
    readonly managedFields: string;
  } | null;
}

/** The route as read, with what a guarded write needs. */
export interface RouteReading {
  readonly observed: ObservedRoute;
  /** False while a restored route still names Sluice as owner of its fields: `write(plain)` completes that. */
  readonly isRestored: boolean;
  /** Objects as read (own and adopted), for rendering and for the resourceVersion guard. */
  readonly objects: readonly KubeObject[];
}

/** One revision's Service and the policies carried over to its host. */
export interface RevisionServiceReading {
  /** True while anything is left that `removeRevision` would delete: the Service, or a policy for its host. */
  readonly exists: boolean;
  /** Endpoints of the revision Service that are ready and not terminating. */
  readonly readyEndpoints: number;
  /** False while the ports of the Service or a policy of the plain host (DestinationRule) are not, or no longer, carried over. */
  readonly policiesInStep: boolean;
}

/** Reads and writes routes of services; the only writer of route objects and revision Services. */
export interface Routes {
  /** Checks that the route can be taken over and returns what is there now. Throws ConfigError (field and cure) when it cannot. */
  snapshot(target: RouteTarget): Promise<RouteOriginal>;
  /**
   * Reads the route. `expected` are the routes that may be there by Sluice's doing (last seen and desired, `plain` included as long
   * as it is one of them): any other content is `foreign`, also the user's unchanged file applied again. Without `original` (no
   * release) the answer is `plain` unless an own object is left over.
   */
  read(target: RouteTarget, original: RouteOriginal | null, expected: readonly Route[]): Promise<RouteReading>;
  /**
   * Writes the route, guarded by the resourceVersion in `reading` (ConflictError when somebody was faster). `plain` restores the
   * adopted object byte for byte, managedFields included, or deletes the own one. Writing what is already there is a no-op, but for
   * `plain`, which also completes a restore that was cut off before managedFields were back. A foreign reading is overwritten,
   * except by `plain` where it names no revision: that route is the user's own again and stays.
   */
  write(target: RouteTarget, original: RouteOriginal, route: Route, reading: RouteReading): Promise<void>;
  readRevision(target: RouteTarget, revision: string): Promise<RevisionServiceReading>;
  /** Creates or completes the Service `<service>-<revision>` and the policies for its host. Idempotent. */
  ensureRevision(target: RouteTarget, revision: string): Promise<void>;
  /** Deletes them again, policies after the Service. Idempotent. */
  removeRevision(target: RouteTarget, revision: string): Promise<void>;
  /** Revisions for which Sluice-made Services of this target exist, so that leftovers are found. */
  listRevisions(target: RouteTarget): Promise<readonly string[]>;
}
