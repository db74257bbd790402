import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControllerProcess } from '../../lab/shop/controller-process.ts';
import { createShop, type Shop } from '../../lab/shop/shop.ts';
import { type ExperimentContext, initialContext } from '../../machines/experiment/context.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kube } from '../../src/kube/port.ts';
import { eventually } from '../support/eventually.ts';
import {
  applyPolicy,
  controllerOf,
  type ExperimentStatus,
  type Experiments,
  experimentsIn,
} from './support/experiments.ts';
import { figure } from './support/figures.ts';

const NAMESPACE = 'e2e-chaos';
const RATE = 200;
const PORT = 9481;
const USER = { fieldManager: 'tester' } as const;
const MINUTE_MS = 60_000;

/** Requests on their way, clocks of seconds, and a proxy that learns late. */
const GRACE_MS = 3_000;
const SCRAPE_MS = 5_000;

/** load → web → checkout: web is the caller, and what the load sees of web is the steady state. */
const SPEC = {
  target: { service: { name: 'checkout', port: 80 } },
  callers: { matchLabels: { app: 'web' } },
  fault: { abort: { httpStatus: 503 } },
  limits: { requestShare: 100 },
  baseline: '10s',
  fuse: '20s',
};
/** One dose, for those that are not about doses. */
const SHORT = { ramp: [{ percentage: 30, for: '20s' }] };
const STEADY = { service: 'web', objectives: [{ name: 'availability', requests: { successRatio: 99 } }] };

let kube: Kube;
let shop: Shop;
let controller: ControllerProcess;
let experiments: Experiments;

const start = () => controllerOf(NAMESPACE, { port: PORT });

beforeAll(async () => {
  kube = createKube();
  experiments = experimentsIn(kube, NAMESPACE, SPEC);
  shop = createShop(kube, { namespace: NAMESPACE, rate: RATE });
  await shop.open();
  controller = await start();
}, 180_000);

afterAll(async () => {
  await controller?.stop();
  await kube?.delete({ kind: kinds.safetyPolicy, name: 'default' });
  await shop?.close();
});

const create = (name: string, spec: object = SHORT) => experiments.create(name, spec);

const contextOf = ({ machine }: ExperimentStatus): ExperimentContext =>
  ({ ...initialContext, ...machine?.context }) as ExperimentContext;

const toEnd = (name: string) => experiments.toEnd(name, 4 * MINUTE_MS);

/** When requests that a fault touched began and ended, as the load saw them. */
async function faulted(sinceMs: number) {
  const { failures, seconds } = await shop.report(sinceMs);
  const ends = failures.map(({ endedAtMs }) => endedAtMs);
  return { failures, seconds, first: Math.min(...ends), last: Math.max(...ends) };
}

describe('an experiment', () => {
  // Who breaks an objective has no budget left for the next hour: those that are judged come first.
  it('passes where the users do not notice', async () => {
    const begun = Date.now();
    await create('delay', {
      fault: { delay: { fixed: '100ms' } },
      ramp: [{ percentage: 50, for: '40s' }],
      steadyState: STEADY,
    });
    const status = await toEnd('delay');
    expect(status).toMatchObject({ verdict: 'Passed', tolerance: 50 });
    expect(status.report).toContain('# delay: Passed');
    expect((await faulted(begun)).failures).toEqual([]);
    figure('chaos: delay', { seen: status.seen });
  });

  it('fails where they do, and takes the fault away at once', async () => {
    const begun = Date.now();
    await create('breach', { ramp: [{ percentage: 20, for: '3m' }], steadyState: STEADY });
    const status = await toEnd('breach');
    expect(status).toMatchObject({ verdict: 'Failed', reason: 'Breached' });
    const { first, last } = await faulted(begun);
    figure('chaos: breach', { exposureS: (last - first) / 1000 });
    expect(last - first).toBeLessThanOrEqual(2 * SCRAPE_MS + GRACE_MS + 10_000);
  });

  it('touches the asked share of the requests for the asked time, proves it, and leaves nothing behind', async () => {
    const begun = Date.now();
    await create('abort', {
      ramp: [
        { percentage: 5, for: '20s' },
        { percentage: 30, for: '30s' },
      ],
    });
    const status = await toEnd('abort');
    expect(status).toMatchObject({
      verdict: 'Inconclusive',
      reason: 'Completed',
      seen: { matched: expect.any(Number) },
    });
    const { doses } = contextOf(status);
    expect(doses.map(({ dosePpm, isProven }) => [dosePpm, isProven])).toEqual([
      [50_000, true],
      [300_000, true],
    ]);
    expect(await experiments.leftovers()).toEqual([]);
    const seen = await faulted(begun);
    expect(new Set(seen.failures.map(({ status: code, failedHop }) => `${code} ${failedHop}`))).toEqual(
      new Set(['503 checkout=none']),
    );
    const { injectedAt, finishedAt } = status;
    expect(seen.first).toBeGreaterThanOrEqual(Date.parse(injectedAt ?? ''));
    figure('chaos: abort', { doses, lastBeforeFinishedMs: Date.parse(finishedAt ?? '') - seen.last });
  });

  it('throttles by rate', async () => {
    const begun = Date.now();
    await create('throttle', { fault: { throttle: { requestsPerSecond: 100 } }, duration: '20s' });
    expect(await toEnd('throttle')).toMatchObject({ reason: 'Completed', seen: { touched: expect.any(Number) } });
    // A 429 is no failure of web's, so the load sees none.
    expect((await faulted(begun)).failures).toEqual([]);
  });

  it('refuses what cannot work, and says the cure', async () => {
    const begun = Date.now();
    await create('share', { ...SHORT, limits: { requestShare: 5 } });
    expect(await toEnd('share')).toMatchObject({
      reason: 'ShareExceeded',
      message: expect.stringContaining('limits.requestShare'),
    });
    expect((await faulted(begun)).failures).toEqual([]);
    await create('nobody', { ...SHORT, callers: { matchLabels: { app: 'none' } } });
    expect(await toEnd('nobody')).toMatchObject({
      verdict: 'Inconclusive',
      reason: 'Denied',
      message: expect.stringContaining('correct the labels'),
    });
    expect(await experiments.leftovers()).toEqual([]);
  });
});

describe('the fuse', () => {
  it('is renewed without a gap, and ends the fault when the controller is killed and never comes back', async () => {
    const begun = Date.now();
    await create('fuse', { ramp: [{ percentage: 50, for: '10m' }] });
    await experiments.until('fuse', 'was renewed twice', (status) => contextOf(status).lastFuse >= 3);
    const { fuseUntil } = await experiments.until('fuse', 'injects', ({ phase }) => phase === 'Injecting');
    const killedAt = Date.now();
    await controller.kill();
    const { first, seconds } = await faulted(begun);
    const during = seconds.filter(({ atMs }) => atMs > first + 1_000 && atMs < killedAt - 1_000);
    expect(during.filter(({ failed }) => failed === 0)).toEqual([]);
    await eventually('the cluster to take the fault away', async () => (await experiments.leftovers()).length === 0, {
      withinMs: MINUTE_MS,
    });
    await eventually(
      'the load to see none for a while',
      async () => Date.now() - (await faulted(begun)).last > 2 * GRACE_MS,
      { withinMs: MINUTE_MS },
    );
    const { last } = await faulted(begun);
    // What status says may be older than the newest fuse, which burns for 20 s from when it was lit before the kill.
    const deadline = Math.max(Date.parse(fuseUntil ?? ''), killedAt + 20_000);
    figure('chaos: fuse', {
      secondsWithoutGap: during.length,
      lastAfterDeadlineMs: last - deadline,
      lastAfterKillMs: last - killedAt,
    });
    expect(last).toBeLessThanOrEqual(deadline + GRACE_MS);
    controller = await start();
    expect(await toEnd('fuse')).toMatchObject({ verdict: 'Inconclusive', reason: 'FuseBurnt' });
  });
});

describe('the lever', () => {
  it('ends what runs, denies what comes, and starts nothing when it is taken back', async () => {
    const begun = Date.now();
    await create('halted', { ramp: [{ percentage: 50, for: '10m' }] });
    await eventually('requests to fail', async () => (await faulted(begun)).failures.length > 0, {
      withinMs: 2 * MINUTE_MS,
    });
    const haltedAt = Date.now();
    await applyPolicy(kube, { halt: true, reason: 'an incident' });
    expect(await toEnd('halted')).toMatchObject({
      verdict: 'Stopped',
      message: expect.stringContaining('an incident'),
    });
    const { last } = await faulted(begun);
    figure('chaos: halt', { lastAfterHaltMs: last - haltedAt });
    expect(last).toBeLessThanOrEqual(haltedAt + GRACE_MS);
    await create('later');
    expect(await toEnd('later')).toMatchObject({ reason: 'Denied', message: expect.stringContaining('an incident') });
    await applyPolicy(kube, { halt: false });
    expect((await experiments.find('halted'))?.status?.phase).toBe('Finished');
    expect(await experiments.leftovers()).toEqual([]);
  });

  it('is not needed to stop one', async () => {
    await create('stopped', { ramp: [{ percentage: 50, for: '10m' }] });
    await experiments.until('stopped', 'injects', ({ phase }) => phase === 'Injecting');
    await kube.mergePatch(experiments.refOf('stopped'), { spec: { stop: true } }, USER);
    expect(await toEnd('stopped')).toMatchObject({ verdict: 'Stopped', reason: 'StopRequested' });
    await expect(kube.mergePatch(experiments.refOf('stopped'), { spec: { stop: false } }, USER)).rejects.toThrow(
      /cannot be taken back/,
    );
    await expect(kube.mergePatch(experiments.refOf('stopped'), { spec: { baseline: '20s' } }, USER)).rejects.toThrow(
      /immutable/,
    );
  });

  it('a deleted experiment leaves nothing behind', async () => {
    const begun = Date.now();
    await create('deleted', { ramp: [{ percentage: 50, for: '10m' }] });
    await eventually('requests to fail', async () => (await faulted(begun)).failures.length > 0, {
      withinMs: 2 * MINUTE_MS,
    });
    await kube.delete(experiments.refOf('deleted'));
    await eventually('nothing to be left', async () => (await experiments.leftovers()).length === 0, {
      withinMs: MINUTE_MS,
    });
  });
});
