import { describe, expect, it } from 'vitest';
import type { ChaosExperiment } from '../../../src/api/chaos-experiment.ts';
import { kinds } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/port.ts';
import { NAME, NAMESPACE } from '../cluster.ts';
import { stopMetrics, type World } from '../world.ts';
import { CALLER, fragile } from './callers.ts';
import {
  type ChaosWorld,
  createChaosWorld,
  experiment,
  NAMED,
  refOf,
  SPEC,
  statusOf,
  untilInjecting,
  verdictOf,
} from './chaos-world.ts';

const SEEDS = [1];
const FAULT = { kind: kinds.envoyFilter, namespace: NAMESPACE, name: `sluice-${NAMED}` };
/** A push on its way, and the requests of a tick. */
const WIRE_MS = 800;
/** A source that answered so long ago is down. */
const SILENT_MS = 15_000;
/** Looks come every 2 s, and a slow server takes up to 1.5 s for each of two calls. */
const LOOK_MS = 5_000;

type Options = Parameters<typeof createChaosWorld>[1];

async function started(seed: number, options: Options = {}, change: object = {}): Promise<ChaosWorld> {
  const world = await createChaosWorld(seed, options);
  world.startController();
  await experiment(world, change);
  return world;
}

/** An experiment in which something happens 4 s after its first dose; for how long requests were touched after that. */
async function disturbed(
  seed: number,
  happens: (world: ChaosWorld) => Promise<void> | void,
  { change, ...options }: Options & { readonly change?: object } = {},
) {
  const world = await started(seed, options, change);
  await untilInjecting(world);
  await world.pass(4_000);
  await happens(world);
  const at = world.clock.now();
  const status = await verdictOf(world);
  expect(world.faults.touched).toBeGreaterThan(0);
  return { world, status, touchedForMs: world.faults.lastTouchedAt - at };
}

function nothingIsLeft(world: World): void {
  const left = [kinds.envoyFilter, kinds.job].flatMap((kind) => world.kube.all<KubeObject>(kind, NAMESPACE));
  expect(left.map(({ metadata }) => metadata.name)).toEqual([]);
}

describe.each(SEEDS)('an experiment (seed %i)', (seed) => {
  it('passes where users notice nothing', async () => {
    const world = await started(seed);
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Passed', reason: 'Completed', tolerance: 50 });
    nothingIsLeft(world);
  });

  it('fails where they do, and the fault is gone within two scrapes and 3 s', async () => {
    const world = await started(seed, { callers: { conduct: fragile } });
    await untilInjecting(world);
    const at = world.clock.now();
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Failed', reason: 'Breached' });
    expect(world.faults.lastTouchedAt - at).toBeLessThan(13_000);
    nothingIsLeft(world);
  });

  it.each([
    ['delay', { fault: { delay: { fixed: '400ms' } } }, 'Failed'],
    [
      'spread',
      {
        fault: {
          delay: {
            spread: [
              { fixed: '50ms', share: 50 },
              { fixed: '90ms', share: 50 },
            ],
          },
        },
      },
      'Passed',
    ],
    ['shed', { fault: { shed: { status: 429 } } }, 'Failed'],
    ['throttle', { fault: { throttle: { requestsPerSecond: 10 } }, ramp: undefined, duration: '20s' }, 'Failed'],
    ['circuit', { fault: { circuit: { maxRequests: 1 } }, ramp: undefined, duration: '20s' }, 'Failed'],
  ] as const)('of a %s is told by its flag', async (_, change, verdict) => {
    const world = await started(seed, { callers: { conduct: fragile } }, { ...change, limits: { requestShare: 100 } });
    const status = await verdictOf(world);
    expect(status, status?.message).toMatchObject({ verdict });
    nothingIsLeft(world);
  });

  it('that nobody judges passes nothing', async () => {
    const world = await started(seed, {}, { steadyState: undefined });
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Inconclusive' });
  });

  it('of which no proxy learns is inconclusive, and no higher dose follows', async () => {
    const world = await started(seed);
    for (const proxy of world.mesh.proxies) proxy.routeDelayMs = [600_000, 600_000];
    const status = await verdictOf(world);
    expect(status).toMatchObject({ verdict: 'Inconclusive', reason: 'DoseNotSeen', dose: { step: 1 } });
    expect(world.faults.touched).toBe(0);
  });

  it('without any request of the callers is inconclusive', async () => {
    const world = await started(seed, { callers: { rate: 0 } });
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Inconclusive' });
  });

  it('is not finished while one proxy has not learned of its end', async () => {
    const lateMs = 25_000;
    const { world, touchedForMs, status } = await disturbed(seed, async (world) => {
      const proxy = world.mesh.proxies.find(({ workload }) => workload === CALLER);
      if (proxy !== undefined) proxy.routeDelayMs = [lateMs, lateMs];
      world.faults.excuses.isSlow = true;
      await world.patch(kinds.chaosExperiment, NAMED, { spec: { stop: true } });
    });
    expect(touchedForMs).toBeGreaterThan(lateMs - 5_000);
    expect(Date.parse(status?.finishedAt ?? '')).toBeGreaterThan(world.faults.lastTouchedAt + 4_000);
    expect(status?.message).not.toMatch(/nobody could see/);
  });

  it('on callers without a sidecar is refused, and the cure is named', async () => {
    const world = await started(seed, { callers: { isMeshed: false } });
    const status = await verdictOf(world);
    expect(status).toMatchObject({ verdict: 'Inconclusive', message: expect.stringContaining('no sidecar') });
    expect(status?.injectedAt).toBeUndefined();
  });

  it('on callers that only say that they have a sidecar is inconclusive', async () => {
    const world = await started(seed, { callers: { isMeshed: false, saysMeshed: true } });
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Inconclusive' });
  });

  it('on a target behind a waypoint is refused', async () => {
    const world = await createChaosWorld(seed);
    await world.patch(kinds.service, NAME, { metadata: { labels: { 'istio.io/use-waypoint': 'way' } } });
    world.startController();
    await experiment(world);
    const status = await verdictOf(world);
    expect(status).toMatchObject({ verdict: 'Inconclusive', message: expect.stringContaining('waypoint') });
    expect(world.faults.touched).toBe(0);
  });

  it('of ten minutes under a fuse of one has no gap, second by second', async () => {
    const world = await started(seed, {}, { ramp: [{ percentage: 50, for: '10m' }], fuse: '60s' });
    await untilInjecting(world);
    await world.pass(2_000);
    let gaps = 0;
    for (let second = 0; second < 590; second += 1) {
      const before = world.faults.touched;
      await world.pass(1_000);
      if (world.faults.touched === before) gaps += 1;
    }
    expect(gaps).toBe(0);
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Passed' });
  });

  it('does not begin where users already see failures', async () => {
    const world = await createChaosWorld(seed);
    world.callers.errorRatio = 0.2;
    world.startController();
    await experiment(world);
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'BreachedBefore' });
    expect(world.faults.touched).toBe(0);
  });

  it('ends where more of all requests than allowed would be touched', async () => {
    const world = await started(seed, {}, { limits: { requestShare: 5 } });
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Inconclusive', reason: 'ShareExceeded' });
    expect(world.faults.touched).toBe(0);
  });

  it('ends when its target is deleted', async () => {
    const { status, touchedForMs } = await disturbed(seed, async ({ kube, monitor }) => {
      monitor.excuses.hasInterference = true;
      await kube.delete({ kind: kinds.service, namespace: NAMESPACE, name: NAME });
    });
    expect(status).toMatchObject({ verdict: 'Inconclusive', reason: 'TargetGone' });
    expect(touchedForMs).toBeLessThan(LOOK_MS + WIRE_MS);
  });

  it('covers callers that are scaled from 3 to 30 meanwhile', async () => {
    const { world, status } = await disturbed(seed, ({ callers }) => callers.scale(30));
    expect(world.mesh.proxies.filter(({ workload }) => workload === 'cart')).toHaveLength(30);
    expect(status).toMatchObject({ verdict: 'Passed' });
  });

  it('ends when no caller is left', async () => {
    const { status } = await disturbed(seed, ({ callers }) => callers.scale(0));
    expect(status).toMatchObject({ verdict: 'Inconclusive', reason: 'CallersGone' });
  });

  it('ends 30 s after its source is down, and says that nobody saw the end', async () => {
    const ramp = [
      { percentage: 10, for: '30s' },
      { percentage: 50, for: '5m' },
    ];
    const { status, touchedForMs, world } = await disturbed(seed, ({ source }) => stopMetrics(source), {
      change: { ramp },
    });
    expect(status).toMatchObject({ verdict: 'Inconclusive', reason: 'SourceDown', dose: { step: 1 } });
    expect(status?.message).toMatch(/nobody could see/);
    expect(touchedForMs).toBeLessThan(SILENT_MS + 30_000 + LOOK_MS);
    nothingIsLeft(world);
  });

  it('ends by the lever, without metrics', async () => {
    const { status, touchedForMs } = await disturbed(seed, async ({ kube, source }) => {
      stopMetrics(source);
      const { apiVersion, kind } = kinds.safetyPolicy;
      const policy = { apiVersion, kind, metadata: { name: 'default' }, spec: { halt: true, reason: 'incident' } };
      await kube.create<KubeObject>(kinds.safetyPolicy, policy, { fieldManager: 'kubectl' });
    });
    expect(status?.verdict).toBe('Stopped');
    expect(status?.message).toMatch(/incident/);
    expect(touchedForMs).toBeLessThan(3_000 + WIRE_MS);
  });

  it('ends when it is asked to stop, without metrics', async () => {
    const { status, touchedForMs } = await disturbed(seed, async (world) => {
      stopMetrics(world.source);
      await world.patch(kinds.chaosExperiment, NAMED, { spec: { stop: true } });
    });
    expect(status).toMatchObject({ verdict: 'Stopped', reason: 'StopRequested' });
    expect(touchedForMs).toBeLessThan(3_000 + WIRE_MS);
  });

  it('ends when somebody edits its fault, and does not write over the edit', async () => {
    const { status, touchedForMs } = await disturbed(seed, async (world) => {
      const [fault] = world.kube.all<KubeObject & { spec: object }>(kinds.envoyFilter, NAMESPACE);
      const spec = JSON.parse(JSON.stringify(fault?.spec).replace('100000', '200000')) as object;
      await world.patch(kinds.envoyFilter, FAULT.name, { metadata: { annotations: { 'test/edited': 'yes' } }, spec });
    });
    expect(status).toMatchObject({ verdict: 'Inconclusive', reason: 'FaultChanged' });
    expect(touchedForMs).toBeLessThan(LOOK_MS + WIRE_MS);
  });

  it('ends when somebody deletes its fault, and does not write it again', async () => {
    const { status, touchedForMs } = await disturbed(seed, ({ kube }) => kube.delete(FAULT));
    expect(status).toMatchObject({ verdict: 'Inconclusive', reason: 'FaultGone' });
    expect(touchedForMs).toBeLessThan(WIRE_MS);
  });

  it('ends when it is deleted itself', async () => {
    const world = await started(seed);
    await untilInjecting(world);
    await world.pass(4_000);
    const at = world.clock.now();
    world.faults.excuses.hasLateWrites = true;
    await world.kube.delete(refOf());
    await world.pass(30_000);
    expect(world.faults.lastTouchedAt - at).toBeLessThan(LOOK_MS + WIRE_MS);
    nothingIsLeft(world);
  });

  it('that is deleted and made anew at once begins from nothing', async () => {
    const world = await started(seed);
    await untilInjecting(world);
    await world.pass(4_000);
    world.faults.excuses.hasLateWrites = true;
    await world.kube.delete(refOf());
    await experiment(world, { fault: { delay: { fixed: '50ms' } } });
    await world.pass(2_000);
    expect(statusOf(world)?.phase).toBe('Baseline');
    const before = world.faults.touched;
    await world.pass(4_000);
    expect(world.faults.touched).toBe(before);
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Passed' });
    nothingIsLeft(world);
  });

  it('of a schedule runs, ends, and makes room for the next', async () => {
    const world = await createChaosWorld(seed);
    world.startController();
    const { apiVersion, kind } = kinds.chaosSchedule;
    const spec = { schedule: '@every 2m', concurrencyPolicy: 'Forbid', template: { spec: SPEC } };
    const schedule = { apiVersion, kind, metadata: { name: 'often', namespace: NAMESPACE }, spec };
    await world.kube.create<KubeObject>(kinds.chaosSchedule, schedule, { fieldManager: 'kubectl' });
    await world.pass(7.5 * 60_000);
    const runs = world.kube.all<ChaosExperiment & KubeObject>(kinds.chaosExperiment);
    expect(runs.map(({ status }) => status?.verdict)).toEqual(['Passed', 'Passed', 'Passed']);
    nothingIsLeft(world);
  });

  it('waits for another one on its route, or is refused, and they never touch requests together', async () => {
    const world = await started(seed);
    await world.pass(2_000);
    await experiment(world, { startWithin: '5m' }, 'second');
    await untilInjecting(world);
    const { phase, message } = statusOf(world, 'second') ?? {};
    expect(phase).toBe('Pending');
    expect(message).toContain(`${NAMESPACE}/${NAMED}`);
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Passed' });
    expect(await verdictOf(world, 'second')).toMatchObject({ verdict: 'Passed' });
    nothingIsLeft(world);
  });

  it('leaves nothing where its namespace is deleted', async () => {
    const world = await started(seed);
    await untilInjecting(world);
    await world.pass(4_000);
    const at = world.clock.now();
    world.faults.excuses.hasLateWrites = true;
    world.monitor.excuses.hasInterference = true;
    await deleteNamespace(world);
    await world.pass(40_000);
    expect(world.faults.lastTouchedAt - at).toBeLessThan(20_000 + LOOK_MS);
    nothingIsLeft(world);
    expect(world.monitor.trace.filter((line) => line.includes('InvariantError'))).toEqual([]);
  });

  it('is refused where the user has a fault of his own on the route', async () => {
    const world = await createChaosWorld(seed, { mode: 'adopted' });
    const [rest] = (world.route()?.spec.http ?? []).slice(-1);
    const abort = { httpStatus: 500, percentage: { value: 0.0001 } };
    await world.patch(kinds.virtualService, 'users', { spec: { http: [{ ...rest, fault: { abort } }] } });
    world.startController();
    await experiment(world);
    const status = await verdictOf(world);
    expect(status?.verdict).toBe('Inconclusive');
    expect(status?.message).toMatch(/users spec\.http\[0\] has a fault of its own/);
  });
});

/** In any order, one by one, as the namespace controller does; nothing can be made meanwhile. */
async function deleteNamespace(world: ChaosWorld): Promise<void> {
  const { kube, dice } = world;
  world.trouble = (what) => (what.startsWith('create') ? 'error' : undefined);
  const all = [kinds.envoyFilter, kinds.job, kinds.chaosExperiment, kinds.service, kinds.rollout].flatMap((kind) =>
    kube.all<KubeObject>(kind, NAMESPACE).map(({ metadata: { name } }) => ({ kind, namespace: NAMESPACE, name })),
  );
  for (const ref of all.toSorted(() => dice.next() - 0.5)) {
    await kube.delete(ref, { propagation: 'Background' });
    await world.pass(dice.int(0, 20) * 100);
  }
}
