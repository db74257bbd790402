import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RELEASED } from '../../lab/shop/manifests.ts';
import { openScene, type Scene } from './support/scene.ts';

const NAMESPACE = 'e2e-superseded';

let scene: Scene;
beforeAll(async () => {
  const steps = [{ weight: 5, hold: '5s' }, { weight: 50, hold: '30s' }, { weight: 100 }];
  scene = await openScene({ namespace: NAMESPACE, rate: 100, replicas: 2, port: 9472, rollout: { steps } });
});
afterAll(() => scene?.close());

describe('a newer template while a release is in progress', () => {
  it('takes the first canary to weight 0 before its own release begins, step by step', async () => {
    const { shop, witness } = scene;
    const before = await shop.report();
    const startedAt = Date.now();
    await shop.release('v2');
    const midway = await shop.until(
      'v2 has 50 %',
      ({ status }) => status?.weight?.desired === 50 && status.weight.applied === 50,
    );
    const first = midway.status?.canary?.revision ?? '';
    await shop.release('v3');
    const end = await shop.until(
      'v3 is promoted',
      ({ status }) => status?.phase === 'Idle' && status.history?.at(-1)?.outcome === 'Promoted',
    );
    const second = end.status?.stable?.revision ?? '';
    expect(end.status?.history?.map(({ revision, outcome }) => [revision, outcome])).toEqual([
      [first, 'Superseded'],
      [second, 'Promoted'],
    ]);
    expect(witness.weightsOf(first)).toEqual([0, 5, 50, 0]);
    expect(witness.weightsOf(second)).toEqual([0, 5, 50, 100, 0]);

    // v2 was without weight before v3 had any: in no route do both appear.
    const both = witness
      .routes()
      .filter(({ weights }) =>
        [first, second].every((revision) => Object.keys(weights).some((host) => host.includes(revision))),
      );
    expect(both).toEqual([]);

    // Nobody was answered by v3 before its first step; what it answered then is what 5 % of the requests come to.
    const report = await shop.report(startedAt);
    const v3At = (weight: number) =>
      witness
        .routes()
        .find(({ weights }) =>
          Object.entries(weights).some(([host, share]) => host.includes(second) && share === weight),
        )?.atMs ?? Number.NaN;
    expect(report.versions[`${RELEASED}=v3`]?.firstAtMs).toBeGreaterThan(v3At(5) - 1_000);
    const duringFirstStep = report.seconds.filter(({ atMs }) => atMs > v3At(5) + 1_000 && atMs + 2_000 < v3At(50));
    const answered = duringFirstStep.reduce((sum, { byVersion }) => sum + (byVersion[`${RELEASED}=v3`] ?? 0), 0);
    const requests = duringFirstStep.reduce((sum, second) => sum + second.requests, 0);
    expect(requests).toBeGreaterThan(300);
    expect(Math.abs(answered - requests * 0.05)).toBeLessThan(5 * Math.sqrt(requests * 0.05 * 0.95));
    expect(report.failed).toBe(before.failed);
  });
});
