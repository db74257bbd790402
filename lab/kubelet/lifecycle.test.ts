import { describe, expect, it } from 'vitest';
import { decide } from './lifecycle.ts';
import { INJECTED, play, testContainer, testPod } from './test-pods.ts';

const http = { httpGet: { port: 8080 } };
const phase = (scene: ReturnType<typeof play>) => decide(scene.pod, scene.runtime, scene.nowMs).phase;
const wake = (scene: ReturnType<typeof play>) => decide(scene.pod, scene.runtime, scene.nowMs).wakeAtMs;

describe('the start of a pod', () => {
  it('starts all app containers at once', () => {
    const scene = play(testPod({ containers: [testContainer('a'), testContainer('b')] }));
    expect(phase(scene)).toBe('Pending');
    expect(scene.settle()).toEqual(['Start a', 'Start b']);
    expect(phase(scene)).toBe('Running');
  });

  it('runs init containers one after the other before the apps', () => {
    const scene = play(testPod({ initContainers: [testContainer('one'), testContainer('two')] }));
    expect(scene.settle()).toEqual(['Start one']);
    scene.exit('one', 0);
    expect(scene.settle()).toEqual(['Start two']);
    expect(phase(scene)).toBe('Pending');
    scene.exit('two', 0);
    expect(scene.settle()).toEqual(['Start main']);
  });

  it('holds the apps until the sidecar has its configuration', () => {
    const scene = play(testPod({}, INJECTED));
    expect(scene.settle()).toEqual(['Start istio-proxy']);
    scene.answer('istio-proxy', true);
    expect(scene.settle()).toEqual(['Start main']);
  });

  it('fails as a whole when an init container fails and may not be repeated', () => {
    const scene = play(testPod({ restartPolicy: 'Never', initContainers: [testContainer('one')] }));
    scene.settle();
    scene.exit('one', 1);
    expect(scene.settle()).toEqual([]);
    expect(phase(scene)).toBe('Failed');
  });
});

describe('the restart of a container', () => {
  it('is immediate after the first crash and waits longer after each further one', () => {
    const scene = play(testPod());
    scene.settle();
    scene.exit('main', 1);
    expect(scene.settle()).toEqual(['Start main']);
    scene.exit('main', 1);
    expect(scene.settle()).toEqual([]);
    expect(wake(scene)).toBe(10_000);
    expect(phase(scene)).toBe('Running');
    scene.nowMs = 10_000;
    expect(scene.settle()).toEqual(['Start main']);
    expect(scene.container('main').restarts).toBe(2);
  });

  it('is immediate again for one that ran for 10 minutes', () => {
    const scene = play(testPod());
    for (const crash of [1, 2]) {
      scene.settle();
      scene.exit('main', crash);
    }
    scene.nowMs = 10_000;
    scene.settle();
    scene.nowMs = 610_000;
    scene.exit('main', 1);
    expect(scene.settle()).toEqual(['Start main']);
  });

  it.each([
    ['Always', 0, true],
    ['OnFailure', 0, false],
    ['OnFailure', 1, true],
    ['Never', 1, false],
  ] as const)('with policy %s and exit code %i: %s', (restartPolicy, exitCode, again) => {
    const scene = play(testPod({ restartPolicy }));
    scene.settle();
    scene.exit('main', exitCode);
    expect(scene.settle()).toEqual(again ? ['Start main'] : []);
  });

  it('follows a failed liveness probe, with the grace period before SIGKILL', () => {
    const scene = play(
      testPod({ terminationGracePeriodSeconds: 5, containers: [testContainer('main', { livenessProbe: http })] }),
    );
    scene.settle();
    scene.answer('main', false);
    expect(scene.settle()).toEqual(['BeginStop main', 'SIGTERM main']);
    scene.nowMs = 5_000;
    expect(scene.settle()).toEqual(['SIGKILL main']);
    scene.exit('main', 137);
    expect(scene.settle()).toEqual(['Start main']);
  });

  it('does not follow a failed readiness probe', () => {
    const scene = play(testPod({ containers: [testContainer('main', { readinessProbe: http })] }));
    scene.settle();
    scene.answer('main', false);
    expect(scene.settle()).toEqual([]);
  });
});

describe('the end of a pod', () => {
  it('comes as Succeeded when every app has ended well, after its sidecar', () => {
    const scene = play(testPod({ restartPolicy: 'Never' }, INJECTED));
    scene.settle();
    scene.answer('istio-proxy', true);
    scene.settle();
    scene.exit('main', 0);
    expect(scene.settle()).toEqual(['BeginStop istio-proxy', 'SIGTERM istio-proxy']);
    expect(phase(scene)).toBe('Running');
    scene.exit('istio-proxy', 0);
    expect(phase(scene)).toBe('Succeeded');
    expect(scene.settle()).toEqual([]);
  });

  it('comes as Failed when one app has failed', () => {
    const scene = play(testPod({ restartPolicy: 'Never', containers: [testContainer('a'), testContainer('b')] }));
    scene.settle();
    scene.exit('a', 3);
    expect(phase(scene)).toBe('Running');
    scene.exit('b', 0);
    expect(phase(scene)).toBe('Failed');
  });

  it('comes at the active deadline', () => {
    const scene = play(testPod({ activeDeadlineSeconds: 60 }));
    scene.settle();
    expect(wake(scene)).toBe(60_000);
    scene.nowMs = 60_000;
    expect(scene.settle()).toEqual(['BeginStop main', 'SIGTERM main']);
    scene.exit('main', 143);
    expect(decide(scene.pod, scene.runtime, scene.nowMs)).toMatchObject({
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      actions: [],
    });
  });
});

describe('the deletion of a pod', () => {
  it('stops the app, then the sidecar, then removes the object', () => {
    const scene = play(testPod({}, INJECTED));
    scene.settle();
    scene.answer('istio-proxy', true);
    scene.settle();
    scene.remove(30);
    expect(scene.settle()).toEqual(['BeginStop main', 'SIGTERM main']);
    scene.exit('main', 0);
    expect(scene.settle()).toEqual(['BeginStop istio-proxy', 'SIGTERM istio-proxy']);
    scene.exit('istio-proxy', 0);
    expect(scene.settle()).toEqual(['RemovePod']);
  });

  it('waits out preStop.sleep before SIGTERM and kills at the end of the grace period', () => {
    const lifecycle = { preStop: { sleep: { seconds: 3 } } };
    const scene = play(testPod({ containers: [testContainer('main', { lifecycle })] }));
    scene.settle();
    scene.nowMs = 1_000;
    scene.remove(10);
    expect(scene.settle()).toEqual(['BeginStop main']);
    expect(wake(scene)).toBe(4_000);
    scene.nowMs = 4_000;
    expect(scene.settle()).toEqual(['SIGTERM main']);
    expect(wake(scene)).toBe(11_000);
    scene.nowMs = 11_000;
    expect(scene.settle()).toEqual(['SIGKILL main']);
    expect(wake(scene)).toBe(Number.POSITIVE_INFINITY);
  });

  it('restarts nothing', () => {
    const scene = play(testPod());
    scene.settle();
    scene.exit('main', 1);
    scene.remove(30);
    expect(scene.settle()).toEqual(['RemovePod']);
  });

  it('removes at once what has ended or was never started', () => {
    const scene = play(testPod());
    scene.remove(30);
    expect(scene.settle()).toEqual(['RemovePod']);
  });
});
