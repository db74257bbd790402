import { kinds } from '../../src/kube/kinds.ts';
import type { VirtualServiceSpec } from '../../src/routing/routers/istio-types.ts';
import { NAME, NAMESPACE } from './cluster.ts';
import { ROUTE_DELAY_MS } from './mesh.ts';
import type { Incident } from './scenario.ts';
import { stopMetrics, templateOf, USER_ROUTE, type World } from './world.ts';

/** Makes one incident happen now. What ends by itself is ended by a timer. */
export async function happen(world: World, incident: Incident, restartMs: () => number): Promise<void> {
  const { monitor, mesh, source, kube } = world;
  const { at: _at, ...what } = incident;
  monitor.note(`INCIDENT ${JSON.stringify(what)}`);
  const later = (delayMs: number, run: () => void) => world.clock.after(delayMs, run);
  const restartSoon = (): void => {
    later(restartMs(), () => {
      if (world.controllers.every(({ isDead }) => isDead)) world.startController();
    });
  };
  switch (incident.kind) {
    case 'template':
      return world.patch(kinds.deployment, NAME, { spec: { template: templateOf(incident.image) } });
    case 'action':
      return act(world, incident.type, incident.isLate);
    case 'editRoute':
      return editRoute(world, incident.edit);
    case 'scale':
      monitor.excuses.hasAutoscaler = true;
      return world.patch(kinds.deployment, NAME, { spec: { replicas: incident.replicas } }, 'hpa');
    case 'unpause':
      monitor.excuses.hasInterference = true;
      return world.patch(kinds.deployment, NAME, { spec: { paused: false } });
    case 'deleteRollout':
      return kube.delete({ kind: kinds.rollout, namespace: NAMESPACE, name: NAME });
    case 'policy':
      return setPolicy(world, incident.connections);
    case 'crashNow':
      for (const controller of world.controllers) controller.kill();
      return restartSoon();
    case 'crashAtWrite': {
      let left = incident.skip;
      world.onWrite = (moment, write, controller) => {
        if (moment !== incident.moment || controller === undefined) return;
        left -= 1;
        if (left >= 0) return;
        monitor.note(`crash ${moment} ${write}`);
        world.onWrite = () => {};
        controller.kill();
        restartSoon();
      };
      return;
    }
    case 'secondController': {
      const earlier = [...world.controllers];
      world.startController();
      later(incident.forMs, () => {
        for (const controller of earlier) controller.kill();
      });
      return;
    }
    case 'metricsOutage':
      if (incident.isScrape) mesh.isScraped = false;
      else stopMetrics(source);
      later(incident.forMs, () => {
        mesh.isScraped = true;
        source.fails = undefined;
      });
      return;
    case 'badLink': {
      const { share } = incident;
      world.link = { failures: share, conflicts: share / 2, lostAnswers: share / 2, slow: 0.4 };
      later(incident.forMs, () => calm(world, 'link'));
      return;
    }
    case 'lateWatches':
      world.watchLagMs = [1, incident.lagMs];
      later(incident.forMs, () => calm(world, 'watches'));
      return;
    case 'lateRoutes': {
      const proxy = mesh.proxies[incident.at % mesh.proxies.length];
      if (proxy !== undefined) proxy.routeDelayMs = [20, incident.delayMs];
      later(incident.forMs, () => calm(world, 'routes'));
      return;
    }
    case 'lull': {
      const { rate } = mesh;
      mesh.rate = 0;
      later(incident.forMs, () => {
        mesh.rate = Math.max(mesh.rate, rate);
      });
      return;
    }
  }
}

/** Ends what disturbs the machinery. */
export function calm(world: World, what: 'link' | 'watches' | 'routes'): void {
  if (what === 'link') world.link = { failures: 0, conflicts: 0, lostAnswers: 0, slow: 0.1 };
  if (what === 'watches') world.watchLagMs = [1, 60];
  if (what === 'routes') for (const proxy of world.mesh.proxies) proxy.routeDelayMs = ROUTE_DELAY_MS;
}

/** An operator's request, for the release in progress or, too late, for one that is not. */
export async function act(world: World, type: 'Pause' | 'Resume' | 'Promote' | 'Abort', isLate = false): Promise<void> {
  const rollout = world.rollout();
  if (rollout === undefined) return;
  if (type === 'Promote') world.monitor.excuses.mayPromote = true;
  const revision = isLate ? 'gone' : (rollout.status?.canary?.revision ?? 'none');
  await world.patch(kinds.rollout, NAME, { spec: { action: { type, revision, id: String(world.clock.now()) } } });
}

export async function editRoute(world: World, edit: 'weights' | 'putBack' | 'timeout'): Promise<void> {
  const route = world.route();
  if (route === undefined) return;
  world.monitor.excuses.hasInterference = true;
  const { name } = route.metadata;
  if (edit === 'putBack' && world.mode === 'owned') {
    return world.kube.delete({ kind: kinds.virtualService, namespace: NAMESPACE, name });
  }
  const rules = route.spec.http ?? [];
  const edited = rules.map((rule, index) => {
    if (index < rules.length - 1) return rule;
    const [first, ...others] = rule.route ?? [];
    if (edit === 'timeout') return { ...rule, timeout: '9s' };
    return first === undefined ? rule : { ...rule, route: [{ ...first, weight: (first.weight ?? 0) + 7 }, ...others] };
  });
  const spec: VirtualServiceSpec = edit === 'putBack' ? USER_ROUTE : { ...route.spec, http: edited };
  await world.patch(kinds.virtualService, name, { spec });
}

async function setPolicy(world: World, maxConnections: number): Promise<void> {
  const trafficPolicy = { connectionPool: { tcp: { maxConnections } } };
  const name = 'users-policy';
  const ref = { kind: kinds.destinationRule, namespace: NAMESPACE, name };
  if ((await world.kube.get(ref)) !== undefined)
    return world.patch(kinds.destinationRule, name, { spec: { trafficPolicy } });
  const object = {
    apiVersion: kinds.destinationRule.apiVersion,
    kind: 'DestinationRule',
    metadata: { name, namespace: NAMESPACE },
    spec: { host: NAME, trafficPolicy },
  };
  await world.kube.create(kinds.destinationRule, object, { fieldManager: 'kubectl' });
}
