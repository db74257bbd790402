import { expect, it } from 'vitest';
import { kinds } from '../../src/kube/kinds.ts';
import { NAME } from './cluster.ts';
import { createDice } from './dice.ts';
import { until } from './releasing.ts';
import { createWorld, templateOf } from './world.ts';

it('releases although the API server does not know experiments and schedules', async () => {
  const world = await createWorld({ mode: 'owned', replicas: 2, onInconclusive: 'RollBack', dice: createDice(3) });
  for (const kind of [kinds.chaosExperiment, kinds.chaosSchedule]) world.unserved.add(kind);
  world.startController();
  await world.pass(40_000);
  const first = world.rollout()?.status?.stable?.revision;
  await world.patch(kinds.deployment, NAME, { spec: { template: templateOf('v2') } });
  await until(world, 240_000, () => world.rollout()?.status?.stable?.revision !== first);
  await until(world, 60_000, () => world.rollout()?.status?.phase === 'Idle');
  expect(first).toBeDefined();
  expect(world.rollout()?.status?.history).toMatchObject([{ outcome: 'Promoted' }]);
});
