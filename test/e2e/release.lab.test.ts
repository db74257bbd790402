import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RELEASED } from '../../lab/shop/manifests.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { ReplicaSet } from '../../src/workloads/objects.ts';
import { isReady } from '../../src/workloads/pods.ts';
import { HASH_LABEL } from '../../src/workloads/revision.ts';
import { figure } from './support/figures.ts';
import { openScene, releaseToEnd, type Scene } from './support/scene.ts';

const NAMESPACE = 'e2e-release';
const RATE = 200;
const REPLICAS = 4;
const REQUESTS = 20_000;

let scene: Scene;
beforeAll(async () => {
  scene = await openScene({
    namespace: NAMESPACE,
    rate: RATE,
    replicas: REPLICAS,
    rollout: { analysis: { bake: '50s' } },
  });
});
afterAll(() => scene?.close());

describe('a good release under 200 requests a second', () => {
  it('is promoted without one failed request, on the pods that were judged, and leaves nothing behind', async () => {
    const { kube, shop, witness } = scene;
    const before = await shop.report();
    const startedAt = Date.now();
    const pipeline = promisify(execFile)('kubectl', [
      '-n',
      NAMESPACE,
      'rollout',
      'status',
      `deployment/${RELEASED}`,
      '--timeout=280s',
    ]);
    const { rollout, last } = await releaseToEnd(shop, 'v2');
    const seconds = (Date.now() - startedAt) / 1000;
    const after = await shop.report(startedAt);

    expect(last).toMatchObject({ outcome: 'Promoted', failedRequests: 0 });
    expect(after.failures).toEqual([]);
    expect(after.failed).toBe(before.failed);
    expect(after.done - before.done).toBeGreaterThanOrEqual(REQUESTS);
    figure('good release', { seconds, requests: after.done - before.done, failed: after.failed - before.failed });

    // No pod of the new version was started twice, and those that were judged are those that serve.
    const { revision } = last;
    const pods = await shop.pods();
    expect(witness.podsOf(revision).size).toBe(REPLICAS);
    expect(new Set(pods.filter(isReady).map(({ metadata }) => metadata.uid))).toEqual(witness.podsOf(revision));
    expect(pods.every((pod) => pod.metadata.labels?.[HASH_LABEL] === revision)).toBe(true);
    expect(
      pods.flatMap((pod) => pod.status?.containerStatuses ?? []).every(({ restartCount }) => restartCount === 0),
    ).toBe(true);
    expect(witness.weightsOf(revision)).toEqual([0, 5, 25, 50, 100, 0]);

    // The Deployment owns them, and whoever waits for it by the usual means was answered.
    const replicaSets = (
      await kube.list<ReplicaSet>(kinds.replicaSet, { namespace: NAMESPACE, labelSelector: `app=${RELEASED}` })
    ).items;
    const running = replicaSets.filter(({ spec }) => (spec.replicas ?? 0) > 0);
    expect(running.map(({ metadata }) => metadata.ownerReferences?.map(({ kind }) => kind))).toEqual([['Deployment']]);
    expect((await pipeline).stdout).toContain('successfully rolled out');
    expect(rollout.status).toMatchObject({ phase: 'Idle', stable: { revision } });

    // Routes are as they were: there were none, and the revision Services are gone.
    expect((await kube.list(kinds.virtualService, { namespace: NAMESPACE })).items).toEqual([]);
    const services = (await kube.list(kinds.service, { namespace: NAMESPACE })).items;
    expect(services.map(({ metadata }) => metadata.name).sort()).toEqual([RELEASED, 'web']);
  });
});

describe('a bad release: 30 % errors from a first step of 5 %', () => {
  const RUNS = 5;
  /** Two scrapes of 5 s and 2 s for everything else. */
  const LONGEST_EXPOSURE_S = 12;

  it(`is taken back within two scrapes in each of ${RUNS} runs, and stable never loses a pod`, async () => {
    const { shop, witness } = scene;
    const stable = (await shop.rollout()).status?.stable?.revision ?? '';
    const exposures: number[] = [];
    const costs: number[] = [];
    for (let run = 1; run <= RUNS; run += 1) {
      const version = `bad${run}`;
      const { last } = await releaseToEnd(shop, version, { ERROR_RATIO: '0.3' });
      expect(last).toMatchObject({ outcome: 'RolledBack' });
      const { versions } = await shop.report();
      const answered = versions[`${RELEASED}=${version}`];
      if (answered === undefined) throw new Error(`${version} answered nothing`);
      const exposure = (answered.lastAtMs - answered.firstAtMs) / 1000;
      exposures.push(exposure);
      costs.push(answered.failed);
      // What the status says it cost is what the callers saw.
      expect(last.failedRequests).toBe(answered.failed);
    }
    figure('bad release', { exposureSeconds: exposures, failedRequests: costs });
    expect(Math.max(...exposures)).toBeLessThanOrEqual(LONGEST_EXPOSURE_S);
    expect(witness.fewestReady(stable, REPLICAS)).toBe(REPLICAS);
  });
});
