import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setBehaviour } from '../../lab/echo/control.ts';
import { RELEASED } from '../../lab/shop/manifests.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { KubeObject } from '../../src/kube/port.ts';
import { watchQuietly } from './support/quiet.ts';
import { openScene, type Scene } from './support/scene.ts';

const NAMESPACE = 'e2e-routes';
const NAME = 'checkout-routes';

/** A route as users have them: a header rule, a rewrite with retries and a header of its own, a catch-all. */
const userRoute = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: NAME, namespace: NAMESPACE },
  spec: {
    hosts: [RELEASED],
    http: [
      {
        name: 'internal',
        match: [{ headers: { 'x-internal': { exact: 'yes' } } }],
        route: [{ destination: { host: 'web' } }],
      },
      {
        name: 'api',
        match: [{ uri: { prefix: '/api/' } }],
        rewrite: { uri: '/' },
        retries: { attempts: 3, perTryTimeout: '2s' },
        timeout: '5s',
        route: [
          {
            destination: { host: RELEASED, port: { number: 80 } },
            headers: { request: { set: { 'x-route': 'api' } } },
          },
        ],
      },
      { name: 'rest', route: [{ destination: { host: RELEASED } }] },
    ],
  },
} as const;

const userPolicy = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: RELEASED, namespace: NAMESPACE },
  spec: { host: RELEASED, trafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: 100 } } } },
} as const;

/** Longer than it takes to see the split and then to edit, shorter than that and what is watched after it. */
const steps = [{ weight: 10, hold: '20s' }, { weight: 100 }];
const ref = { kind: kinds.virtualService, namespace: NAMESPACE, name: NAME };

interface VirtualService extends KubeObject {
  readonly spec: { readonly http: readonly { readonly route: readonly { readonly weight?: number }[] }[] };
}

let scene: Scene;
beforeAll(async () => {
  scene = await openScene({
    namespace: NAMESPACE,
    rate: 50,
    replicas: 2,
    port: 9473,
    rollout: { virtualService: NAME, steps, analysis: { bake: '3s' } },
    prepare: async (shop) => {
      await shop.apply(userRoute);
      await shop.apply(userPolicy);
    },
  });
});
afterAll(() => scene?.close());

const read = async (): Promise<VirtualService> => {
  const found = await scene.kube.get<VirtualService>(ref);
  if (found === undefined) throw new Error('the VirtualService is gone');
  return found;
};

/** Waits until the canary has its first weight and was seen to have it. */
const atFirstStep = () => scene.shop.until('the canary has 10 %', ({ status }) => status?.machine?.state === 'Holding');
const isAtRest = (count: number) => (rollout: Awaited<ReturnType<typeof scene.shop.rollout>>) =>
  rollout.status?.phase === 'Idle' && (rollout.status.history?.length ?? 0) > count;
const historyLength = async () => (await scene.shop.rollout()).status?.history?.length ?? 0;

describe("the user's own VirtualService", () => {
  it('carries the weights in just the rules that go to the service, and is restored byte for byte', async () => {
    const { shop, kube } = scene;
    const before = await read();
    const failed = (await shop.report()).failed;
    await shop.release('v2');
    await atFirstStep();
    const during = await read();
    expect(during.spec.http[0]).toEqual(before.spec.http[0]);
    expect(during.spec.http.slice(1).map(({ route }) => route.map(({ weight }) => weight))).toEqual([
      [90, 10],
      [90, 10],
    ]);
    // The circuit breaker of the plain host holds for both versions.
    const policies = (await kube.list<typeof userPolicy & KubeObject>(kinds.destinationRule, { namespace: NAMESPACE }))
      .items;
    expect(policies.map(({ spec }) => spec.trafficPolicy)).toEqual([1, 2, 3].map(() => userPolicy.spec.trafficPolicy));
    await shop.until(
      'v2 is promoted',
      ({ status }) => status?.phase === 'Idle' && status.history?.at(-1)?.outcome === 'Promoted',
    );
    const after = await read();
    expect(JSON.stringify(after.spec)).toBe(JSON.stringify(before.spec));
    expect(after.metadata.managedFields).toEqual(before.metadata.managedFields);
    expect((await kube.list(kinds.destinationRule, { namespace: NAMESPACE })).items).toHaveLength(1);
    expect((await shop.report()).failed).toBe(failed);
  });

  it('that is edited by hand mid-release stops the release, which says so and writes nothing until the edit is undone', async () => {
    const { shop, kube } = scene;
    const count = await historyLength();
    await shop.release('v3');
    await atFirstStep();
    const ours = await read();
    const path = '/spec/http/2/route/1/weight';
    const weights = [
      { op: 'replace', path: '/spec/http/2/route/0/weight', value: 60 },
      { op: 'replace', path, value: 40 },
    ] as const;
    await kube.jsonPatch(ref, weights, { fieldManager: 'somebody' });
    const stopped = await shop.until(
      'the edit is reported',
      ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Stalled' && is === 'True') === true,
    );
    expect(stopped.status?.message).toMatch(new RegExp(`VirtualService.*${NAME}`));
    expect(stopped.status?.message).toMatch(/undo|resume/);
    const edited = await read();
    // Holds and hold times pass; nothing is written.
    await watchQuietly(12_000, async () => {
      expect((await read()).metadata.resourceVersion).toBe(edited.metadata.resourceVersion);
    });
    await kube.jsonPatch(ref, [{ op: 'replace', path: '/spec', value: ours.spec }], { fieldManager: 'somebody' });
    const done = await shop.until('the release goes on and ends', isAtRest(count));
    expect(done.status?.history?.at(-1)).toMatchObject({ outcome: 'Promoted' });
  });

  it('is written over with the consent of an operator, who resumes after the edit', async () => {
    const { shop, kube } = scene;
    const count = await historyLength();
    const before = await read();
    await shop.release('v4');
    const midway = await atFirstStep();
    await kube.jsonPatch(ref, [{ op: 'replace', path: '/spec/http/1/timeout', value: '9s' }], {
      fieldManager: 'somebody',
    });
    await shop.until(
      'the edit is reported',
      ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Stalled' && is === 'True') === true,
    );
    const action = { type: 'Resume', revision: midway.status?.canary?.revision, id: `resume-${Date.now()}` };
    await kube.mergePatch(
      { kind: kinds.rollout, namespace: NAMESPACE, name: RELEASED },
      { spec: { action } },
      { fieldManager: 'operator' },
    );
    const done = await shop.until('the release goes on and ends', isAtRest(count));
    expect(done.status?.history?.at(-1)).toMatchObject({ outcome: 'Promoted' });
    expect(JSON.stringify((await read()).spec)).toBe(JSON.stringify(before.spec));
  });

  it('does not keep harm alive: a bad version is taken back from an edited route too, and that is told', async () => {
    const { shop, kube } = scene;
    await shop.addRollout({
      virtualService: NAME,
      steps: [{ weight: 10, hold: '2m' }, { weight: 100 }],
      analysis: { bake: '3s' },
    });
    const count = await historyLength();
    await shop.release('v5');
    await atFirstStep();
    const path = '/spec/http/2/route/1/weight';
    const weights = [
      { op: 'replace', path: '/spec/http/2/route/0/weight', value: 50 },
      { op: 'replace', path, value: 50 },
    ] as const;
    await kube.jsonPatch(ref, weights, { fieldManager: 'somebody' });
    const revision = (await shop.rollout()).status?.canary?.revision;
    const canary = (await shop.pods()).find(({ metadata }) => metadata.labels?.['pod-template-hash'] === revision);
    if (canary?.status?.podIP === undefined) throw new Error('the canary has no pod with an address');
    await setBehaviour(canary.status.podIP, { errorRatio: 1 });
    const done = await shop.until('the release is taken back', isAtRest(count));
    expect(done.status?.history?.at(-1)).toMatchObject({ outcome: 'RolledBack' });
    const events = (await kube.list<KubeObject & { readonly reason: string }>(kinds.event, { namespace: NAMESPACE }))
      .items;
    expect(events.map(({ reason }) => reason)).toContain('ForeignRouteReplaced');
  });
});
