import {
  afterExit,
  type ContainerRole,
  type ContainerRuntime,
  type Exit,
  newContainer,
  type RestartRule,
} from './container-runtime.ts';
import { type PodRuntime, restartPolicy } from './lifecycle.ts';
import { type Container, type ContainerStatus, type Pod, type TerminatedState, wantsSidecar } from './pod.ts';
import { sidecarContainer } from './sidecar.ts';

/** 128 + SIGKILL: what became of a process whose kubelet died. */
const KILLED = 137;

function exitFrom(state: TerminatedState): Exit {
  return {
    exitCode: state.exitCode,
    ...(state.signal === undefined ? {} : { signal: state.signal }),
    reason: state.reason,
    startedAtMs: Date.parse(state.startedAt),
    finishedAtMs: Date.parse(state.finishedAt),
  };
}

function resumeContainer(
  spec: Container,
  role: ContainerRole,
  status: ContainerStatus | undefined,
  context: ResumeContext,
): ContainerRuntime {
  const fresh = newContainer(spec, role);
  if (!status) return fresh;
  const known: ContainerRuntime = {
    ...fresh,
    restarts: status.restartCount,
    ...(status.lastState?.terminated ? { lastExit: exitFrom(status.lastState.terminated) } : {}),
  };
  const { running, terminated } = status.state;
  if (terminated) return { ...known, state: { kind: 'terminated', exit: exitFrom(terminated) } };
  if (!running) return known;
  const exit = {
    exitCode: KILLED,
    reason: 'ContainerStatusUnknown',
    startedAtMs: Date.parse(running.startedAt),
    finishedAtMs: context.nowMs,
  };
  return afterExit(known, exit, context.rule);
}

interface ResumeContext {
  readonly rule: RestartRule;
  readonly nowMs: number;
}

/**
 * The runtime of a pod that the kubelet sees for the first time. What an earlier kubelet had running has died with it: it counts
 * as killed (exit code 137) and the restart policy says what follows.
 */
export function resumePod(pod: Pod, nowMs: number): PodRuntime {
  const { status, spec, metadata } = pod;
  const context = { nowMs, rule: { policy: restartPolicy(pod), isEnding: metadata.deletionTimestamp !== undefined } };
  const resume = (role: ContainerRole, containers: readonly Container[], statuses: readonly ContainerStatus[] = []) =>
    containers.map((container) =>
      resumeContainer(
        container,
        role,
        statuses.find(({ name }) => name === container.name),
        context,
      ),
    );
  return {
    startedAtMs: status?.startTime ? Date.parse(status.startTime) : nowMs,
    containers: [
      ...(wantsSidecar(pod) ? [newContainer(sidecarContainer, 'sidecar')] : []),
      ...resume('init', spec.initContainers ?? [], status?.initContainerStatuses),
      ...resume('app', spec.containers, status?.containerStatuses),
    ],
    ...(metadata.deletionTimestamp === undefined ? {} : { deletedAtMs: nowMs }),
  };
}
