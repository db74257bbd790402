import { describe, expect, it } from 'vitest';
import { kinds } from '../../src/kube/kinds.ts';
import { GOOD, NAME } from './cluster.ts';
import { editRoute } from './incidents.ts';
import { releasing, until, weightOf } from './releasing.ts';
import type { World } from './world.ts';

const BROKEN = { ...GOOD, errorRatio: 0.4 };
const LIMIT_MS = 240_000;
/** Longer than the time after a step in which a breach of both versions is blamed on it. */
const LATER_MS = 25_000;
/** All 120 requests a second fail for 15 s: two scrapes of 5 s, the time until they are read, and a route's way. */
const MOST_FAILURES = 1_800;

const isHeldBack = (world: World): boolean =>
  world.rollout()?.status?.conditions?.some(({ reason }) => reason === 'StableBreachesSlo') === true;

function setBoth(world: World, behaviour: typeof GOOD): void {
  for (const image of ['v1', 'v2']) world.cluster.setBehaviour(image, behaviour);
}

const pause = (world: World, type: 'Pause' | 'Resume') => {
  const revision = world.rollout()?.status?.canary?.revision ?? '';
  return world.patch(kinds.rollout, NAME, { spec: { action: { type, revision, id: String(world.clock.now()) } } });
};

describe('failures of both versions', () => {
  it.each([1, 2, 3])('hold a release that did not cause them, and it goes on when they end (%i)', async (seed) => {
    const world = await releasing(seed);
    await until(world, LIMIT_MS, () => weightOf(world) === 5);
    await pause(world, 'Pause');
    await world.pass(LATER_MS);
    setBoth(world, BROKEN);
    await until(world, LIMIT_MS, () => isHeldBack(world));
    await pause(world, 'Resume');
    await world.pass(20_000);
    expect(world.rollout()?.status).toMatchObject({ phase: 'Progressing', weight: { applied: 5 } });
    expect(isHeldBack(world)).toBe(true);
    setBoth(world, GOOD);
    await until(world, LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
    expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'Promoted' }]);
  });

  it.each([1, 2, 3])(
    'give stable requests again when they fall on the bake, and hold until they end (%i)',
    async (seed) => {
      const world = await releasing(seed);
      await until(world, LIMIT_MS, () => weightOf(world) === 100);
      await world.pass(LATER_MS / 2);
      setBoth(world, BROKEN);
      await until(world, LIMIT_MS, () => weightOf(world) === 5);
      await until(world, LIMIT_MS, () => isHeldBack(world));
      await world.pass(20_000);
      expect(world.rollout()?.status).toMatchObject({ phase: 'Progressing', weight: { applied: 5 } });
      setBoth(world, GOOD);
      await until(world, LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
      expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'Promoted' }]);
    },
  );

  it.each([1, 2, 3])('take back a canary that alone begins to fail in the bake (%i)', async (seed) => {
    const world = await releasing(seed);
    await until(world, LIMIT_MS, () => weightOf(world) === 100);
    await world.pass(LATER_MS / 2);
    const failed = world.monitor.failed;
    world.cluster.setBehaviour('v2', BROKEN);
    await until(world, LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
    expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'RolledBack' }]);
    expect(world.monitor.failed - failed).toBeLessThan(MOST_FAILURES / 2);
  });

  it.each([1, 2, 3])(
    'take back a canary that begins to fail under an edited route, without a step back (%i)',
    async (seed) => {
      const world = await releasing(seed);
      world.monitor.excuses.hasInterference = true;
      await until(world, LIMIT_MS, () => weightOf(world) === 100);
      await editRoute(world, 'timeout');
      await world.pass(3_000);
      world.cluster.setBehaviour('v2', { ...GOOD, errorRatio: 1 });
      const failed = world.monitor.failed;
      await until(world, LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
      expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'RolledBack', reason: 'SloBreach' }]);
      expect(world.monitor.failed - failed).toBeLessThan(MOST_FAILURES);
    },
  );

  it.each([1, 2, 3])(
    'take back a release whose first weight they begin with, and that they end without (%i)',
    async (seed) => {
      const world = await releasing(seed);
      await until(world, LIMIT_MS, () => weightOf(world) > 0);
      await breakWhileWeighed(world);
      expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'RolledBack', reason: 'BreachSinceStep' }]);
    },
  );

  it.each([1, 2, 3])(
    'take back a release whose later step they begin with, and that they end without (%i)',
    async (seed) => {
      const world = await releasing(seed);
      await until(world, LIMIT_MS, () => weightOf(world) === 50);
      await breakWhileWeighed(world);
      expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'RolledBack', reason: 'BreachSinceStep' }]);
    },
  );

  it.each([1, 2, 3])(
    'suspend a release that they happen to begin with, and it goes on when they end (%i)',
    async (seed) => {
      const world = await releasing(seed);
      await until(world, LIMIT_MS, () => weightOf(world) === 50);
      setBoth(world, BROKEN);
      await until(world, LIMIT_MS, () => weightOf(world) === 0);
      await world.pass(LATER_MS);
      expect(world.rollout()?.status).toMatchObject({ phase: 'Progressing', weight: { applied: 0 } });
      setBoth(world, GOOD);
      await until(world, LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
      expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'Promoted' }]);
    },
  );

  it.each([1, 2, 3])('of stable alone do not hold a release that ends them (%i)', async (seed) => {
    const world = await releasing(seed);
    world.cluster.setBehaviour('v1', { ...GOOD, errorRatio: 0.05 });
    await until(world, 2 * LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
    expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'Promoted' }]);
  });

  it.each([1, 2, 3])('take back a release without which they do not end either (%i)', async (seed) => {
    const world = await releasing(seed);
    await until(world, LIMIT_MS, () => weightOf(world) > 0);
    setBoth(world, BROKEN);
    await until(world, 2 * LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
    expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'RolledBack' }]);
  });
});

/** Both versions fail for as long as the canary has requests. */
async function breakWhileWeighed(world: World): Promise<void> {
  setBoth(world, BROKEN);
  await until(world, LIMIT_MS, () => weightOf(world) === 0);
  setBoth(world, GOOD);
  await until(world, LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
}
