import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControllerProcess } from '../../lab/shop/controller-process.ts';
import { DEPENDENCY, RELEASED } from '../../lab/shop/manifests.ts';
import { createShop, type Shop } from '../../lab/shop/shop.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kube } from '../../src/kube/port.ts';
import { HASH_LABEL } from '../../src/workloads/revision.ts';
import { eventually } from '../support/eventually.ts';
import { type Caller, callerAt } from './support/caller.ts';
import { controllerOf, type Experiments, experimentsIn } from './support/experiments.ts';
import { figure } from './support/figures.ts';

const NAMESPACE = 'e2e-versions';
const PORT = 9492;
const MINUTE_MS = 60_000;
/** So many requests must be seen of each version. */
const ENOUGH = 2_000;
const SHARE = 0.3;
const USER = { fieldManager: 'tester' } as const;
const DELAY = { fault: { delay: { fixed: '50ms' } }, limits: { requestShare: 100 }, baseline: '10s' };
const STEADY = { service: RELEASED, objectives: [{ name: 'availability', requests: { successRatio: 99 } }] };

let kube: Kube;
let shop: Shop;
let controller: ControllerProcess;
let experiments: Experiments;
let stable: string;
let canary: string;

/** load → web → checkout → payments, with checkout in the middle of a release that gives both versions half of the requests. */
beforeAll(async () => {
  kube = createKube();
  experiments = experimentsIn(kube, NAMESPACE, DELAY);
  shop = createShop(kube, { namespace: NAMESPACE, rate: 250, replicas: 2, withDependency: true });
  await shop.open();
  controller = await controllerOf(NAMESPACE, { port: PORT });
  await shop.addRollout({ steps: [{ weight: 50, hold: '30m' }, { weight: 100 }], analysis: { deadline: '2h' } });
  await shop.until('the Rollout is at rest', ({ status }) => status?.phase === 'Idle');
  await shop.release('v2');
  const { status } = await shop.until(
    'both versions get requests',
    ({ status: now }) => (now?.weight?.observed ?? 0) > 40,
  );
  stable = status?.stable?.revision ?? '';
  canary = status?.canary?.revision ?? '';
}, 180_000);

afterAll(async () => {
  await kube?.delete({ kind: kinds.rollout, namespace: NAMESPACE, name: RELEASED });
  await shop?.close();
  await controller?.stop();
});

const create = (name: string, spec: object) => experiments.create(name, spec);
const toEnd = (name: string) => experiments.toEnd(name);

/** The proxies of an app, and of which version they are. */
async function proxiesOf(app: string): Promise<readonly { readonly revision: string; readonly proxy: Caller }[]> {
  const pods = (await shop.pods(app)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return await Promise.all(
    pods.map(async ({ metadata, status }) => ({
      revision: metadata.labels?.[HASH_LABEL] ?? '',
      proxy: await callerAt(status?.podIP ?? '', NAMESPACE),
    })),
  );
}

type Counted = Awaited<ReturnType<Caller['counted']>>;

async function countedBy(proxies: readonly Caller[], host: string): Promise<Counted> {
  const counts = await Promise.all(proxies.map((proxy) => proxy.counted(host, 'DI')));
  return counts.reduce((sum, one) => ({ all: sum.all + one.all, flagged: sum.flagged + one.flagged }));
}

const since = (before: Counted, now: Counted) => ({ all: now.all - before.all, flagged: now.flagged - before.flagged });

/** Fails where so many hits would come in fewer than one of a thousand times; 3.29 standard deviations on both sides. */
function expectShare({ all, flagged }: Counted, share: number): void {
  const spread = 3.29 * Math.sqrt(all * share * (1 - share)) + 0.5;
  expect(flagged).toBeGreaterThanOrEqual(all * share - spread);
  expect(flagged).toBeLessThanOrEqual(all * share + spread);
}

interface ByVersion {
  readonly canary: Counted;
  readonly stable: Counted;
}

/** What both versions grow by while the canary's requests grow by ENOUGH, with the fault in place all the time. */
async function whileInjected(counts: () => Promise<ByVersion>): Promise<ByVersion> {
  const from = await counts();
  let now = from;
  const isEnough = async () => {
    now = await counts();
    return now.canary.all - from.canary.all >= ENOUGH;
  };
  await eventually(`${ENOUGH} requests of the canary`, isEnough, { withinMs: MINUTE_MS, lastSeen: () => now });
  return { canary: since(from.canary, now.canary), stable: since(from.stable, now.stable) };
}

describe('a fault for one version of the callers', () => {
  it('touches its requests alone, in the asked share, and its users are judged beside those of the other', async () => {
    const proxies = await proxiesOf(RELEASED);
    const by = (revision: string) => proxies.filter((one) => one.revision === revision).map(({ proxy }) => proxy);
    const configOf = (revision: string) => Promise.all(by(revision).map((proxy) => proxy.configOf(DEPENDENCY)));
    const counts = async () => ({
      canary: await countedBy(by(canary), DEPENDENCY),
      stable: await countedBy(by(stable), DEPENDENCY),
    });
    const [before, rest] = [await counts(), { canary: await configOf(canary), stable: await configOf(stable) }];
    await create('callers', {
      target: { service: { name: DEPENDENCY, port: 80 } },
      callers: { matchLabels: { app: RELEASED }, revision: 'Canary' },
      ramp: [{ percentage: 100 * SHARE, for: '30s' }],
      steadyState: STEADY,
    });
    await eventually('the fault in the canary', async () => !isDeepStrictEqual(await configOf(canary), rest.canary), {
      withinMs: MINUTE_MS,
    });
    const during = await whileInjected(counts);
    expect(await configOf(stable)).toEqual(rest.stable);
    const status = await toEnd('callers');
    expect(await configOf(canary)).toEqual(rest.canary);
    const over = since(before.stable, (await counts()).stable);
    figure('versions: callers', { asked: SHARE, ...during, seen: status.seen, report: status.report });
    expect(status).toMatchObject({ verdict: 'Passed', reason: 'Completed' });
    expectShare(during.canary, SHARE);
    expect(during.stable.all).toBeGreaterThan(ENOUGH / 2);
    expect(over.flagged).toBe(0);
    expect(status.report).toMatch(/0 of [\d,]+ failed under the fault, 0 of [\d,]+ without/);
    expect(status.report).toContain(canary);
    for (const { proxy } of proxies) proxy.close();
  });

  it('is denied where no release is in progress', async () => {
    await create('nobody', {
      target: { service: { name: RELEASED, port: 80 } },
      callers: { matchLabels: { app: 'web' }, revision: 'Stable' },
      ramp: [{ percentage: 30, for: '30s' }],
    });
    expect(await toEnd('nobody')).toMatchObject({
      reason: 'Denied',
      message: expect.stringMatching(/NoRelease: spec\.callers\.revision: .* start one first/),
    });
  });
});

describe('a fault for one version of the target', () => {
  it('touches requests that the release sends there, in the asked share, and no other', async () => {
    const web = (await proxiesOf('web')).map(({ proxy }) => proxy);
    const configs = (host: string) => Promise.all(web.map((proxy) => proxy.configOf(host)));
    const counts = async () => ({
      canary: await countedBy(web, `${RELEASED}-${canary}`),
      stable: await countedBy(web, `${RELEASED}-${stable}`),
    });
    const [before, rest] = [await counts(), await configs(RELEASED)];
    await create('target', {
      target: { service: { name: RELEASED, port: 80 }, revision: 'Canary' },
      callers: { matchLabels: { app: 'web' } },
      ramp: [{ percentage: 100 * SHARE, for: '30s' }],
    });
    await eventually('the fault in the proxy', async () => !isDeepStrictEqual(await configs(RELEASED), rest), {
      withinMs: MINUTE_MS,
    });
    const during = await whileInjected(counts);
    const status = await toEnd('target');
    expect(await configs(RELEASED)).toEqual(rest);
    const over = since(before.stable, (await counts()).stable);
    figure('versions: target', { asked: SHARE, ...during, seen: status.seen });
    expect(status).toMatchObject({ reason: 'Completed', seen: { touched: expect.any(Number) } });
    expectShare(during.canary, SHARE);
    expect(during.stable.all).toBeGreaterThan(ENOUGH / 2);
    expect(over.flagged).toBe(0);
    for (const proxy of web) proxy.close();
  });
});

describe('the end of the release', () => {
  it('ends the experiment, which never touches another version instead', async () => {
    const proxies = await proxiesOf(RELEASED);
    const ofStable = proxies.filter(({ revision }) => revision === stable).map(({ proxy }) => proxy);
    const before = await countedBy(ofStable, DEPENDENCY);
    await create('over', {
      target: { service: { name: DEPENDENCY, port: 80 } },
      callers: { matchLabels: { app: RELEASED }, revision: 'Canary' },
      ramp: [{ percentage: 30, for: '20m' }],
    });
    await experiments.until('over', 'injects', ({ phase, seen }) => phase === 'Injecting' && (seen?.touched ?? 0) > 0);
    await kube.mergePatch(
      { kind: kinds.rollout, namespace: NAMESPACE, name: RELEASED },
      { spec: { action: { type: 'Abort', revision: canary } } },
      USER,
    );
    expect(await toEnd('over')).toMatchObject({
      ...{ verdict: 'Inconclusive', reason: 'ReleaseOver' },
      message: expect.stringContaining('spec.callers.revision'),
    });
    await shop.until('the Rollout is at rest', ({ status }) => status?.phase === 'Idle');
    const stray = since(before, await countedBy(ofStable, DEPENDENCY));
    figure('versions: the release ended', { stable: stray });
    expect(stray.flagged).toBe(0);
    expect(await experiments.leftovers()).toEqual([]);
    for (const { proxy } of proxies) proxy.close();
  });
});
