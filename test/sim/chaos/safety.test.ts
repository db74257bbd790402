import { describe, expect, it } from 'vitest';
import type { Rollout } from '../../../src/api/rollout.ts';
import { kinds } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/port.ts';
import { budgetQuery } from '../../../src/plan/error-budget.ts';
import { goalOf } from '../../../src/plan/goal.ts';
import { NAME, NAMESPACE } from '../cluster.ts';
import { stopMetrics, templateOf } from '../world.ts';
import { CALLER } from './callers.ts';
import {
  type ChaosWorld,
  createChaosWorld,
  experiment,
  NAMED,
  SPEC,
  statusOf,
  untilHolds,
  untilInjecting,
  verdictOf,
} from './chaos-world.ts';

const SEEDS = [1, 2];
const USER = { fieldManager: 'kubectl' };
const PAGES = 'ALERTS{alertstate="firing"}';
const LONG = { ramp: [{ percentage: 10, for: '5m' }] };
/** A question is asked every 15 s, and looks come every 2 s. */
const ASKED_MS = 20_000;

async function policy({ kube }: ChaosWorld, spec: object): Promise<void> {
  const ref = { kind: kinds.safetyPolicy, name: 'default' };
  if ((await kube.get(ref)) !== undefined) return void (await kube.mergePatch(ref, { spec }, USER));
  const { apiVersion, kind } = kinds.safetyPolicy;
  await kube.create(kinds.safetyPolicy, { apiVersion, kind, metadata: { name: 'default' }, spec } as KubeObject, USER);
}

async function started(seed: number, spec: object): Promise<ChaosWorld> {
  const world = await createChaosWorld(seed);
  if (Object.keys(spec).length > 0) await policy(world, spec);
  world.startController();
  await world.pass(15_000);
  return world;
}

const admitted = (world: ChaosWorld, name?: string) =>
  statusOf(world, name)?.conditions?.find(({ type }) => type === 'Admitted');
const untilAdmission = (world: ChaosWorld, reason: string) =>
  untilHolds(world, () => admitted(world)?.reason === reason);
const release = (world: ChaosWorld, image = 'v2') =>
  world.patch(kinds.deployment, NAME, { spec: { template: templateOf(image) } });
const isHeld = ({ status }: Rollout, reason: string) => status?.phase === 'Idle' && status.waiting?.reason === reason;

/** For how long requests were touched after something happened to an experiment that injects. */
async function touchedAfter(world: ChaosWorld, happens: () => Promise<unknown> | unknown): Promise<number> {
  await untilInjecting(world);
  await world.pass(6_000);
  await happens();
  const at = world.clock.now();
  await verdictOf(world);
  expect(world.faults.touched).toBeGreaterThan(0);
  return world.faults.lastTouchedAt - at;
}

describe.each(SEEDS)('what keeps experiments safe (seed %i)', (seed) => {
  it('is a freeze: nothing begins before its end', async () => {
    const world = await started(seed, { freeze: true, reason: 'black week' });
    await experiment(world, { startWithin: '10m' });
    await release(world);
    await world.pass(30_000);
    expect(admitted(world)).toMatchObject({ status: 'False', reason: 'Frozen' });
    expect(isHeld(world.rollout() as Rollout, 'Frozen')).toBe(true);
    await policy(world, { freeze: false });
    await untilHolds(world, () => world.rollout()?.status?.canary !== undefined);
    await untilHolds(world, () => statusOf(world)?.startedAt !== undefined);
  }, 60_000);

  it('is not a freeze of what goes on', async () => {
    const world = await started(seed, {});
    await experiment(world);
    await untilInjecting(world);
    await policy(world, { freeze: true });
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Passed' });
  }, 60_000);

  it('is the end of a freeze by itself', async () => {
    const world = await started(seed, {});
    const end = new Date(world.clock.now() + 60_000).toISOString().replace(/\.\d+Z/, 'Z');
    await policy(world, { freeze: true, freezeUntil: end });
    await release(world);
    await world.pass(40_000);
    expect(isHeld(world.rollout() as Rollout, 'Frozen')).toBe(true);
    await untilHolds(world, () => world.rollout()?.status?.canary !== undefined, 30_000);
  }, 60_000);

  it('is a cap on the requests of a service: who would be above it waits, and who is above it ends', async () => {
    // The caller sends most of the requests, so that 10 % of its own are more than 5 % of all.
    const world = await started(seed, { limits: { serviceRequestShare: 5, totalRequestShare: 100 } });
    await experiment(world, { ...LONG, startWithin: '10m' });
    await untilAdmission(world, 'ShareExceeded');
    expect(statusOf(world)).toMatchObject({ phase: 'Pending', message: expect.stringMatching(/Share 5 %: this one/) });
    await policy(world, { limits: { serviceRequestShare: 20, totalRequestShare: 100 } });
    const touchedMs = await touchedAfter(world, () =>
      policy(world, { limits: { serviceRequestShare: 5, totalRequestShare: 100 } }),
    );
    expect(statusOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'ShareExceeded' });
    expect(touchedMs).toBeLessThan(5_000);
  }, 60_000);

  it('is a cap on all requests: the later of two waits, and says for whom', async () => {
    const world = await started(seed, { limits: { serviceRequestShare: 100, totalRequestShare: 5 } });
    await experiment(world, LONG);
    await untilInjecting(world);
    const onCaller = { target: { service: { name: CALLER, port: 80 } }, callers: { everyone: true } };
    await experiment(world, { ...LONG, ...onCaller, steadyState: undefined, startWithin: '10m' }, 'second');
    await untilHolds(world, () => admitted(world, 'second')?.reason === 'ShareExceeded');
    expect(admitted(world, 'second')?.message).toMatch(`${NAMESPACE}/${NAMED} touches`);
    await world.patch(kinds.chaosExperiment, NAMED, { spec: { stop: true } });
    await untilInjecting(world, 'second');
    expect(statusOf(world)).toMatchObject({ verdict: 'Stopped' });
  }, 60_000);

  it('is a veto, from its first sign on', async () => {
    const world = await started(seed, { vetoes: [{ name: 'pages', query: PAGES }] });
    await experiment(world, LONG);
    const touchedMs = await touchedAfter(world, () =>
      world.source.answers.set(PAGES, [{ labels: { alertname: 'Down' }, value: 1 }]),
    );
    expect(statusOf(world)).toMatchObject({ reason: 'Denied', message: expect.stringMatching(/^Vetoed: .*Down/) });
    expect(touchedMs).toBeLessThan(ASKED_MS + 3_000);
    expect(admitted(world)).toMatchObject({ status: 'False', reason: 'Vetoed' });
  }, 60_000);

  it('is a source that does not answer: nothing begins', async () => {
    const world = await started(seed, { vetoes: [{ name: 'pages', query: PAGES }] });
    stopMetrics(world.source);
    await experiment(world);
    await world.pass(30_000);
    expect(statusOf(world)?.phase).toBe('Pending');
    expect(admitted(world)).toMatchObject({ status: 'Unknown', reason: 'NotKnown' });
  }, 60_000);

  it('is a spent error budget', async () => {
    const world = await started(seed, {});
    const [objective] = SPEC.steadyState.objectives;
    const goal = goalOf(JSON.parse(JSON.stringify(objective)), {});
    const query = goal === null ? null : budgetQuery(goal, { namespace: NAMESPACE, hosts: [CALLER] });
    world.source.answers.set(query ?? '', [
      { labels: { response_code: '200', response_flags: '-' }, value: 970 },
      { labels: { response_code: '500', response_flags: '-' }, value: 30 },
    ]);
    await experiment(world);
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'Denied' });
    expect(statusOf(world)?.message).toMatch(/ErrorBudgetSpent: .*30 of 1,000 requests/);
    expect(world.faults.touched).toBe(0);
  }, 60_000);

  it('is the order of neighbours: an experiment waits for a release, and a release for an experiment', async () => {
    const world = await started(seed, {});
    const onCaller = { target: { service: { name: CALLER, port: 80 } }, callers: { everyone: true } };
    const isReleasing = () => world.rollout()?.status?.canary !== undefined;
    await release(world);
    await untilHolds(world, isReleasing);
    await experiment(world, { ...onCaller, steadyState: undefined, startWithin: '10m' });
    await untilAdmission(world, 'NeighbourHeld');
    expect(statusOf(world)?.message).toMatch(`Rollout ${NAMESPACE}/${NAME}`);
    await untilHolds(world, () => statusOf(world)?.startedAt !== undefined, 400_000);
    expect(isReleasing()).toBe(false);
    expect(statusOf(world)?.neighbours).toContain(`${NAMESPACE}/${NAME}`);
    await release(world, 'v3');
    await untilHolds(world, () => isHeld(world.rollout() as Rollout, 'NeighbourHeld'));
    await verdictOf(world);
    await untilHolds(world, isReleasing);
  }, 120_000);

  it('is a control plane that takes faults away again', async () => {
    const world = await started(seed, {});
    await experiment(world, LONG);
    const touchedMs = await touchedAfter(world, () =>
      world.kube.create(
        kinds.endpointSlice,
        {
          ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', endpoints: [] },
          metadata: { name: 'istiod-x', namespace: 'istio-system', labels: { app: 'istiod' } },
        } as KubeObject,
        USER,
      ),
    );
    expect(statusOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'ControlPlane' });
    expect(touchedMs).toBeLessThan(5_000);
  }, 60_000);
});
