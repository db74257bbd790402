import { parseRollout } from '../../src/api/parse-rollout.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../src/kube/port.ts';
import { AppError } from '../../src/lib/errors.ts';
import type { VirtualService, VirtualServiceSpec } from '../../src/routing/routers/istio-types.ts';
import type { Deployment } from '../../src/workloads/objects.ts';
import { CataloguedSource } from '../support/catalogued-source.ts';
import { createFakeKube, type FakeCommit, type FakeKube } from '../support/fake-kube.ts';
import type { MemorySource } from '../support/metrics-source.ts';
import { type Cluster, createCluster, NAME, NAMESPACE } from './cluster.ts';
import { type SimController, startController } from './controller.ts';
import type { Dice } from './dice.ts';
import { GOOD_LINK, type LinkQuality, type Trouble } from './link.ts';
import { createMesh, type Mesh } from './mesh.ts';
import { createMonitor, type Monitor } from './monitor.ts';
import { SimClock } from './sim-clock.ts';

export type Mode = 'owned' | 'adopted';

export interface WorldOptions {
  readonly mode: Mode;
  readonly replicas: number;
  readonly onInconclusive: 'RollBack' | 'Hold';
  /** Steps 5, 50 and 100 % within three minutes when nothing is said. */
  readonly strategy?: { readonly canary: object; readonly deadline: string };
  readonly dice: Dice;
}

/** A cluster with a service under load, its callers' proxies, their metrics, and controllers that may come and go. */
export interface World {
  readonly clock: SimClock;
  readonly kube: FakeKube;
  readonly cluster: Cluster;
  readonly mesh: Mesh;
  readonly monitor: Monitor;
  readonly source: CataloguedSource;
  readonly mode: Mode;
  readonly controllers: SimController[];
  /** When a controller looked at each experiment last. */
  readonly lookedAt: Map<string, number>;
  /** What else happens in each tick. */
  readonly actors: (() => void | Promise<void>)[];
  /** Told of every change of the cluster, after the parts of it that are always there. */
  readonly listeners: ((commit: FakeCommit) => void)[];
  /** Kinds that the server does not know, for controllers that start from now on. */
  readonly unserved: Set<Kind>;
  link: LinkQuality;
  /** How late watches tell of changes, in ms. */
  watchLagMs: readonly [number, number];
  /** Called around each write of a controller; may kill it. */
  onWrite: (moment: 'before' | 'after', what: string, controller: SimController | undefined) => void;
  /** What a call of a controller meets. */
  trouble: (what: string) => Trouble | undefined;
  startController(): void;
  /** Lets time pass; throws what the monitor found. */
  pass(ms: number): Promise<void>;
  rollout(): Rollout | undefined;
  deployment(): Deployment;
  route(): VirtualService | undefined;
  patch(kind: Kind, name: string, patch: object, manager?: string): Promise<void>;
}

const TICK_MS = 100;
const SETTLE_MS = 8_000;
const START = Date.UTC(2026, 0, 1);

/** The user's own route, with a rule and fields that a release must leave alone. */
export const USER_ROUTE: VirtualServiceSpec = {
  hosts: [NAME],
  http: [
    { name: 'beta', match: [{ headers: { beta: { exact: 'yes' } } }], route: [{ destination: { host: 'beta' } }] },
    { name: 'rest', timeout: '7s', route: [{ destination: { host: NAME } }] },
  ] as unknown as NonNullable<VirtualServiceSpec['http']>,
};

const STEPS: NonNullable<WorldOptions['strategy']> = {
  canary: { steps: [{ weight: 5, hold: '5s' }, { weight: 50, hold: '5s' }, { weight: 100 }] },
  deadline: '3m',
};

export async function createWorld(options: WorldOptions): Promise<World> {
  const { mode, dice } = options;
  const clock = new SimClock(START);
  const source = new CataloguedSource(clock);
  source.types.set('istio_requests_total', 'counter');
  const listeners: ((commit: FakeCommit) => void)[] = [];
  const kube = createFakeKube({
    now: () => clock.now(),
    onCommit: (commit) => {
      for (const listener of listeners) listener(commit);
    },
  });
  const cluster = createCluster(kube, clock, dice.fork());
  const mesh: Mesh = createMesh({ kube, clock, source, cluster }, dice.fork());
  const monitor = createMonitor({ kube, clock, cluster }, () => mesh);
  listeners.push(() => cluster.touch(), mesh.onCommit, monitor.onCommit);

  const world: World = {
    ...{ clock, kube, cluster, mesh, monitor, source, mode },
    controllers: [],
    lookedAt: new Map(),
    actors: [],
    listeners,
    unserved: new Set(),
    link: GOOD_LINK,
    watchLagMs: [1, 60],
    onWrite: () => {},
    trouble: () => undefined,
    startController() {
      const own = dice.fork();
      const name = `c${world.controllers.length + 1}`;
      const controller: SimController = startController({
        ...{ name, kube, clock, dice: own, provider: source },
        quality: () => world.link,
        lagMs: () => own.int(...world.watchLagMs),
        subscribe: (listener) => listeners.push(listener),
        onWrite: (moment, what) =>
          world.onWrite(
            moment,
            what,
            world.controllers.find((other) => other.name === name),
          ),
        onOwnWrite: monitor.onOwnWrite,
        trouble: (what) => world.trouble(what),
        isServed: (kind) => !world.unserved.has(kind),
        onLook: (queue) => ({
          ...queue,
          handle: (handler) =>
            queue.handle((key, reasons) => {
              world.lookedAt.set(key, clock.now());
              return handler(key, reasons);
            }),
        }),
        trace: monitor.note,
        fail: monitor.fail,
      });
      world.controllers.push(controller);
    },
    async pass(ms) {
      for (const end = clock.now() + ms; clock.now() < end; ) {
        await cluster.tick();
        for (const act of world.actors) await act();
        await clock.advance(TICK_MS);
        monitor.onAnswers(mesh.tick());
        if (monitor.violations.length > 0) throw new Error(monitor.violations[0]);
      }
    },
    rollout: () => kube.all<Rollout & KubeObject>(kinds.rollout)[0],
    deployment() {
      const [deployment] = kube.all<Deployment>(kinds.deployment);
      if (deployment === undefined) throw new Error('there is no Deployment');
      return deployment;
    },
    route: () => kube.all<VirtualService>(kinds.virtualService)[0],
    async patch(kind, name, patch, manager = 'kubectl') {
      await kube.mergePatch({ kind, namespace: NAMESPACE, name }, patch, { fieldManager: manager });
    },
  };

  await populate(kube, options);
  // The service runs and proxies know it before the first caller comes.
  const { rate } = mesh;
  mesh.rate = 0;
  await world.pass(SETTLE_MS);
  mesh.rate = rate;
  monitor.trace.length = 0;
  return world;
}

async function populate(
  kube: FakeKube,
  { mode, replicas, onInconclusive, strategy = STEPS }: WorldOptions,
): Promise<void> {
  const create = (kind: Kind, name: string, content: object) => {
    const object = {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name, namespace: NAMESPACE },
      ...content,
    };
    return kube.create(kind, object as KubeObject, { fieldManager: 'kubectl' });
  };
  await create(kinds.deployment, NAME, {
    spec: { replicas, selector: { matchLabels: { app: NAME } }, template: templateOf('v1') },
  });
  await create(kinds.service, NAME, { spec: { selector: { app: NAME }, ports: [{ name: 'http', port: 80 }] } });
  if (mode === 'adopted') await create(kinds.virtualService, 'users', { spec: USER_ROUTE });
  const parsed = parseRollout({
    apiVersion: kinds.rollout.apiVersion,
    kind: 'Rollout',
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: {
      workloadRef: { name: NAME },
      service: { name: NAME, port: 'http' },
      routing: { istio: mode === 'adopted' ? { virtualService: 'users' } : {} },
      strategy: { canary: strategy.canary },
      analysis: { bake: '10s', deadline: strategy.deadline, onInconclusive },
      progressDeadline: '25s',
    },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  await create(kinds.rollout, NAME, { spec: parsed.rollout.spec });
}

export function templateOf(image: string): Deployment['spec']['template'] {
  return { metadata: { labels: { app: NAME } }, spec: { containers: [{ name: 'main', image }] } };
}

/** The metrics source gives no answers from now on. */
export function stopMetrics(source: MemorySource): void {
  source.fails = () => new AppError('TransientError', 'PROMETHEUS_UNREACHABLE', 'connection refused');
}
