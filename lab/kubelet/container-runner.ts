import type { Clock } from '../../src/lib/clock.ts';
import {
  afterExit,
  afterFailedStart,
  afterStart,
  type ContainerRuntime,
  exitOf,
  type Stop,
} from './container-runtime.ts';
import { isStartFailure, type LaunchContext, launch, type PodHome } from './launch.ts';
import { isEnding, type PodRuntime, restartPolicy } from './lifecycle.ts';
import type { Pod } from './pod.ts';
import { afterTry, type ProbeName, type ProbeState, probeSpec, probing } from './probe-state.ts';
import { tryProbe } from './prober.ts';
import type { RunningProcess } from './process.ts';

/** What a worker knows of its pod; its parts share it. */
export interface PodCell {
  pod: Pod;
  runtime: PodRuntime;
  /** True once the object is gone: whatever ends now is not started again. */
  isGone: boolean;
}

/** Carries out what was decided about single containers and writes what became of it into the cell. */
export interface ContainerRunner {
  /** Throws when the API server cannot be asked for what the container refers to. */
  start(name: string): Promise<void>;
  beginStop(name: string, stop: Stop): void;
  signal(name: string, signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Begins one try; its result shows in the cell later. */
  probe(name: string, probe: ProbeName): void;
  /** Kills what runs and resolves when nothing is left. */
  endAll(): Promise<void>;
}

interface RunnerOptions extends LaunchContext {
  readonly clock: Clock;
  readonly home: PodHome;
  /** Called after each change of the cell. */
  readonly onChange: () => void;
}

/** A runner of the containers in `cell`. */
export function createContainerRunner(cell: PodCell, options: RunnerOptions): ContainerRunner {
  const { clock, home } = options;
  const processes = new Map<string, RunningProcess>();
  const find = (name: string) => cell.runtime.containers.find(({ spec }) => spec.name === name);
  const change = (name: string, next: (container: ContainerRuntime) => ContainerRuntime) => {
    const containers = cell.runtime.containers.map((container) =>
      container.spec.name === name ? next(container) : container,
    );
    cell.runtime = { ...cell.runtime, containers };
    options.onChange();
  };

  const watch = (name: string, process: RunningProcess, startedAtMs: number) => {
    processes.set(name, process);
    void process.ended.then((ended) => {
      processes.delete(name);
      const nowMs = clock.now();
      const rule = {
        policy: restartPolicy(cell.pod),
        isEnding: cell.isGone || isEnding(cell.pod, cell.runtime, nowMs),
      };
      change(name, (before) => afterExit(before, exitOf(ended, startedAtMs, nowMs), rule));
    });
  };

  return {
    async start(name) {
      const container = find(name);
      if (!container) return;
      const result = await launch(cell.pod, container.spec, home, options);
      const nowMs = clock.now();
      if (isStartFailure(result)) return change(name, (before) => afterFailedStart(before, result, nowMs));
      change(name, (before) => afterStart(before, result.pid, nowMs));
      watch(name, result, nowMs);
    },
    beginStop: (name, stop) => change(name, (before) => withStop(before, stop)),
    signal(name, signal) {
      processes.get(name)?.send(signal);
      change(name, (before) =>
        before.state.kind === 'running' && before.state.stop
          ? withStop(before, { ...before.state.stop, sent: signal })
          : before,
      );
    },
    probe(name, probe) {
      const container = find(name);
      const spec = container && probeSpec(container.spec, probe);
      if (!spec || container.state.kind !== 'running') return;
      const { startedAtMs } = container.state;
      change(name, (before) => withProbe(before, probe, startedAtMs, probing));
      void tryProbe(container.spec, spec, home.address.ip).then((passed) => {
        const result = { name: probe, spec, passed, startedAtMs, nowMs: clock.now() };
        change(name, (before) => withProbe(before, probe, startedAtMs, (state) => afterTry(state, result)));
      });
    },
    async endAll() {
      const left = [...processes.values()];
      for (const process of left) process.send('SIGKILL');
      await Promise.all(left.map(({ ended }) => ended));
    },
  };
}

function withStop(container: ContainerRuntime, stop: Stop): ContainerRuntime {
  return container.state.kind === 'running' ? { ...container, state: { ...container.state, stop } } : container;
}

/** A try that began before a restart says nothing about the run that came after it. */
function withProbe(
  container: ContainerRuntime,
  name: ProbeName,
  startedAtMs: number,
  next: (state: ProbeState) => ProbeState,
): ContainerRuntime {
  const state = container.probes[name];
  const isSameRun = container.state.kind === 'running' && container.state.startedAtMs === startedAtMs;
  return state && isSameRun ? { ...container, probes: { ...container.probes, [name]: next(state) } } : container;
}
