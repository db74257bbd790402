import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setBehaviour } from '../../lab/echo/control.ts';
import type { ControllerProcess } from '../../lab/shop/controller-process.ts';
import { createShop, type Shop } from '../../lab/shop/shop.ts';
import type { ChaosExperiment } from '../../src/api/chaos-experiment.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kube, KubeObject } from '../../src/kube/port.ts';
import { HASH_LABEL } from '../../src/workloads/revision.ts';
import { eventually } from '../support/eventually.ts';
import { controllerOf, type Experiments, experimentsIn } from './support/experiments.ts';

const NAMESPACE = 'e2e-gates';
const PORT = 9491;
const MINUTE_MS = 60_000;

/** load → web → checkout → payments: checkout is released, and payments refuses its calls meanwhile. */
const TARGET = { service: { name: 'payments', port: 80 } };
const GATE = {
  name: 'payments-429',
  at: { weight: 25 },
  experiment: {
    target: TARGET,
    fault: { throttle: { requestsPerSecond: 10, status: 429, retryAfter: '1s' } },
    ...{ duration: '30s', baseline: '10s', fuse: '30s', limits: { requestShare: 100 } },
  },
};
const ROLLOUT = {
  steps: [{ weight: 25, hold: '10s' }, { weight: 100 }],
  analysis: { bake: '10s', deadline: '10m' },
};
/** Asks again at once, and again: five calls for one, until its users get an error. */
const STORM = { RETRIES: '4', REFUSALS_FAIL: 'true' };

let kube: Kube;
let shop: Shop;
let controller: ControllerProcess;
let experiments: Experiments;

beforeAll(async () => {
  kube = createKube();
  experiments = experimentsIn(kube, NAMESPACE);
  shop = createShop(kube, { namespace: NAMESPACE, withDependency: true });
  await shop.open();
  controller = await controllerOf(NAMESPACE, { port: PORT });
}, 180_000);

afterAll(async () => {
  // The controller lets go of the Rollout.
  await shop?.close();
  await controller?.stop();
});

const isAtRest = ({ status }: Rollout) => status?.phase === 'Idle' && status.canary === undefined;

async function toEnd(startedAt: number): Promise<NonNullable<NonNullable<Rollout['status']>['history']>[number]> {
  const ended = ({ status }: Rollout) =>
    (status?.history ?? []).filter(({ startedAt: began }) => Date.parse(began) >= startedAt);
  const rollout = await shop.until(
    'the release is over',
    (one) => isAtRest(one) && ended(one).length > 0,
    5 * MINUTE_MS,
  );
  const [last] = ended(rollout);
  if (last === undefined) throw new Error('no release is on record');
  return last;
}

const tried = async () =>
  (await kube.list<ChaosExperiment & KubeObject>(kinds.chaosExperiment, { namespace: NAMESPACE })).items;

describe('a gate of a release', () => {
  it('passes a version that bears what its dependency refuses', async () => {
    await shop.addRollout({ ...ROLLOUT, resilience: [GATE] });
    await shop.until('it is adopted', isAtRest);
    const begun = Date.now();
    await shop.release('v2');
    await shop.until('the gate is passed', ({ status }) => status?.gates?.[0]?.state === 'Passed', 3 * MINUTE_MS);
    expect(await toEnd(begun)).toMatchObject({ outcome: 'Promoted' });
    const [first] = await tried();
    expect(first).toMatchObject({
      metadata: { labels: { 'sluice.dev/gate-of': 'checkout', 'sluice.dev/gate': 'payments-429' } },
      status: { verdict: 'Passed' },
    });
    expect(first?.status?.seen?.touched).toBeGreaterThan(100);
    expect(await experiments.leftovers()).toEqual([]);
    expect((await shop.report(begun)).failures).toEqual([]);
  });

  it('takes back one that asks again and again, and says why in one sentence', async () => {
    const begun = Date.now();
    await shop.release('v3', STORM);
    const { outcome, reason, message } = await toEnd(begun);
    expect({ outcome, reason }).toEqual({ outcome: 'RolledBack', reason: 'ResilienceGateFailed' });
    expect(message).toMatch(
      /^gate payments-429: availability: The canary fails more often than stable: .* against harmless; \d+ of \d+ failed, stable 0 of [\d,]+$/,
    );
    await eventually('nothing is left of the fault', async () => (await experiments.leftovers()).length === 0, {
      withinMs: MINUTE_MS,
    });
    // The stable version bears the fault that was there all the time.
    const { failures } = await shop.report(begun);
    expect(failures.filter(({ versions }) => !versions.includes('checkout=v3'))).toEqual([]);
  });
});

describe("somebody's experiment while a version is released", () => {
  it('ends first when the new version breaks; what is left is the version’s own', async () => {
    await shop.addRollout({ ...ROLLOUT, steps: [{ weight: 25, hold: '4m' }, { weight: 100 }] });
    await shop.until('it is at rest', isAtRest);
    const begun = Date.now();
    await shop.release('v4', { RETRIES: '0' });
    await shop.until('it has requests', ({ status }) => status?.waiting?.reason === 'Watching');
    await experiments.create('slow-payments', {
      target: TARGET,
      callers: { matchLabels: { app: 'checkout' }, revision: 'Canary' },
      limits: { requestShare: 100 },
      ...{ fault: { delay: { fixed: '20ms' } }, ramp: [{ percentage: 50, for: '4m' }], baseline: '10s' },
    });
    await shop.until('the release waits for it', ({ status }) => status?.waiting?.reason === 'UnderFault');
    const { status: now } = await shop.rollout();
    const pods = (await shop.pods()).filter(({ metadata }) => metadata.labels?.[HASH_LABEL] === now?.canary?.revision);
    expect(pods.length).toBeGreaterThan(0);
    for (const { status } of pods) {
      const { podIP = '' } = status as { readonly podIP?: string };
      await setBehaviour(podIP, { errorRatio: 0.5 });
    }
    await eventually(
      'the experiment was told to stop',
      async () => (await experiments.find('slow-payments'))?.spec.stop === true,
      { withinMs: MINUTE_MS },
    );
    expect(await toEnd(begun)).toMatchObject({ outcome: 'RolledBack', reason: 'HarmAgainstStable' });
    const stopped = await experiments.find('slow-payments');
    const ended = Date.parse(stopped?.status?.finishedAt ?? '');
    const { history = [] } = (await shop.rollout()).status ?? {};
    expect(ended).toBeLessThan(Date.parse(history.at(-1)?.finishedAt ?? ''));
    expect(await experiments.leftovers()).toEqual([]);
  });
});
