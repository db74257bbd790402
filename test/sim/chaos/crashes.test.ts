import { describe, expect, it } from 'vitest';
import { kinds } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/port.ts';
import { NAMESPACE } from '../cluster.ts';
import { createDice } from '../dice.ts';
import { GOOD_LINK, type Trouble } from '../link.ts';
import { stopMetrics } from '../world.ts';
import { fragile } from './callers.ts';
import {
  type ChaosWorld,
  createChaosWorld,
  experiment,
  NAMED,
  refOf,
  statusOf,
  untilHolds,
  verdictOf,
} from './chaos-world.ts';
import { BURNING_MS } from './jobs.ts';

/** One experiment makes about so many writes; what is planned for later ones happens to none. */
const WRITES = 30;
const FUSE_MS = 20_000;
const WIRE_MS = 800;

const isRead = (what: string) => /^(get|list) /.test(what);
const isOwn = (what: string) => !isRead(what) && /ChaosExperiment|EnvoyFilter|Job/.test(what);
const places = Array.from({ length: WRITES }, (_, index) => index);
const moments = ['before', 'after'] as const;
const crashes = places.flatMap((place) => moments.map((moment) => ({ place, moment })));

/** Every other one has callers that break. */
async function worldOf(seed: number): Promise<ChaosWorld> {
  const world = await createChaosWorld(seed, seed % 2 === 0 ? {} : { callers: { conduct: fragile } });
  world.faults.excuses.hasLateWrites = true;
  world.startController();
  await experiment(world);
  return world;
}

/** Kills the controller at its n-th write that has to do with experiments. */
function killAt(world: ChaosWorld, { place, moment }: (typeof crashes)[number]): void {
  let left = place;
  world.onWrite = (now, what, controller) => {
    if (now !== moment || !isOwn(what)) return;
    left -= 1;
    if (left >= 0) return;
    world.monitor.note(`crash ${moment} ${what}`);
    world.onWrite = () => {};
    controller?.kill();
  };
}

const isDead = ({ controllers }: ChaosWorld) => controllers.every((one) => one.isDead);
const isOver = (world: ChaosWorld) => statusOf(world)?.verdict !== undefined;

function leftIn({ kube }: ChaosWorld): readonly string[] {
  const left = [kinds.envoyFilter, kinds.job].flatMap((kind) => kube.all<KubeObject>(kind, NAMESPACE));
  return left.map(({ metadata }) => metadata.name);
}

/** Where users would notice, it never passes; what happened is true of it in any case, or the monitor says so. */
function expectTruth(world: ChaosWorld, seed: number): void {
  const { verdict, message } = statusOf(world) ?? {};
  if (seed % 2 === 1) expect(verdict, message).not.toBe('Passed');
  else expect(verdict, message).not.toBe('Failed');
}

describe('a controller that dies at a write', () => {
  let deaths = 0;

  it.each(crashes)('$moment write $place and never comes back leaves no fault after the fuse', async (where) => {
    const world = await worldOf(where.place);
    killAt(world, where);
    await untilHolds(world, () => isDead(world) || isOver(world), 200_000);
    const diedAt = world.clock.now();
    if (isDead(world)) deaths += 1;
    await world.pass(FUSE_MS + BURNING_MS + WIRE_MS + 2_000);
    expect(leftIn(world)).toEqual([]);
    expect(world.faults.lastTouchedAt).toBeLessThanOrEqual(diedAt + FUSE_MS + BURNING_MS + WIRE_MS);
  });

  it.each(crashes)('$moment write $place and comes back ends the experiment truly', async (where) => {
    const world = await worldOf(where.place);
    killAt(world, where);
    await untilHolds(world, () => isDead(world) || isOver(world), 200_000);
    await world.pass(createDice(where.place + 77).int(1, 30) * 1_000);
    if (isDead(world)) world.startController();
    await verdictOf(world);
    expect(leftIn(world)).toEqual([]);
    expectTruth(world, where.place);
  });

  it('did so at nearly every write', () => {
    expect(deaths).toBeGreaterThan(1.2 * WRITES);
  });
});

describe('a controller that is killed again and again', () => {
  it.each([2, 3, 4, 5])('ends the experiment truly (%i)', async (seed) => {
    const world = await worldOf(seed);
    const dice = createDice(seed + 300);
    while (!isOver(world)) {
      await world.pass(dice.int(500, 9_000));
      for (const controller of world.controllers) controller.kill();
      await world.pass(dice.int(100, 4_000));
      world.startController();
    }
    await world.pass(3_000);
    expect(leftIn(world)).toEqual([]);
    expectTruth(world, seed);
  });
});

describe('two controllers at once', () => {
  it.each([2, 3, 4, 5])('do not write over each other for long (%i)', async (seed) => {
    const world = await worldOf(seed);
    world.watchLagMs = [1, 2_000];
    world.startController();
    await verdictOf(world);
    expect(leftIn(world)).toEqual([]);
    expectTruth(world, seed);
    if (seed % 2 === 0) expect(statusOf(world)).toMatchObject({ verdict: 'Passed' });
  });
});

describe('an API server that fails a write', () => {
  const troubles: readonly Trouble[] = ['conflict', 'error', 'lost'];
  const cases = places.map((place) => ({ place, trouble: troubles[place % 3] ?? 'lost' }));

  it.each(cases)('$place by $trouble costs a retry, and nothing else', async ({ place, trouble }) => {
    const world = await worldOf(2);
    let left = place;
    world.trouble = (what) => {
      if (!isOwn(what)) return undefined;
      left -= 1;
      return left === -1 ? trouble : undefined;
    };
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Passed' });
    expect(leftIn(world)).toEqual([]);
  });

  it.each(troubles)('of one kind and another for a while by %s is waited out, or ends it', async (trouble) => {
    const world = await worldOf(2);
    const dice = createDice(9);
    world.faults.excuses.isSlow = true;
    world.trouble = (what) => (isOwn(what) && dice.chance(0.4) ? trouble : undefined);
    await verdictOf(world);
    expectTruth(world, 2);
    expect(leftIn(world)).toEqual([]);
  });

  it('for good lets the fuse burn, also where the experiment is deleted meanwhile', async () => {
    const world = await worldOf(2);
    await untilHolds(world, () => statusOf(world)?.phase === 'Injecting');
    await world.pass(4_000);
    world.faults.excuses.isSlow = true;
    world.trouble = () => 'error';
    await world.kube.delete(refOf());
    const at = world.clock.now();
    await world.pass(FUSE_MS + BURNING_MS + WIRE_MS + 2_000);
    expect(world.faults.lastTouchedAt - at).toBeLessThan(FUSE_MS + BURNING_MS + WIRE_MS);
    expect(leftIn(world)).toEqual([]);
  });

  it('or reads of all but what is its own, still lets it take the fault away at once', async () => {
    const world = await worldOf(2);
    await untilHolds(world, () => statusOf(world)?.phase === 'Injecting');
    await world.pass(4_000);
    world.trouble = (what) => (isRead(what) && !/ChaosExperiment|EnvoyFilter|Job/.test(what) ? 'error' : undefined);
    stopMetrics(world.source);
    await world.patch(kinds.chaosExperiment, NAMED, { spec: { stop: true } });
    const at = world.clock.now();
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Stopped' });
    expect(world.faults.lastTouchedAt - at).toBeLessThan(3_000 + WIRE_MS);
  });

  it.each([2, 3])('or does not answer at all, is not waited for by the fuse (%i)', async (seed) => {
    const world = await createChaosWorld(seed);
    world.startController();
    await experiment(world, { ramp: [{ percentage: 30, for: '5m' }] });
    await untilHolds(world, () => statusOf(world)?.phase === 'Injecting');
    await world.pass(12_000);
    world.faults.excuses.isSlow = true;
    const at = world.clock.now();
    world.link = { failures: 1, conflicts: 0, lostAnswers: 0, slow: 0.4 };
    await world.pass(FUSE_MS + BURNING_MS + WIRE_MS + 5_000);
    expect(world.faults.lastTouchedAt - at).toBeLessThan(FUSE_MS + BURNING_MS + WIRE_MS);
    world.link = GOOD_LINK;
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Inconclusive' });
    expect(['FuseBurnt', 'FaultGone']).toContain(statusOf(world)?.reason);
    expect(leftIn(world)).toEqual([]);
  });
});
