import { kinds } from '../kube/kinds.ts';
import type { Kube } from '../kube/port.ts';
import type { RouteOriginal, RouteReading, Routes, RouteTarget } from './port.ts';
import type { ServiceObject } from './revision-service.ts';
import { createRevisions, serviceMissing } from './revisions.ts';
import { checkRoute } from './route.ts';
import { createRouteStore, type RoutesEvent, type RoutesReflectors } from './route-store.ts';
import type { RouteObjects, Router } from './router.ts';
import { istioRouter } from './routers/istio.ts';

export interface RoutesOptions {
  readonly kube: Kube;
  readonly reflectors?: RoutesReflectors | undefined;
  readonly log?: ((event: RoutesEvent) => void) | undefined;
}

/** The Routes of every router: all reads and writes are done here, what to write is decided by the router's pure functions. */
export function createRoutes({ kube, reflectors = {}, log = () => {} }: RoutesOptions): Routes {
  const store = createRouteStore(kube, reflectors, log);
  const revisions = createRevisions(store, routerOf);

  const routeObjects = async (target: RouteTarget, isLive: boolean): Promise<RouteObjects> => {
    const { routeKind, routeNames } = routerOf(target);
    const { own, adopted } = routeNames(target);
    const read = (name: string) => store.get({ kind: routeKind, namespace: target.namespace, name }, isLive);
    return {
      own: await read(own),
      adopted: adopted === undefined ? undefined : await read(adopted),
    };
  };

  return {
    async snapshot(target) {
      const router = routerOf(target);
      // From the server, because a reflector may lag and does not keep managedFields.
      const ref = { kind: kinds.service, namespace: target.namespace, name: target.service };
      const service = await kube.get<ServiceObject>(ref);
      if (service === undefined) throw serviceMissing(target);
      const routes = (await kube.list(router.routeKind)).items;
      return router.inspect(target, { service, routes, revisions: await revisions.list(target) });
    },

    async read(target, original, expected) {
      const current = await routeObjects(target, false);
      const known = { candidates: expected, revisions: await revisions.list(target) };
      const observed = routerOf(target).parse(target, original, current, known);
      const read = [current.own, current.adopted].filter((object) => object !== undefined);
      const isOurs =
        original !== null &&
        observed.kind === 'plain' &&
        routerOf(target).release(target, original, current).length > 0;
      return { observed, isRestored: !isOurs, objects: read };
    },

    async write(target, original, route, reading) {
      checkRoute(route);
      const router = routerOf(target);
      const isDone = route.kind === 'plain' && isUsersOwnAgain(original, reading);
      const writes = isDone ? [] : router.render(target, original, route, pick(router, target, reading));
      for (const write of writes) await store.write(write);
      if (route.kind !== 'plain' || original.adopted === null) return;
      // Read again, also when nothing was written: a restore that was cut off between its two writes is completed here.
      for (const write of router.release(target, original, await routeObjects(target, true))) await store.write(write);
    },

    readRevision: revisions.read,
    ensureRevision: revisions.ensure,
    removeRevision: revisions.remove,
    listRevisions: revisions.list,
  };
}

/** One router so far; `spec.routing` will select among more. */
function routerOf(_target: RouteTarget): Router {
  return istioRouter;
}

/** The user has put a route of their own in place of ours: it stays, and there is nothing left to restore. */
function isUsersOwnAgain({ adopted }: RouteOriginal, { observed }: RouteReading): boolean {
  return adopted !== null && observed.kind === 'foreign' && !observed.namesRevisions;
}

/** The objects of a reading, by the role that their names give them. */
function pick(router: Router, target: RouteTarget, reading: RouteReading): RouteObjects {
  const { own, adopted } = router.routeNames(target);
  const named = (name: string | undefined) => reading.objects.find(({ metadata }) => metadata.name === name);
  return { own: named(own), adopted: adopted === undefined ? undefined : named(adopted) };
}
