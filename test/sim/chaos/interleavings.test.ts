import { describe, expect, it } from 'vitest';
import { kinds } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/port.ts';
import { MANAGER } from '../../../src/routing/own-object.ts';
import type { VirtualServiceSpec } from '../../../src/routing/routers/istio-types.ts';
import { GOOD, NAME, NAMESPACE } from '../cluster.ts';
import { createDice, type Dice } from '../dice.ts';
import { templateOf } from '../world.ts';
import { careful, fragile } from './callers.ts';
import { type ChaosWorld, createChaosWorld, experiment, statusOf } from './chaos-world.ts';

const SEEDS = Array.from({ length: 50 }, (_, index) => index + 1);
const LIMIT_MS = 600_000;

/** What a release and an experiment on one service are, and when each begins, in ms. */
interface Scene {
  readonly mode: 'owned' | 'adopted';
  readonly isBad: boolean;
  readonly isFragile: boolean;
  readonly fault: object;
  readonly releaseAt: number;
  readonly experimentAt: number;
  /** When the controller is killed, and for how long it is away. */
  readonly crashes: readonly { readonly at: number; readonly forMs: number }[];
}

const FAULTS = [
  { abort: { httpStatus: 503 } },
  { abort: { httpStatus: 500 } },
  { delay: { fixed: '300ms' } },
  { shed: { status: 429 } },
] as const;

function sceneOf(dice: Dice): Scene {
  const crashes = dice.chance(0.4) ? [1, 2].map(() => ({ at: dice.int(0, 60_000), forMs: dice.int(200, 3_000) })) : [];
  return {
    ...{ mode: dice.pick(['owned', 'adopted'] as const), isBad: dice.chance(0.3), isFragile: dice.chance(0.3) },
    ...{ fault: dice.pick(FAULTS), releaseAt: dice.int(0, 35_000), experimentAt: dice.int(0, 35_000) },
    crashes: crashes.toSorted((a, b) => a.at - b.at),
  };
}

/** A route of the user's with all that must stay as it is; with a fault of its own where the experiment can stand beside it. */
function usersRoute(fault: object): VirtualServiceSpec {
  const beta = { match: [{ headers: { beta: { exact: 'yes' } } }], rewrite: { uri: '/beta' } };
  const own = 'shed' in fault ? { fault: { abort: { httpStatus: 500, percentage: { value: 1 } } } } : {};
  const rest = { name: 'rest', timeout: '7s', retries: { attempts: 2, retryOn: '5xx' }, ...own };
  const rules = [
    { ...beta, route: [{ destination: { host: 'beta' } }] },
    { ...rest, route: [{ destination: { host: NAME } }] },
  ];
  return { hosts: [NAME], http: rules as unknown as NonNullable<VirtualServiceSpec['http']> };
}

async function play(
  seed: number,
): Promise<{ readonly scene: Scene; readonly world: ChaosWorld; readonly before: string }> {
  const scene = sceneOf(createDice(seed + 9_000));
  const world = await createChaosWorld(seed, {
    mode: scene.mode,
    callers: { conduct: scene.isFragile ? fragile : careful },
  });
  world.monitor.excuses.hasBadVersions = scene.isBad;
  world.faults.excuses.hasLateWrites = scene.crashes.length > 0;
  world.cluster.setBehaviour('v2', scene.isBad ? { ...GOOD, errorRatio: 0.3 } : GOOD);
  if (scene.mode === 'adopted') await world.patch(kinds.virtualService, 'users', { spec: usersRoute(scene.fault) });
  if (scene.mode === 'adopted' && 'shed' in scene.fault) world.faults.excuses.usersFlag = 'FI';
  const before = JSON.stringify(world.route()?.spec);
  world.startController();
  await world.pass(15_000);
  const events = [
    { at: scene.releaseAt, run: () => world.patch(kinds.deployment, NAME, { spec: { template: templateOf('v2') } }) },
    { at: scene.experimentAt, run: () => experiment(world, { fault: scene.fault }) },
    ...scene.crashes.flatMap(({ at, forMs }) => [
      { at, run: () => world.controllers.map((controller) => controller.kill()) },
      { at: at + forMs, run: () => world.controllers.every(({ isDead }) => isDead) && world.startController() },
    ]),
  ].toSorted((a, b) => a.at - b.at);
  const start = world.clock.now();
  for (const { at, run } of events) {
    await world.pass(Math.max(0, start + at - world.clock.now()));
    await run();
  }
  const isOver = () => world.rollout()?.status?.history?.length === 1 && statusOf(world)?.verdict !== undefined;
  while (!isOver() && world.clock.now() < start + LIMIT_MS) await world.pass(500);
  await world.pass(20_000);
  return { scene, world, before };
}

/** Objects of ours beside those of the install. */
function leftIn({ kube }: ChaosWorld): readonly string[] {
  const ours = [kinds.envoyFilter, kinds.job, kinds.service, kinds.destinationRule, kinds.virtualService];
  return ours
    .flatMap((kind) => kube.all<KubeObject>(kind, NAMESPACE))
    .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === MANAGER)
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

/** Whether requests were touched while the release was in progress. */
function wereTogether(world: ChaosWorld): boolean {
  const [release] = world.rollout()?.status?.history ?? [];
  const { injectedAt, finishedAt } = statusOf(world) ?? {};
  const [from, to, begin, end] = [injectedAt, finishedAt, release?.startedAt, release?.finishedAt].map((time) =>
    Date.parse(time ?? ''),
  );
  return Number(begin) < Number(to) && Number(from) < Number(end);
}

describe('a release and an experiment on one service', () => {
  const ended = new Set<string>();
  let together = 0;

  it.each(SEEDS)('take nothing from each other (%i)', async (seed) => {
    const { scene, world, before } = await play(seed).catch((error: unknown) => {
      throw new Error(`${JSON.stringify(sceneOf(createDice(seed + 9_000)))}: ${String(error)}`);
    });
    const context = `${JSON.stringify(scene)}\n${world.monitor.trace.join('\n')}`;
    const [release, ...others] = world.rollout()?.status?.history ?? [];
    const { verdict, message } = statusOf(world) ?? {};
    expect([release?.outcome, others], context).toEqual([scene.isBad ? 'RolledBack' : 'Promoted', []]);
    expect(world.rollout()?.status?.phase, context).toBe('Idle');
    const allowed = [scene.isFragile ? 'Failed' : 'Passed', ...(scene.crashes.length > 0 ? ['Inconclusive'] : [])];
    expect(allowed, `${message}\n${context}`).toContain(verdict);
    expect(leftIn(world), context).toEqual([]);
    expect(JSON.stringify(world.route()?.spec), context).toBe(scene.mode === 'adopted' ? before : undefined);
    ended.add(`${release?.outcome} ${verdict}`);
    if (wereTogether(world)) together += 1;
  });

  it('were in progress together most times, and ended in every way', () => {
    expect(together).toBeGreaterThan(SEEDS.length / 2);
    for (const way of ['Promoted Passed', 'Promoted Failed', 'RolledBack Passed', 'RolledBack Failed'])
      expect([...ended]).toContain(way);
  });
});
