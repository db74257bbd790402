import { describe, expect, it } from 'vitest';
import type { ContainerStatus, Pod, PodSpec } from './pod.ts';
import { resumePod } from './resume.ts';
import { testPod } from './test-pods.ts';

const status = (more: Partial<ContainerStatus>): ContainerStatus => ({
  name: 'main',
  image: 'lab/echo:1',
  imageID: '',
  ready: true,
  started: true,
  restartCount: 2,
  state: {},
  lastState: {},
  ...more,
});

function resumed(container: ContainerStatus, spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}) {
  const pod = testPod(spec, metadata, {
    status: { startTime: '2026-01-01T00:00:00Z', containerStatuses: [container] },
  });
  return resumePod(pod, 5_000);
}

const running = status({ state: { running: { startedAt: '2026-01-01T00:00:00Z' } } });

describe('a pod that an earlier kubelet ran', () => {
  it('keeps its start time', () => {
    expect(resumed(running).startedAtMs).toBe(Date.parse('2026-01-01T00:00:00Z'));
  });

  it('starts its containers again at once, counted as a restart after a kill', () => {
    expect(resumed(running).containers[0]).toMatchObject({
      restarts: 3,
      lastExit: { exitCode: 137, reason: 'ContainerStatusUnknown' },
      state: { kind: 'waiting', retryAtMs: 5_000 },
    });
  });

  it('has failed when its policy is Never', () => {
    expect(resumed(running, { restartPolicy: 'Never' }).containers[0]?.state).toMatchObject({
      kind: 'terminated',
      exit: { exitCode: 137 },
    });
  });

  it('starts nothing when it is being deleted', () => {
    const runtime = resumed(running, {}, { deletionTimestamp: 'now' });
    expect(runtime).toMatchObject({ deletedAtMs: 5_000, containers: [{ state: { kind: 'terminated' } }] });
  });

  it('leaves ended containers as they are', () => {
    const terminated = {
      exitCode: 0,
      reason: 'Completed',
      startedAt: '2026-01-01T00:00:00Z',
      finishedAt: '2026-01-01T00:00:09Z',
    };
    expect(resumed(status({ state: { terminated } })).containers[0]?.state).toMatchObject({
      kind: 'terminated',
      exit: { reason: 'Completed' },
    });
  });
});

describe('a new pod', () => {
  it('waits to be created', () => {
    expect(resumePod(testPod(), 7)).toMatchObject({
      startedAtMs: 7,
      containers: [{ restarts: 0, state: { kind: 'waiting', reason: 'ContainerCreating' } }],
    });
  });
});
