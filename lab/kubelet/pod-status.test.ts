import { describe, expect, it } from 'vitest';
import { afterFailedStart } from './container-runtime.ts';
import { decide } from './lifecycle.ts';
import type { Pod, PodStatus } from './pod.ts';
import { projectStatus } from './pod-status.ts';
import { INJECTED, type Play, play, testContainer, testPod } from './test-pods.ts';

const http = { httpGet: { port: 8080 } };
const place = { podIp: '10.244.1.5', hostIp: '10.244.0.1' };

function statusOf(scene: Play): PodStatus {
  const { pod, runtime, nowMs } = scene;
  return projectStatus(pod, runtime, { decision: decide(pod, runtime, nowMs), place, nowMs });
}

const condition = (status: PodStatus, type: string) => status.conditions?.find((each) => each.type === type);

function running(pod: Pod): Play {
  const scene = play(pod);
  scene.settle();
  return scene;
}

describe('the status of a pod', () => {
  it('has its addresses and its start from the beginning', () => {
    expect(statusOf(play(testPod()))).toMatchObject({
      phase: 'Pending',
      podIP: '10.244.1.5',
      podIPs: [{ ip: '10.244.1.5' }],
      hostIP: '10.244.0.1',
      startTime: '1970-01-01T00:00:00Z',
      containerStatuses: [{ name: 'main', ready: false, state: { waiting: { reason: 'ContainerCreating' } } }],
    });
  });

  it('is ready when all containers are', () => {
    const scene = running(testPod({ containers: [testContainer('main', { readinessProbe: http })] }));
    expect(condition(statusOf(scene), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [main]',
    });
    scene.answer('main', true);
    expect(condition(statusOf(scene), 'Ready')?.status).toBe('True');
    expect(statusOf(scene).containerStatuses?.[0]).toMatchObject({ ready: true, started: true });
  });

  it('is not ready while its sidecar is not, which is not among its containers', () => {
    const scene = running(testPod({}, INJECTED));
    expect(condition(statusOf(scene), 'Ready')?.message).toContain('istio-proxy');
    expect(statusOf(scene).containerStatuses?.map(({ name }) => name)).toEqual(['main']);
  });

  it('is not ready from the moment of its deletion on', () => {
    const scene = running(testPod());
    expect(condition(statusOf(scene), 'Ready')?.status).toBe('True');
    scene.remove(30);
    expect(condition(statusOf(scene), 'Ready')).toMatchObject({ status: 'False', reason: 'PodTerminating' });
    expect(condition(statusOf(scene), 'ContainersReady')?.status).toBe('True');
  });

  it('waits for readiness gates and keeps the conditions of others', () => {
    const gate = (status: string) => ({ status: { conditions: [{ type: 'x.dev/gate', status }] } });
    const spec = { readinessGates: [{ conditionType: 'x.dev/gate' }] };
    const closed = statusOf(running(testPod(spec, {}, gate('False'))));
    expect(condition(closed, 'Ready')).toMatchObject({ status: 'False', reason: 'ReadinessGatesNotReady' });
    const open = statusOf(running(testPod(spec, {}, gate('True'))));
    expect(condition(open, 'Ready')?.status).toBe('True');
    expect(condition(open, 'x.dev/gate')?.status).toBe('True');
  });

  it('keeps the time of a condition that has not changed', () => {
    const scene = running(testPod());
    scene.pod = { ...scene.pod, status: statusOf(scene) };
    scene.nowMs = 60_000;
    expect(condition(statusOf(scene), 'Ready')?.lastTransitionTime).toBe('1970-01-01T00:00:00Z');
    scene.remove(30);
    expect(condition(statusOf(scene), 'Ready')?.lastTransitionTime).toBe('1970-01-01T00:01:00Z');
    expect(condition(statusOf(scene), 'PodScheduled')?.lastTransitionTime).toBe('1970-01-01T00:00:00Z');
  });

  it('shows a crash loop with the exit before it', () => {
    const scene = running(testPod());
    scene.exit('main', 1);
    scene.settle();
    scene.exit('main', 7);
    expect(statusOf(scene)).toMatchObject({
      phase: 'Running',
      containerStatuses: [
        {
          ready: false,
          restartCount: 2,
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container=main' } },
          lastState: { terminated: { exitCode: 7, reason: 'Error' } },
        },
      ],
    });
  });

  it('shows ErrImagePull once and ImagePullBackOff from then on', () => {
    const scene = play(testPod());
    const [container] = scene.runtime.containers;
    if (!container) throw new Error('no container');
    const failure = { reason: 'ErrImagePull', message: 'no such image' } as const;
    const once = afterFailedStart(container, failure, 0);
    expect(once.state).toMatchObject({ reason: 'ErrImagePull', message: 'no such image' });
    const twice = afterFailedStart(once, failure, 0);
    expect(twice.state).toMatchObject({
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "lab/echo:1": ErrImagePull: no such image',
      retryAtMs: 10_000,
    });
  });

  it('ends as Succeeded and not ready', () => {
    const scene = running(testPod({ restartPolicy: 'Never' }));
    scene.exit('main', 0);
    const status = statusOf(scene);
    expect(status.phase).toBe('Succeeded');
    expect(condition(status, 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
    expect(status.containerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });

  it('lists init containers on their own', () => {
    const scene = running(testPod({ initContainers: [testContainer('one')] }));
    expect(condition(statusOf(scene), 'Initialized')).toMatchObject({
      status: 'False',
      message: 'containers with incomplete status: [one]',
    });
    scene.exit('one', 0);
    expect(statusOf(scene).initContainerStatuses).toMatchObject([{ name: 'one', ready: true }]);
    expect(condition(statusOf(scene), 'Initialized')?.status).toBe('True');
  });
});
