import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ControllerProcess } from '../../lab/shop/controller-process.ts';
import { createShop, type Shop } from '../../lab/shop/shop.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kube } from '../../src/kube/port.ts';
import { FLOWS_QUERY } from '../../src/metrics/flows.ts';
import { eventually } from '../support/eventually.ts';
import {
  applyPolicy,
  controllerOf,
  type ExperimentStatus,
  type Experiments,
  experimentsIn,
} from './support/experiments.ts';

const NAMESPACE = 'e2e-safety';
const PORT = 9488;
const USER = { fieldManager: 'tester' } as const;
const POLICY = { kind: kinds.safetyPolicy, name: 'default' } as const;
const MINUTE_MS = 60_000;

/** load → web → checkout, which is released: half of all requests go to each of the two. */
const ON_CHECKOUT = { target: { service: { name: 'checkout', port: 80 } }, callers: { matchLabels: { app: 'web' } } };
const ON_WEB = { target: { service: { name: 'web', port: 80 } }, callers: { matchLabels: { app: 'load' } } };
const FAULT = {
  fault: { abort: { httpStatus: 503 } },
  ramp: [{ percentage: 4, for: '10m' }],
  ...{ baseline: '10s', fuse: '20s' },
};

let kube: Kube;
let shop: Shop;
let controller: ControllerProcess;
let experiments: Experiments;

beforeAll(async () => {
  kube = createKube();
  experiments = experimentsIn(kube, NAMESPACE, FAULT);
  shop = createShop(kube, { namespace: NAMESPACE, rate: 100 });
  await shop.open();
  // Who calls whom is asked every 15 s: of a service that has just begun the first answer would know nothing.
  await eventually('Prometheus knows who calls checkout', knowsCallers, { withinMs: MINUTE_MS });
  controller = await controllerOf(NAMESPACE, { port: PORT });
}, 180_000);

afterEach(async () => {
  await kube.delete(POLICY);
});

afterAll(async () => {
  await kube?.delete(POLICY);
  // Its Rollout is let go by the controller.
  await shop?.close();
  await controller?.stop();
});

async function knowsCallers(): Promise<boolean> {
  const url = new URL('/api/v1/query', process.env['PROMETHEUS_URL']);
  url.searchParams.set('query', FLOWS_QUERY);
  const answer = (await (await fetch(url)).json()) as {
    readonly data: { readonly result: readonly { readonly metric: Readonly<Record<string, string>> }[] };
  };
  return answer.data.result.some(
    ({ metric }) => metric['destination_service_namespace'] === NAMESPACE && metric['source_workload'] === 'web',
  );
}

const policy = (spec: object) => applyPolicy(kube, spec);
const create = (name: string, spec: object) => experiments.create(name, spec);
const injects = (name: string) => experiments.until(name, 'injects', ({ phase }) => phase === 'Injecting');
const ends = (name: string) => experiments.toEnd(name);
const waitsFor = (name: string, reason: string) =>
  experiments.until(
    name,
    `waits: ${reason}`,
    (status) => status.phase === 'Pending' && admitted(status)?.reason === reason,
  );
const admitted = ({ conditions = [] }: Pick<ExperimentStatus, 'conditions'>) =>
  conditions.find(({ type }) => type === 'Admitted');
const stop = (name: string) => kube.mergePatch(experiments.refOf(name), { spec: { stop: true } }, USER);

const isHeld = (reason: string) => (rollout: Rollout) =>
  rollout.status?.phase === 'Idle' && rollout.status.waiting?.reason === reason;
const isUnderWay = ({ status }: Rollout) => status?.canary !== undefined;
const isAtRest = ({ status }: Rollout) => status?.phase === 'Idle' && status.canary === undefined;

describe('a freeze', () => {
  it('lets neither release nor experiment begin, and both as soon as it is over', async () => {
    await shop.addRollout({ steps: [{ weight: 50, hold: '1s' }, { weight: 100 }] });
    await shop.until('is adopted', isAtRest);
    await policy({ freeze: true, reason: 'black week' });
    await shop.release('v2');
    const { status } = await shop.until('is held', isHeld('Frozen'));
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Frozen',
    });
    expect(status?.message).toMatch(/black week; `sluice unfreeze` ends it/);
    await create('frozen', ON_CHECKOUT);
    expect(admitted(await waitsFor('frozen', 'Frozen'))).toMatchObject({ status: 'False' });
    await policy({ freeze: false });
    await shop.until('begins', isUnderWay);
    await experiments.until('frozen', 'begins', ({ phase }) => phase === 'Baseline');
    await stop('frozen');
    await ends('frozen');
  }, 180_000);
});

describe('neighbours', () => {
  it('wait for one another: an experiment for a release, and a release for an experiment', async () => {
    await create('neighbour', ON_WEB);
    expect((await waitsFor('neighbour', 'NeighbourHeld')).message).toMatch(`Rollout ${NAMESPACE}/checkout`);
    await shop.until('is over', isAtRest);
    const { neighbours } = await experiments.until('neighbour', 'begins', ({ phase }) => phase === 'Baseline');
    expect(neighbours).toContain(`${NAMESPACE}/checkout`);
    await shop.release('v3');
    const { status } = await shop.until('is held', isHeld('NeighbourHeld'));
    expect(status?.message).toMatch(`ChaosExperiment ${NAMESPACE}/neighbour`);
    await stop('neighbour');
    await shop.until('begins', isUnderWay);
    await shop.until('is over', isAtRest);
  }, 240_000);
});

describe('the ledger', () => {
  it('lets the later of two wait, names the holder, and ends who is above a cap', async () => {
    // 4 % of half of all requests each: 2 % of all.
    await policy({ limits: { serviceRequestShare: 5, totalRequestShare: 3 } });
    await create('first', ON_CHECKOUT);
    await injects('first');
    await create('second', ON_WEB);
    const { message } = await waitsFor('second', 'ShareExceeded');
    expect(message).toMatch(/totalRequestShare 3 %/);
    expect(message).toMatch(`${NAMESPACE}/first touches`);
    await policy({ limits: { serviceRequestShare: 5, totalRequestShare: 1 } });
    expect(await ends('first')).toMatchObject({ reason: 'ShareExceeded', verdict: 'Inconclusive' });
    await policy({ limits: { serviceRequestShare: 5, totalRequestShare: 3 } });
    await injects('second');
    // What is decided is written down first.
    await eventually(
      'only the second fault is there',
      async () => {
        const { items } = await kube.list(kinds.envoyFilter, { namespace: NAMESPACE });
        return items.length === 1 && items[0]?.metadata.name === 'sluice-second';
      },
      { withinMs: MINUTE_MS },
    );
  }, 240_000);
});

describe('a veto', () => {
  it('ends who injects, and lets nobody begin', async () => {
    await policy({ vetoes: [{ name: 'quiet', query: 'up == 7' }] });
    await create('vetoed', ON_CHECKOUT);
    await injects('vetoed');
    await policy({ vetoes: [{ name: 'pages', query: 'up == 1' }] });
    for (const name of ['second', 'vetoed']) {
      expect(await ends(name)).toMatchObject({ reason: 'Denied', message: expect.stringMatching(/Vetoed: .*pages/) });
    }
    await create('later', ON_CHECKOUT);
    expect((await waitsFor('later', 'Vetoed')).message).toMatch(/pages \({/);
    expect(await experiments.leftovers()).toEqual([]);
  }, 180_000);
});
