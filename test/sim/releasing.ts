import { kinds } from '../../src/kube/kinds.ts';
import { NAME } from './cluster.ts';
import { createDice } from './dice.ts';
import { createWorld, templateOf, type World } from './world.ts';

type Options = Parameters<typeof createWorld>[0];

/** A service of two pods whose release has just begun; what it does is its test's business. */
export async function releasing(seed: number, options: Partial<Omit<Options, 'dice'>> = {}): Promise<World> {
  const world = await createWorld({
    ...{ mode: 'owned', replicas: 2, onInconclusive: 'RollBack' },
    ...options,
    dice: createDice(seed),
  });
  world.monitor.excuses.hasBadVersions = true;
  world.startController();
  await world.pass(40_000);
  await world.patch(kinds.deployment, NAME, { spec: { template: templateOf('v2') } });
  return world;
}

/** Lets time pass until it holds; throws with the Rollout's message when it has not within `limitMs` of the world's clock. */
export async function until(world: World, limitMs: number, holds: () => boolean): Promise<void> {
  for (const end = world.clock.now() + limitMs; !holds(); await world.pass(250)) {
    if (world.clock.now() > end) throw new Error(`still ${world.rollout()?.status?.message}`);
  }
}

/** Weight of the canary in percent, as the route says. */
export const weightOf = (world: World): number => world.rollout()?.status?.weight?.applied ?? 0;
