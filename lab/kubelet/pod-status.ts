import { type ContainerRuntime, type Exit, isContainerReady } from './container-runtime.ts';
import { type Decision, isInitialized, type PodRuntime } from './lifecycle.ts';
import type { Condition, ContainerStatus, Pod, PodStatus, StatusState, TerminatedState } from './pod.ts';
import { hasStarted } from './probe-state.ts';

const OWN_CONDITIONS = ['PodScheduled', 'PodReadyToStartContainers', 'Initialized', 'ContainersReady', 'Ready'];

const timestamp = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

function terminated(exit: Exit): TerminatedState {
  return {
    exitCode: exit.exitCode,
    ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    reason: exit.reason,
    startedAt: timestamp(exit.startedAtMs),
    finishedAt: timestamp(exit.finishedAtMs),
  };
}

function stateOf(container: ContainerRuntime): StatusState {
  const { state } = container;
  switch (state.kind) {
    case 'waiting':
      return { waiting: { reason: state.reason, ...(state.message === undefined ? {} : { message: state.message }) } };
    case 'running':
      return { running: { startedAt: timestamp(state.startedAtMs) } };
    case 'terminated':
      return { terminated: terminated(state.exit) };
  }
}

function containerStatus(container: ContainerRuntime, pod: Pod): ContainerStatus {
  const isRunning = container.state.kind === 'running';
  const hasProcess = container.state.kind !== 'waiting' || container.lastExit !== undefined;
  const { name, image } = container.spec;
  return {
    name,
    image,
    imageID: hasProcess ? `lab://${image}` : '',
    ...(hasProcess ? { containerID: `lab://${pod.metadata.uid}/${name}/${container.restarts}` } : {}),
    ready:
      container.role === 'init'
        ? container.state.kind === 'terminated' && container.state.exit.exitCode === 0
        : isContainerReady(container),
    started: isRunning && hasStarted(container.probes),
    restartCount: container.restarts,
    state: stateOf(container),
    lastState: container.lastExit ? { terminated: terminated(container.lastExit) } : {},
  };
}

type Draft = Omit<Condition, 'lastTransitionTime'>;

const yes = (type: string): Draft => ({ type, status: 'True' });
const no = (type: string, reason: string, message?: string): Draft => ({
  type,
  status: 'False',
  reason,
  ...(message ? { message } : {}),
});

function unreadyNames(runtime: PodRuntime): readonly string[] {
  return runtime.containers
    .filter((container) => container.role !== 'init' && !isContainerReady(container))
    .map(({ spec }) => spec.name);
}

function containersReady(runtime: PodRuntime, decision: Decision): Draft {
  if (decision.phase === 'Succeeded') return no('ContainersReady', 'PodCompleted');
  if (decision.phase === 'Failed') return no('ContainersReady', 'PodFailed');
  const names = unreadyNames(runtime);
  if (names.length === 0) return yes('ContainersReady');
  return no('ContainersReady', 'ContainersNotReady', `containers with unready status: [${names.join(' ')}]`);
}

function ready(pod: Pod, runtime: PodRuntime, containers: Draft): Draft {
  if (runtime.deletedAtMs !== undefined) return no('Ready', 'PodTerminating', 'the pod is being deleted');
  if (containers.status === 'False') return { ...containers, type: 'Ready' };
  const missing = (pod.spec.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter(
      (type) => !pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True'),
    );
  if (missing.length === 0) return yes('Ready');
  return no(
    'Ready',
    'ReadinessGatesNotReady',
    `the status of pod readiness gate "${missing.join('", "')}" is not "True"`,
  );
}

function initialized(runtime: PodRuntime): Draft {
  if (isInitialized(runtime.containers)) return yes('Initialized');
  const names = runtime.containers.filter(({ role }) => role === 'init').map(({ spec }) => spec.name);
  return names.length === 0
    ? yes('Initialized')
    : no('Initialized', 'ContainersNotInitialized', `containers with incomplete status: [${names.join(' ')}]`);
}

function conditions(pod: Pod, runtime: PodRuntime, decision: Decision, nowMs: number): readonly Condition[] {
  const containers = containersReady(runtime, decision);
  const drafts = [
    yes('PodScheduled'),
    yes('PodReadyToStartContainers'),
    initialized(runtime),
    containers,
    ready(pod, runtime, containers),
  ];
  const before = pod.status?.conditions ?? [];
  const own = drafts.map((draft): Condition => {
    const old = before.find(({ type }) => type === draft.type);
    const isSame = old?.status === draft.status && old.lastTransitionTime !== undefined;
    return { ...draft, lastTransitionTime: isSame ? (old.lastTransitionTime ?? '') : timestamp(nowMs) };
  });
  return [...before.filter(({ type }) => !OWN_CONDITIONS.includes(type)), ...own];
}

/** Where the pod was put. */
export interface StatusPlace {
  readonly podIp: string;
  readonly hostIp: string;
}

/** The whole status of a pod as the kubelet reports it; conditions of others (readiness gates) are kept. */
export function projectStatus(
  pod: Pod,
  runtime: PodRuntime,
  context: { readonly decision: Decision; readonly place: StatusPlace; readonly nowMs: number },
): PodStatus {
  const { decision, place, nowMs } = context;
  const statuses = (role: ContainerRuntime['role']) =>
    runtime.containers
      .filter((container) => container.role === role)
      .map((container) => containerStatus(container, pod));
  const init = statuses('init');
  return {
    phase: decision.phase,
    ...(decision.reason
      ? { reason: decision.reason, message: 'Pod was active on the node longer than the specified deadline' }
      : {}),
    hostIP: place.hostIp,
    hostIPs: [{ ip: place.hostIp }],
    podIP: place.podIp,
    podIPs: [{ ip: place.podIp }],
    startTime: timestamp(runtime.startedAtMs),
    conditions: conditions(pod, runtime, decision, nowMs),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: statuses('app'),
  };
}
