import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setBehaviour } from '../../lab/echo/control.ts';
import { RELEASED } from '../../lab/shop/manifests.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Deployment, Pod } from '../../src/workloads/objects.ts';
import { isReady } from '../../src/workloads/pods.ts';
import { HASH_LABEL } from '../../src/workloads/revision.ts';
import { openScene, type Scene } from './support/scene.ts';

const NAMESPACE = 'e2e-scaling';
const SIZE = 4;
const ref = { kind: kinds.deployment, namespace: NAMESPACE, name: RELEASED };

let scene: Scene;
beforeAll(async () => {
  const steps = [{ weight: 50, hold: '45s' }, { weight: 100 }];
  scene = await openScene({
    namespace: NAMESPACE,
    rate: 60,
    replicas: SIZE,
    port: 9474,
    rollout: { steps, analysis: { bake: '1s' } },
  });
});
afterAll(() => scene?.close());

/** As a HorizontalPodAutoscaler does it. */
const scale = (replicas: number) =>
  scene.kube.mergePatch(ref, { spec: { replicas } }, { fieldManager: 'autoscaler', subresource: 'scale' });

const atHalf = () =>
  scene.shop.until(
    'both versions have half',
    ({ status }) => status?.weight?.applied === 50 && status.machine?.state === 'Holding',
  );

async function readyPods(): Promise<(revision: string | undefined) => readonly Pod[]> {
  const pods = (await scene.shop.pods()).filter(isReady);
  return (revision) => pods.filter((pod) => pod.metadata.labels?.[HASH_LABEL] === revision);
}

async function untilReady(revision: string | undefined, count: number): Promise<void> {
  await scene.shop.until(`${revision} has ${count} ready pods`, ({ status }) =>
    [status?.stable, status?.canary].some(
      (version) => version?.revision === revision && version?.readyReplicas === count,
    ),
  );
}

describe('scaling in the middle of a release, as an autoscaler does it', () => {
  it('sizes the canary for its share of a grown service, and never below its share of the size at the start', async () => {
    const { shop, kube } = scene;
    const before = await shop.report();
    await shop.release('v2');
    const { status } = await atHalf();
    const [stable, canary] = [status?.stable?.revision, status?.canary?.revision];
    expect((await readyPods())(canary)).toHaveLength(SIZE / 2);

    await scale(8);
    await untilReady(stable, 8);
    await untilReady(canary, 4);
    // An autoscaler that counts the pods of both versions sees half the load on each and shrinks the service.
    await scale(2);
    await untilReady(stable, 2);
    expect((await readyPods())(canary)).toHaveLength(4);

    await shop.until(
      'v2 is promoted',
      (rollout) => rollout.status?.phase === 'Idle' && rollout.status.history?.at(-1)?.outcome === 'Promoted',
    );
    const deployment = await kube.get<Deployment>(ref);
    expect(deployment?.spec.replicas).toBe(SIZE);
    expect((await readyPods())(canary)).toHaveLength(SIZE);
    expect((await shop.report()).failed).toBe(before.failed);
  });

  it('gives stable its size at the start back when a bad version is taken back', async () => {
    const { shop, kube } = scene;
    await shop.release('v3');
    const { status } = await atHalf();
    const [stable, canary] = [status?.stable?.revision, status?.canary?.revision];
    await scale(2);
    await untilReady(stable, 2);
    for (const pod of (await readyPods())(canary)) await setBehaviour(pod.status?.podIP ?? '', { errorRatio: 1 });
    await shop.until(
      'v3 is taken back',
      (rollout) => rollout.status?.phase === 'Idle' && rollout.status.history?.at(-1)?.outcome === 'RolledBack',
    );
    expect((await kube.get<Deployment>(ref))?.spec.replicas).toBe(SIZE);
    await untilReady(stable, SIZE);
  });
});
