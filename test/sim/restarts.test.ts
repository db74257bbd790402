import { describe, expect, it } from 'vitest';
import { kinds } from '../../src/kube/kinds.ts';
import { GOOD, NAME } from './cluster.ts';
import { createDice } from './dice.ts';
import { act } from './incidents.ts';
import { createWorld, templateOf, type World } from './world.ts';

const SEEDS = Array.from({ length: 14 }, (_, index) => index + 1);
/** Slow enough to be decided over many restarts. */
const ERROR_RATIO = 0.06;
const LIMIT_MS = 300_000;
/** The decision is the same; acting on it waits for a process that lives for long enough to look, which may take several restarts. */
const LATEST_MS = 15_000;

interface Ended {
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly finishedAt: number;
  readonly kills: number;
}

/** A release that turns bad while an operator has paused it at its first weight; its controller is killed until it is over. */
async function releaseOf(seed: number, isKilled: boolean): Promise<Ended> {
  const world = await createWorld({
    ...{ mode: 'owned', replicas: 2, onInconclusive: 'Hold' },
    dice: createDice(seed),
  });
  const dice = createDice(seed + 500);
  world.monitor.excuses.hasBadVersions = true;
  world.startController();
  await world.pass(3_000);
  await world.patch(kinds.deployment, NAME, { spec: { template: templateOf('v2') } });
  await until(world, () => (world.rollout()?.status?.weight?.applied ?? 0) === 5);
  await act(world, 'Pause');
  await world.pass(10_000);
  world.cluster.setBehaviour('v2', { ...GOOD, errorRatio: ERROR_RATIO });
  let kills = 0;
  const end = world.clock.now() + LIMIT_MS;
  while (isKilled && world.clock.now() < end) {
    await world.pass(dice.int(100, 2_500));
    if (world.rollout()?.status?.phase === 'RollingBack' || world.rollout()?.status?.history?.length === 1) break;
    for (const controller of world.controllers) controller.kill();
    kills += 1;
    await world.pass(dice.int(100, 1_500));
    world.startController();
  }
  await until(world, () => world.rollout()?.status?.history?.length === 1);
  const [last] = world.rollout()?.status?.history ?? [];
  return { reason: last?.reason, message: last?.message, finishedAt: Date.parse(last?.finishedAt ?? ''), kills };
}

async function until(world: World, holds: () => boolean): Promise<void> {
  for (const end = world.clock.now() + LIMIT_MS; !holds(); await world.pass(500)) {
    if (world.clock.now() > end) throw new Error(`still ${world.rollout()?.status?.message}`);
  }
}

describe('a controller that is killed and started again at random moments', () => {
  let kills = 0;

  it.each(SEEDS)('judges from the same evidence as one that is not (%i)', async (seed) => {
    const alone = await releaseOf(seed, false);
    const killed = await releaseOf(seed, true);
    // The message holds odds and counts: they are those of one batch alone.
    expect({ reason: killed.reason, message: killed.message }).toEqual({
      reason: alone.reason,
      message: alone.message,
    });
    expect(Math.abs(killed.finishedAt - alone.finishedAt)).toBeLessThan(LATEST_MS);
    kills += killed.kills;
  });

  it('was killed often enough to tell', () => {
    expect(kills).toBeGreaterThanOrEqual(50);
  });
});
