import { describe, expect, it } from 'vitest';
import { type Behaviour, GOOD } from './cluster.ts';
import { releasing, until, weightOf } from './releasing.ts';
import type { World } from './world.ts';

const SEEDS = [1, 2, 3, 4];
const STRATEGY = { canary: { adaptive: { profile: 'Fast', dwell: '10s' } }, deadline: '15m' };
const LIMIT_MS = 900_000;
/** 3 of 120 requests a second at 5 % for 15 s: two scrapes of 5 s, the time until they are read, and a route's way. */
const MOST_FAILURES = 60;
/** Longer than counts from before and after a step share a batch. */
const LATER_MS = 12_500;

const isOver = (world: World): boolean => world.rollout()?.status?.history?.length === 1;

async function begun(seed: number, behaviour: Behaviour): Promise<World> {
  const world = await releasing(seed, { mode: seed % 2 === 0 ? 'owned' : 'adopted', strategy: STRATEGY });
  world.cluster.setBehaviour('v2', behaviour);
  return world;
}

/** The monitor checks each weight against the one before. */
describe('a release whose steps the evidence says', () => {
  it.each(SEEDS)('is promoted when it is good (%i)', async (seed) => {
    const world = await begun(seed, GOOD);
    await until(world, LIMIT_MS, () => isOver(world));
    expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'Promoted' }]);
    expect(world.monitor.failed).toBe(0);
  });

  it.each(SEEDS)('is taken back after few failed requests when it is bad (%i)', async (seed) => {
    const world = await begun(seed, { ...GOOD, errorRatio: 0.3 });
    await until(world, LIMIT_MS, () => isOver(world));
    expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'RolledBack' }]);
    expect(world.monitor.failed).toBeLessThan(MOST_FAILURES);
  });

  it.each(SEEDS)(
    'goes back to 10 % in an outage of both versions at 100 %, and up again after it (%i)',
    async (seed) => {
      const world = await begun(seed, GOOD);
      await until(world, LIMIT_MS, () => weightOf(world) === 100);
      await world.pass(LATER_MS);
      for (const image of ['v1', 'v2']) world.cluster.setBehaviour(image, { ...GOOD, errorRatio: 0.4 });
      await until(world, LIMIT_MS, () => weightOf(world) === 10);
      await world.pass(40_000);
      expect(world.rollout()?.status).toMatchObject({ phase: 'Progressing', weight: { applied: 10 } });
      for (const image of ['v1', 'v2']) world.cluster.setBehaviour(image, GOOD);
      await until(world, LIMIT_MS, () => isOver(world));
      expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'Promoted' }]);
    },
  );
});
