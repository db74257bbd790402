import { afterExit, afterStart, type ContainerRuntime } from './container-runtime.ts';
import { decide, isEnding, type PodAction, type PodRuntime, restartPolicy } from './lifecycle.ts';
import type { Container, Pod, PodSpec } from './pod.ts';
import { resumePod } from './resume.ts';

/** A container for tests. */
export const testContainer = (name: string, more: Partial<Container> = {}): Container => ({
  name,
  image: 'lab/echo:1',
  ...more,
});

/** A pod for tests with one container `main`. */
export function testPod(
  spec: Partial<PodSpec> = {},
  metadata: Partial<Pod['metadata']> = {},
  more: Partial<Pod> = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shop-1', namespace: 'shop', uid: 'u1', ...metadata },
    spec: { nodeName: 'lab', containers: [testContainer('main')], ...spec },
    ...more,
  };
}

/** Label of pods that want a sidecar. */
export const INJECTED = { labels: { 'sidecar.istio.io/inject': 'true' } };

/** Plays a pod's life on a virtual clock: decisions are carried out at once, processes end and probes answer when told to. */
export interface Play {
  nowMs: number;
  pod: Pod;
  runtime: PodRuntime;
  /** Decides and carries out until nothing more is to be done now; returns what was done, such as `Start main`. */
  settle(): readonly string[];
  /** Ends a container's process. */
  exit(name: string, exitCode: number): void;
  /** Settles what each probe of the container says. */
  answer(name: string, passed: boolean): void;
  /** Deletes the pod with that grace period. */
  remove(graceSeconds: number): void;
  container(name: string): ContainerRuntime;
}

/** A play of `pod` from 0 ms on. */
export function play(pod: Pod): Play {
  const state: Play = {
    nowMs: 0,
    pod,
    runtime: resumePod(pod, 0),
    settle() {
      const done: string[] = [];
      for (;;) {
        const { actions } = decide(state.pod, state.runtime, state.nowMs);
        const open = actions.filter(({ kind }) => kind !== 'Probe');
        for (const action of open) {
          done.push(words(action));
          if (action.kind === 'RemovePod') return done;
          change(action.container, (before) => carriedOut(action, before, state.nowMs));
        }
        if (open.length === 0) return done;
      }
    },
    exit(name, exitCode) {
      change(name, (before) => {
        const startedAtMs = before.state.kind === 'running' ? before.state.startedAtMs : 0;
        const exit = {
          exitCode,
          reason: exitCode === 0 ? 'Completed' : 'Error',
          startedAtMs,
          finishedAtMs: state.nowMs,
        };
        return afterExit(before, exit, {
          policy: restartPolicy(state.pod),
          isEnding: isEnding(state.pod, state.runtime, state.nowMs),
        });
      });
    },
    answer(name, passed) {
      change(name, (before) => {
        const settled = { dueAtMs: Number.POSITIVE_INFINITY, successes: 0, failures: 0, outcome: passed };
        return { ...before, probes: Object.fromEntries(Object.keys(before.probes).map((probe) => [probe, settled])) };
      });
    },
    remove(graceSeconds) {
      const metadata = { ...state.pod.metadata, deletionTimestamp: 'now', deletionGracePeriodSeconds: graceSeconds };
      state.pod = { ...state.pod, metadata };
      state.runtime = { ...state.runtime, deletedAtMs: state.nowMs };
    },
    container(name) {
      const found = state.runtime.containers.find(({ spec }) => spec.name === name);
      if (!found) throw new Error(`no container ${name}`);
      return found;
    },
  };
  const change = (name: string, next: (container: ContainerRuntime) => ContainerRuntime) => {
    const containers = state.runtime.containers.map((container) =>
      container.spec.name === name ? next(container) : container,
    );
    state.runtime = { ...state.runtime, containers };
  };
  return state;
}

function words(action: PodAction): string {
  if (action.kind === 'RemovePod') return 'RemovePod';
  return action.kind === 'Signal' ? `${action.signal} ${action.container}` : `${action.kind} ${action.container}`;
}

function carriedOut(
  action: Exclude<PodAction, { kind: 'RemovePod' }>,
  before: ContainerRuntime,
  nowMs: number,
): ContainerRuntime {
  if (action.kind === 'Start') return afterStart(before, 1, nowMs);
  if (before.state.kind !== 'running' || action.kind === 'Probe') return before;
  if (action.kind === 'BeginStop') return { ...before, state: { ...before.state, stop: action.stop } };
  const { stop } = before.state;
  return stop ? { ...before, state: { ...before.state, stop: { ...stop, sent: action.signal } } } : before;
}
