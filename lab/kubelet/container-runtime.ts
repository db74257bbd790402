import { type BackOff, backOffMs, KUBELET_BACK_OFF, RECORD_CLEAN_AFTER_MS, restartDelayMs } from './back-off.ts';
import type { Container, RestartPolicy } from './pod.ts';
import { freshProbes, isReady, type ProbeStates } from './probe-state.ts';

/** `sidecar` starts first and ends last, `init` must end well before the apps start. */
export type ContainerRole = 'sidecar' | 'init' | 'app';

/** How a process ended. */
export interface Exit {
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

/** A stop under way: SIGTERM at `termAtMs` (after preStop), SIGKILL at `killAtMs`. */
export interface Stop {
  readonly termAtMs: number;
  readonly killAtMs: number;
  readonly sent: 'nothing' | 'SIGTERM' | 'SIGKILL';
}

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string; readonly retryAtMs: number }
  | { readonly kind: 'running'; readonly startedAtMs: number; readonly pid: number; readonly stop?: Stop }
  | { readonly kind: 'terminated'; readonly exit: Exit };

/** All that the kubelet knows of one container of one pod. */
export interface ContainerRuntime {
  readonly spec: Container;
  readonly role: ContainerRole;
  readonly state: ContainerState;
  /** The exit before the present state. */
  readonly lastExit?: Exit;
  readonly restarts: number;
  /** Exits in a row, each soon after its start. */
  readonly crashes: number;
  /** Starts in a row that failed before there was a process. */
  readonly failedStarts: number;
  readonly probes: ProbeStates;
}

/** A container that has not been started yet. */
export function newContainer(spec: Container, role: ContainerRole): ContainerRuntime {
  return {
    spec,
    role,
    state: { kind: 'waiting', reason: role === 'app' ? 'ContainerCreating' : 'PodInitializing', retryAtMs: 0 },
    restarts: 0,
    crashes: 0,
    failedStarts: 0,
    probes: {},
  };
}

/** The container once its process `pid` runs. */
export function afterStart(container: ContainerRuntime, pid: number, nowMs: number): ContainerRuntime {
  return {
    ...container,
    state: { kind: 'running', startedAtMs: nowMs, pid },
    failedStarts: 0,
    probes: freshProbes(container.spec, nowMs),
  };
}

/** Why a container could not be started. */
export interface StartFailure {
  readonly reason: 'ErrImagePull' | 'CreateContainerConfigError' | 'ContainerCreating' | 'RunContainerError';
  readonly message: string;
}

/** A missing ConfigMap may appear at any moment, so such a start is tried again soon. */
const CONFIG_RETRY_MS = 2_000;
/** How long ErrImagePull shows before it turns into ImagePullBackOff. */
const FIRST_PULL_RETRY_MS = 2_000;

/** The container after a start that failed before there was a process. */
export function afterFailedStart(container: ContainerRuntime, failure: StartFailure, nowMs: number): ContainerRuntime {
  const failedStarts = container.failedStarts + 1;
  const isRepeatedPull = failure.reason === 'ErrImagePull' && failedStarts > 1;
  let delayMs = failedStarts > 1 ? backOffMs(failedStarts - 1) : FIRST_PULL_RETRY_MS;
  if (failure.reason === 'CreateContainerConfigError' || failure.reason === 'ContainerCreating')
    delayMs = CONFIG_RETRY_MS;
  return {
    ...container,
    failedStarts,
    state: {
      kind: 'waiting',
      reason: isRepeatedPull ? 'ImagePullBackOff' : failure.reason,
      message: isRepeatedPull
        ? `Back-off pulling image "${container.spec.image}": ErrImagePull: ${failure.message}`
        : failure.message,
      retryAtMs: nowMs + delayMs,
    },
  };
}

/** What decides about a restart. */
export interface RestartRule {
  readonly policy: RestartPolicy;
  /** True when the pod is being deleted or has failed as a whole: nothing is started again. */
  readonly isEnding: boolean;
  readonly backOff?: BackOff;
}

function restarts(container: ContainerRuntime, exit: Exit, rule: RestartRule): boolean {
  if (rule.isEnding) return false;
  if (container.role === 'sidecar') return true;
  if (container.role === 'init') return exit.exitCode !== 0 && rule.policy !== 'Never';
  return rule.policy === 'Always' || (rule.policy === 'OnFailure' && exit.exitCode !== 0);
}

/** The container after its process has ended: terminated for good, or waiting to be started again. */
export function afterExit(container: ContainerRuntime, exit: Exit, rule: RestartRule): ContainerRuntime {
  if (!restarts(container, exit, rule)) return { ...container, state: { kind: 'terminated', exit } };
  const ranMs = exit.finishedAtMs - exit.startedAtMs;
  const crashes = ranMs >= RECORD_CLEAN_AFTER_MS ? 1 : container.crashes + 1;
  const delayMs = restartDelayMs(crashes, rule.backOff ?? KUBELET_BACK_OFF);
  return {
    ...container,
    crashes,
    restarts: container.restarts + 1,
    lastExit: exit,
    state: {
      kind: 'waiting',
      reason: 'CrashLoopBackOff',
      message: `back-off ${delayMs / 1000}s restarting failed container=${container.spec.name}`,
      retryAtMs: exit.finishedAtMs + delayMs,
    },
  };
}

/** True when the container runs, is not being stopped, and its probes say that it may have traffic. */
export function isContainerReady(container: ContainerRuntime): boolean {
  return container.state.kind === 'running' && isReady(container.probes);
}

/** The exit of a process as the kubelet reports it: a signal is 128 + its number. */
export function exitOf(
  ended: { readonly code: number | null; readonly signal: number | undefined },
  startedAtMs: number,
  finishedAtMs: number,
): Exit {
  const exitCode = ended.code ?? 128 + (ended.signal ?? 0);
  return {
    exitCode,
    ...(ended.signal === undefined ? {} : { signal: ended.signal }),
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAtMs,
    finishedAtMs,
  };
}
