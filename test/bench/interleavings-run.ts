import { setTimeout as sleep } from 'node:timers/promises';
import { environmentFor } from '../../lab/echo/behaviour.ts';
import { RELEASED } from '../../lab/shop/manifests.ts';
import { type ExperimentContext, initialContext } from '../../machines/experiment/context.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { KubeObject } from '../../src/kube/port.ts';
import { canonicalJson } from '../../src/lib/canonical-json.ts';
import type { VirtualService } from '../../src/routing/routers/istio-types.ts';
import { type Caller, callerAt } from '../e2e/support/caller.ts';
import { type EndedRelease, openStage, type Stage } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import { type ChaosStage, openChaosStage } from './chaos-stage.ts';
import { brokenIn, type RouteState } from './interleavings-checks.ts';
import type { Interleaving } from './interleavings-report.ts';
import { type Scene, USERS_ROUTE } from './interleavings-scene.ts';
import { saidOf, sampleSplit, stretchesOf, type Write } from './interleavings-split.ts';

const RATE = 60;
const USERS = 'users';
const WITHIN_MS = 240_000;
/** A proxy learns late, and the cluster needs some seconds for objects. */
const AFTER_MS = 60_000;

type Status = Awaited<ReturnType<ChaosStage['until']>>;

/** A shop whose `checkout` is released and tried at the same time, by one controller. */
export interface InterleavingShop {
  run(scene: Scene): Promise<Interleaving>;
  close(): Promise<void>;
}

export async function openInterleavingShop(namespace: string, port: number): Promise<InterleavingShop> {
  const stage = await openStage({ namespace, rate: RATE, replicas: 2 });
  const chaos = await openChaosStage({ namespace, port, withRedis: false });
  // The controller lets go of the Rollout.
  const closeAll = () => stage.close().finally(() => chaos.close());
  try {
    await chaos.startController();
    const { apiVersion, kind } = kinds.virtualService;
    await stage.shop.apply({ apiVersion, kind, metadata: { namespace, name: USERS }, spec: USERS_ROUTE } as KubeObject);
    const untouched = await objectOf(stage);
    const [web] = await stage.shop.pods('web');
    const proxy = await callerAt(web?.status?.podIP ?? '', namespace);
    const place = { stage, chaos, proxy, untouched };
    return {
      run: (scene) => play(place, scene),
      async close() {
        proxy.close();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

interface Place {
  readonly stage: Stage;
  readonly chaos: ChaosStage;
  readonly proxy: Caller;
  /** The user's object before there was a Rollout. */
  readonly untouched: string;
}

async function play(place: Place, scene: Scene): Promise<Interleaving> {
  const { stage, chaos, proxy } = place;
  const startedAt = Date.now();
  const { steps, flag } = scene;
  await stage.shop.addRollout({ steps, virtualService: USERS, analysis: { bake: '4s', minRequests: 20 } });
  const atRest = await stage.shop.until('it is at rest', ({ status }) => status?.phase === 'Idle');
  const stable = atRest.status?.stable?.revision ?? '';
  const before = { object: place.untouched, proxy: (await proxy.configOf(RELEASED)).routes };
  const flaggedBefore = await flaggedBy(place, flag, [stable]);
  const sampler = sampleSplit(proxy, stable, () => rolloutsSeen(stage).at(-1)?.status?.canary?.revision);
  const [release, status] = await bothTo(place, scene).finally(sampler.stop);
  const after = { object: await objectOf(stage), proxy: await proxyOf(place, before) };
  const { doses } = { ...initialContext, ...status.machine?.context } as ExperimentContext;
  const { verdict, reason, message, seen } = status;
  const writes = writesSince(stage, release.revision, startedAt);
  const facts = {
    ...{ scene, release, before, after, writes, samples: await sampler.stop() },
    experiment: { verdict, reason, message, doses, touched: seen?.touched ?? 0 },
    asked: askedFor(stage, release.revision),
    flagged: (await flaggedBy(place, flag, [stable, release.revision])) - flaggedBefore,
    left: await leftIn(chaos),
  };
  const stretches = stretchesOf(writes, facts.samples);
  const [from, to] = [status.injectedAt, status.finishedAt].map((time) => Date.parse(time ?? ''));
  return {
    ...{ case: 'interleavings', run: scene.run, scene, touched: facts.experiment.touched },
    release: `${release.outcome}${release.reason === '' ? '' : ` (${release.reason})`}`,
    experiment: `${verdict} (${reason})`,
    writesUnderFault: writes.filter(({ atMs }) => atMs >= Number(from) && atMs <= Number(to)).length,
    stretches: stretches.length,
    requests: stretches.reduce((sum, { all }) => sum + all, 0),
    seconds: Math.round((Date.now() - startedAt) / 1000),
    broken: brokenIn(facts),
  };
}

/** Begins the one and the other, in the order and at the distance of the scene, and waits for both ends. */
async function bothTo({ stage, chaos }: Place, scene: Scene): Promise<readonly [EndedRelease, Status]> {
  const { run, errorRatio, fault, ramp, offsetMs } = scene;
  const name = `i${run}`;
  const released = async () => {
    await sleep(Math.max(0, -offsetMs));
    return await (await stage.release(name, environmentFor({ errorRatio }))).over(WITHIN_MS);
  };
  const tried = async () => {
    await sleep(Math.max(0, offsetMs));
    await chaos.create(name, RELEASED, { fault, ramp });
    return await chaos.until(name, 'is finished', ({ phase }) => phase === 'Finished', WITHIN_MS);
  };
  return await Promise.all([released(), tried()]);
}

function rolloutsSeen(stage: Stage): readonly Rollout[] {
  return stage.chronicle
    .changes()
    .flatMap(({ kind, after }) => (kind === 'Rollout' && after !== undefined ? [after as unknown as Rollout] : []));
}

/** Each weight that a status asked for, repeats included. */
function askedFor(stage: Stage, revision: string): readonly number[] {
  return rolloutsSeen(stage).flatMap(({ status }) =>
    status?.canary?.revision === revision && status.weight !== undefined ? [status.weight.desired] : [],
  );
}

function writesSince(stage: Stage, revision: string, sinceMs: number): readonly Write[] {
  return stage.chronicle
    .changes()
    .flatMap(({ kind, after, atMs }) =>
      kind === 'VirtualService' && after?.metadata.name === USERS && atMs >= sinceMs
        ? [{ atMs, said: saidOf((after as VirtualService).spec, revision) }]
        : [],
    );
}

/** The object but for what the API server keeps of writings. */
async function objectOf({ kube, shop }: Stage): Promise<string> {
  const found = await kube.get<VirtualService>({
    kind: kinds.virtualService,
    namespace: shop.namespace,
    name: USERS,
  });
  const { labels = {}, annotations = {} } = found?.metadata ?? {};
  return canonicalJson({ labels, annotations, spec: found?.spec });
}

/** What the proxy has of the route, once it is as before; as it is where that does not come. */
async function proxyOf({ proxy }: Place, before: RouteState): Promise<string> {
  let routes = '';
  const isAsBefore = async () => {
    await sleep(200);
    ({ routes } = await proxy.configOf(RELEASED));
    return routes === before.proxy;
  };
  await eventually('the route in the proxy', isAsBefore, { withinMs: AFTER_MS }).catch(() => undefined);
  return routes;
}

async function leftIn(chaos: ChaosStage): Promise<readonly string[]> {
  let left: readonly string[] = [];
  const isGone = async () => {
    await sleep(200);
    left = await chaos.leftovers();
    return left.length === 0;
  };
  await eventually('nothing is left', isGone, { withinMs: AFTER_MS }).catch(() => undefined);
  return left;
}

/** Requests for the Service and these versions of it that the caller's proxy flagged. */
async function flaggedBy({ proxy }: Place, flag: string, revisions: readonly string[]): Promise<number> {
  const hosts = [RELEASED, ...revisions.map((revision) => `${RELEASED}-${revision}`)];
  const counts = await Promise.all(hosts.map((host) => proxy.counted(host, flag)));
  return counts.reduce((sum, { flagged }) => sum + flagged, 0);
}
