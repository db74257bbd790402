import { describe, expect, it } from 'vitest';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../src/kube/port.ts';
import { brokenConditionRules } from '../support/conditions-check.ts';
import { GOOD, NAME, NAMESPACE } from './cluster.ts';
import { createDice } from './dice.ts';
import { releasing, until } from './releasing.ts';
import { createWorld, type World } from './world.ts';

const LIMIT_MS = 120_000;

const ready = (world: World) => world.rollout()?.status?.conditions?.find(({ type }) => type === 'Ready');
const events = (world: World, reason: string) =>
  world.monitor.trace.filter((line) => line.includes(`Event ${reason}:`)).length;

async function atRest(seed: number): Promise<World> {
  const world = await createWorld({
    ...{ mode: 'owned', replicas: 2, onInconclusive: 'RollBack' },
    dice: createDice(seed),
  });
  world.startController();
  await until(world, LIMIT_MS, () => ready(world)?.status === 'True');
  world.mesh.rate = 0;
  world.monitor.excuses.hasInterference = true;
  return world;
}

describe('a Rollout at rest', () => {
  it.each<[string, Kind]>([
    ['WorkloadNotFound', kinds.deployment],
    ['ServiceNotFound', kinds.service],
  ])('says %s at once, in its condition and by one Event', async (reason, kind) => {
    const world = await atRest(1);
    const ref = { kind, namespace: NAMESPACE, name: NAME };
    await world.kube.delete(ref);
    await until(world, 5_000, () => ready(world)?.reason === reason);
    expect(ready(world)).toMatchObject({ status: 'False', message: expect.stringContaining(`${kind.kind} ${NAME}`) });
    expect(world.rollout()?.status?.message).toBe(ready(world)?.message);
    expect(brokenConditionRules(world.rollout() ?? { metadata: {} })).toEqual([]);
    await world.pass(60_000);
    expect(events(world, reason)).toBe(1);
  });

  it('is ready again at once when its Service is back', async () => {
    const world = await atRest(1);
    const ref = { kind: kinds.service, namespace: NAMESPACE, name: NAME };
    const lost = await world.kube.get<KubeObject & { readonly spec: object }>(ref);
    await world.kube.delete(ref);
    await until(world, 5_000, () => ready(world)?.reason === 'ServiceNotFound');
    const again = { ...kinds.service, metadata: { name: NAME }, spec: lost?.spec };
    const { apiVersion, kind, metadata, spec } = again;
    const object = { apiVersion, kind, metadata: { ...metadata, namespace: NAMESPACE }, spec } as KubeObject;
    await world.kube.create(kinds.service, object, { fieldManager: 'kubectl' });
    await until(world, 5_000, () => ready(world)?.status === 'True');
  });
});

/** A Rollout at rest whose release of v2 was taken back, without requests from now on. */
async function afterARollback(seed: number): Promise<World> {
  const world = await releasing(seed);
  world.cluster.setBehaviour('v2', { ...GOOD, errorRatio: 0.5 });
  await until(world, 2 * LIMIT_MS, () => world.rollout()?.status?.history?.length === 1);
  await until(world, LIMIT_MS, () => world.rollout()?.status?.phase === 'Idle');
  world.mesh.rate = 0;
  world.monitor.excuses.hasInterference = true;
  return world;
}

describe('a Deployment that is un-paused by hand after its version was taken back', () => {
  it('is paused again before it rolls, and nothing is released without another template', async () => {
    const world = await afterARollback(2);
    await world.patch(kinds.deployment, NAME, { spec: { paused: false } });
    await until(world, LIMIT_MS, () => world.deployment().spec.paused === true);
    await world.pass(30_000);
    expect(events(world, 'ReleaseStarted')).toBe(1);
    expect(world.rollout()?.status).toMatchObject({ phase: 'Idle', stable: { revision: 'k8s1' } });
    expect(ready(world)).toMatchObject({ status: 'False', reason: 'SloBreach' });
  });

  it('is told of by a Warning while it rolls, and is not ready when the version is stable', async () => {
    const world = await afterARollback(2);
    world.watchLagMs = [2_000, 3_000];
    await world.patch(kinds.deployment, NAME, { spec: { paused: false } });
    await until(world, LIMIT_MS, () => ready(world)?.reason === 'TakenBackVersionRollsOut');
    await until(world, LIMIT_MS, () => ready(world)?.reason === 'TakenBackVersionIsStable');
    await world.pass(60_000);
    expect(ready(world)).toMatchObject({ status: 'False', reason: 'TakenBackVersionIsStable' });
    expect(world.rollout()?.status?.stable?.revision).not.toBe('k8s1');
    expect(events(world, 'TakenBackVersionRollsOut')).toBe(1);
    expect(events(world, 'TakenBackVersionIsStable')).toBe(1);
    expect(brokenConditionRules(world.rollout() ?? { metadata: {} })).toEqual([]);
  });
});
