import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { kinds } from '../../src/kube/kinds.ts';
import type { ObjectRef } from '../../src/kube/port.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { isAppError } from '../../src/lib/errors.ts';
import type { AddressPool } from './address-pool.ts';
import { type ContainerRunner, createContainerRunner, type PodCell } from './container-runner.ts';
import type { LaunchContext, PodHome } from './launch.ts';
import { decide, type PodAction } from './lifecycle.ts';
import { type Pod, podKey } from './pod.ts';
import { projectStatus } from './pod-status.ts';
import { resumePod } from './resume.ts';
import { createWaker } from './waker.ts';

export interface WorkerContext extends LaunchContext {
  readonly clock: Clock;
  readonly addresses: AddressPool;
  readonly stateDirectory: string;
  readonly log: (message: string) => void;
  /** Called with the server's answer to each status write. */
  readonly onWritten: (pod: Pod) => void;
}

/** Runs one pod until its object is gone. */
export interface PodWorker {
  readonly uid: string;
  /** Takes a newer version of the object. */
  update(pod: Pod): void;
  /** The object is gone: everything of the pod ends at once. */
  drop(): void;
  /** Resolves when no process of the pod is left. */
  readonly finished: Promise<void>;
}

/** Under this name the API server notes which fields the kubelet writes. */
export const FIELD_MANAGER = 'lab-kubelet';

const RETRY_MS = 1_000;

/** Takes on a pod that is bound to this node: its address is taken, its containers start, its status is reported. */
export function startPodWorker(first: Pod, context: WorkerContext): PodWorker {
  const { clock } = context;
  const uid = first.metadata.uid ?? '';
  const home = homeOf(first, context);
  const cell: PodCell = { pod: first, runtime: resumePod(first, clock.now()), isGone: false };
  const waker = createWaker(clock);
  const runner = createContainerRunner(cell, { ...context, home, onChange: waker.poke });
  const report = createReporter(cell, home, context);

  const round = async (): Promise<number> => {
    waker.begin();
    for (const action of decide(cell.pod, cell.runtime, clock.now()).actions) {
      if (action.kind === 'RemovePod') await remove(cell, report, context);
      else await perform(action, runner);
    }
    if (!cell.isGone) await report();
    const { actions, wakeAtMs } = decide(cell.pod, cell.runtime, clock.now());
    return actions.length > 0 ? clock.now() : wakeAtMs;
  };

  const run = async () => {
    while (!cell.isGone) {
      const wakeAtMs = await round().catch((error: unknown) => {
        if (isAppError(error) && error.code === 'NOT_FOUND') cell.isGone = true;
        else context.log(`${podKey(cell.pod)}: ${error instanceof Error ? error.message : String(error)}`);
        return clock.now() + RETRY_MS;
      });
      if (!cell.isGone) await waker.wait(wakeAtMs);
    }
    await runner.endAll();
    context.addresses.release(uid, clock.now());
    await rm(home.directory, { recursive: true, force: true });
  };

  return {
    uid,
    finished: run(),
    update(pod) {
      cell.pod = pod;
      const isDeleted = pod.metadata.deletionTimestamp !== undefined;
      if (isDeleted && cell.runtime.deletedAtMs === undefined)
        cell.runtime = { ...cell.runtime, deletedAtMs: clock.now() };
      waker.poke();
    },
    drop() {
      cell.isGone = true;
      waker.poke();
    },
  };
}

function homeOf(pod: Pod, { addresses, clock, stateDirectory }: WorkerContext): PodHome {
  const uid = pod.metadata.uid ?? '';
  const earlier = pod.status?.podIP;
  if (earlier) addresses.reserve(uid, earlier);
  const logDirectory = join(stateDirectory, 'pods', podKey(pod).replace('/', '_'));
  return { address: addresses.take(uid, clock.now()), directory: join(logDirectory, uid), logDirectory };
}

function refOf(pod: Pod): ObjectRef {
  return { kind: kinds.pod, namespace: pod.metadata.namespace ?? 'default', name: pod.metadata.name };
}

async function perform(action: Exclude<PodAction, { kind: 'RemovePod' }>, runner: ContainerRunner): Promise<void> {
  switch (action.kind) {
    case 'Start':
      return runner.start(action.container);
    case 'BeginStop':
      return runner.beginStop(action.container, action.stop);
    case 'Signal':
      return runner.signal(action.container, action.signal);
    case 'Probe':
      return runner.probe(action.container, action.probe);
  }
}

async function remove(cell: PodCell, report: () => Promise<void>, { kube }: WorkerContext): Promise<void> {
  await report();
  await kube.delete(refOf(cell.pod), { uid: cell.pod.metadata.uid ?? '', gracePeriodSeconds: 0 });
  cell.isGone = true;
}

/** Writes the pod's status when it differs from what was written last. */
function createReporter(cell: PodCell, home: PodHome, context: WorkerContext): () => Promise<void> {
  const { kube, clock, hostIp } = context;
  let reported = '';
  return async () => {
    const { pod, runtime } = cell;
    const nowMs = clock.now();
    const place = { podIp: home.address.ip, hostIp };
    const status = projectStatus(pod, runtime, { decision: decide(pod, runtime, nowMs), place, nowMs });
    const text = JSON.stringify(status);
    if (text === reported) return;
    // Only with readiness gates has somebody else conditions in the list that this patch replaces as a whole.
    const guard = pod.spec.readinessGates ? { resourceVersion: pod.metadata.resourceVersion } : {};
    const body = { metadata: { uid: pod.metadata.uid, ...guard }, status: { reason: null, message: null, ...status } };
    const write = { fieldManager: FIELD_MANAGER, subresource: 'status' } as const;
    const written = await kube.mergePatch<Pod>(refOf(pod), body, write);
    reported = text;
    context.onWritten(written);
  };
}
