import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../src/kube/port.ts';
import { createReflector } from '../../src/kube/reflector.ts';
import { isAppError } from '../../src/lib/errors.ts';
import { nodeKind } from './node.ts';
import { type Pod, podKey, wantsSidecar } from './pod.ts';
import { FIELD_MANAGER, type PodWorker, startPodWorker, type WorkerContext } from './pod-worker.ts';
import { SCRAPE_ANNOTATIONS } from './sidecar.ts';

const binding: Kind = { apiVersion: 'v1', kind: 'Binding', plural: 'bindings', namespaced: true };

const BIND_RETRY_MS = 1_000;

/** True for a pod that waits for a node and that the default scheduler would take. */
export function isUnbound(pod: Pod): boolean {
  const { nodeName, schedulingGates = [], schedulerName = 'default-scheduler' } = pod.spec;
  const isOpen = !nodeName && schedulingGates.length === 0 && pod.metadata.deletionTimestamp === undefined;
  return isOpen && schedulerName === 'default-scheduler';
}

/** The Binding that puts the pod on the node; the API server copies its annotations to the pod. */
export function bindingOf(pod: Pod, nodeName: string): KubeObject & { readonly target: object } {
  const { name, namespace = 'default', uid = '' } = pod.metadata;
  const annotations = wantsSidecar(pod) ? { annotations: SCRAPE_ANNOTATIONS } : {};
  return {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid, ...annotations },
    target: { apiVersion: nodeKind.apiVersion, kind: nodeKind.kind, name: nodeName },
  };
}

export interface Kubelet {
  /** True while the pods that it sees are fresh. */
  isFresh(): boolean;
  /** How many pods it runs. */
  podCount(): number;
}

/** Binds pods to the node and runs those that are bound to it, until `signal` aborts. */
export function startKubelet(options: Omit<WorkerContext, 'onWritten'>, signal: AbortSignal): Kubelet {
  const { kube, clock, log, nodeName } = options;
  const pods = createReflector<Pod>(kube, kinds.pod, {
    clock,
    log: (event) => {
      if (event.type !== 'listed')
        log(`pods: ${event.error instanceof Error ? event.error.message : String(event.error)}`);
    },
  });
  const workers = new Map<string, PodWorker>();
  const context: WorkerContext = { ...options, onWritten: (pod) => pods.put(pod) };

  const bind = async (pod: Pod) => {
    try {
      await kube.create(binding, bindingOf(pod, nodeName), { fieldManager: FIELD_MANAGER });
    } catch (error) {
      if (isAppError(error, 'ConflictError') || (isAppError(error) && error.code === 'NOT_FOUND')) return;
      log(`binding ${podKey(pod)}: ${error instanceof Error ? error.message : String(error)}`);
      clock.after(BIND_RETRY_MS, () => {
        const current = pods.get(pod.metadata.namespace, pod.metadata.name);
        if (current) consider(current);
      });
    }
  };

  const take = (pod: Pod) => {
    const uid = pod.metadata.uid ?? '';
    const running = workers.get(uid);
    if (running) return running.update(pod);
    const worker = startPodWorker(pod, context);
    workers.set(uid, worker);
    void worker.finished.then(() => workers.delete(uid));
  };

  const consider = (pod: Pod) => {
    if (isUnbound(pod)) void bind(pod);
    else if (pod.spec.nodeName === nodeName) take(pod);
  };

  pods.onChange(({ before, after }) => {
    if (before && before.metadata.uid !== after?.metadata.uid) workers.get(before.metadata.uid ?? '')?.drop();
    if (after) consider(after);
  });
  pods.start(signal);
  return { isFresh: () => pods.isFresh(), podCount: () => workers.size };
}
