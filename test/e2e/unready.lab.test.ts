import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openScene, releaseToEnd, type Scene } from './support/scene.ts';

const NAMESPACE = 'e2e-unready';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene({
    namespace: NAMESPACE,
    rate: 50,
    replicas: 2,
    port: 9471,
    rollout: { progressDeadline: '10s' },
  });
});
afterAll(() => scene?.close());

const cases = [
  {
    title: 'never become ready',
    version: 'never-ready',
    behaviour: { READY: 'false' },
    reason: /not ready|ContainersNotReady/i,
  },
  {
    title: 'crash at once',
    version: 'crashing',
    behaviour: { IMAGE: 'lab/crash:v1', AFTER_SECONDS: '0' },
    reason: /CrashLoopBackOff|exit code 1/,
  },
  {
    title: 'have an image that does not exist',
    version: 'no-image',
    behaviour: { IMAGE: 'registry/none:v9' },
    reason: /ImagePullBackOff|ErrImagePull/,
  },
] as const;

describe('canary pods that', () => {
  it.each(cases)(
    '$title never get weight and are taken back at the progress deadline, with their own reason',
    async (one) => {
      const { shop, witness } = scene;
      const before = await shop.report();
      const { last, rollout } = await releaseToEnd(shop, one.version, one.behaviour);
      const after = await shop.report();
      expect(last).toMatchObject({ outcome: 'RolledBack', reason: 'ProgressDeadlineExceeded', failedRequests: 0 });
      expect(last.message).toMatch(one.reason);
      expect(last.message).toContain('pod ');
      expect(witness.weightsOf(last.revision)).toEqual(witness.weightsOf(last.revision).length === 0 ? [] : [0]);
      expect(after.failed).toBe(before.failed);
      expect(rollout.status?.message).toContain('it is not tried again until the pod template changes');
      expect((await shop.pods()).every((pod) => pod.metadata.labels?.['pod-template-hash'] !== last.revision)).toBe(
        true,
      );
    },
  );

  it('lose all their ready pods while they have weight give it back at once', async () => {
    const { shop, witness } = scene;
    const before = await shop.report();
    const count = (await shop.rollout()).status?.history?.length ?? 0;
    await shop.addRollout({ progressDeadline: '1m', steps: [{ weight: 50, hold: '2m' }, { weight: 100 }] });
    await shop.release('short-lived', { CRASH_AFTER_MS: '25000' });
    const done = await shop.until(
      'the release is over',
      ({ status }) => (status?.history?.length ?? 0) > count && status?.phase === 'Idle',
    );
    const last = done.status?.history?.at(-1);
    expect(last).toMatchObject({ outcome: 'RolledBack' });
    expect(witness.weightsOf(last?.revision ?? '')).toEqual([0, 50, 0]);
    const after = await shop.report();
    // The crash itself may cost what was under way; afterwards nothing goes there any more.
    expect(after.failed - before.failed).toBeLessThan(60);
  });
});
