import { type ContainerRuntime, isContainerReady, type Stop } from './container-runtime.ts';
import type { Pod, RestartPolicy } from './pod.ts';
import { activeProbes, type ProbeName } from './probe-state.ts';

/** What the worker is to do now; each is safe to repeat because the next decision sees its effect in the runtime. */
export type PodAction =
  | { readonly kind: 'Start'; readonly container: string }
  | { readonly kind: 'BeginStop'; readonly container: string; readonly stop: Stop }
  | { readonly kind: 'Signal'; readonly container: string; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly kind: 'Probe'; readonly container: string; readonly probe: ProbeName }
  /** Everything has ended: delete the object. */
  | { readonly kind: 'RemovePod' };

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** What a pod's worker keeps about it. */
export interface PodRuntime {
  /** When the kubelet took the pod on. */
  readonly startedAtMs: number;
  /** In start order: sidecar, init containers, apps. */
  readonly containers: readonly ContainerRuntime[];
  /** When the deletion was first seen; the grace period counts from here. */
  readonly deletedAtMs?: number;
}

export interface Decision {
  readonly actions: readonly PodAction[];
  /** Nothing can change before this but by an event from outside; Infinity when nothing is planned. */
  readonly wakeAtMs: number;
  readonly phase: PodPhase;
  readonly reason?: 'DeadlineExceeded';
}

const DEFAULT_GRACE_SECONDS = 30;
/** A sidecar has nothing left to do once the apps have ended: it carries their outgoing requests only. */
const SIDECAR_GRACE_MS = 5_000;

/** The restart policy, Always where none is given. */
export function restartPolicy(pod: Pod): RestartPolicy {
  return pod.spec.restartPolicy ?? 'Always';
}

function isDone(container: ContainerRuntime): boolean {
  return container.state.kind === 'terminated';
}

/** True when all init containers have ended well and the sidecar has been ready: the apps may start. */
export function isInitialized(containers: readonly ContainerRuntime[]): boolean {
  if (containers.some((container) => container.role === 'app' && hasRun(container))) return true;
  return containers.every(isPassed);
}

function hasRun(container: ContainerRuntime): boolean {
  return container.state.kind !== 'waiting' || container.lastExit !== undefined;
}

function isPassed(container: ContainerRuntime): boolean {
  if (container.role === 'app') return true;
  if (container.role === 'sidecar') return isContainerReady(container);
  return container.state.kind === 'terminated' && container.state.exit.exitCode === 0;
}

function deadlineMs(pod: Pod, runtime: PodRuntime): number {
  return runtime.startedAtMs + (pod.spec.activeDeadlineSeconds ?? Number.POSITIVE_INFINITY) * 1000;
}

/** True when nothing of the pod may be started again. */
export function isEnding(pod: Pod, runtime: PodRuntime, nowMs: number): boolean {
  return runtime.deletedAtMs !== undefined || nowMs >= deadlineMs(pod, runtime) || isFinished(runtime);
}

/** True when an init container has failed for good, or every app has ended for good. */
function isFinished({ containers }: PodRuntime): boolean {
  const hasFailedInit = containers.some(
    ({ role, state }) => role === 'init' && state.kind === 'terminated' && state.exit.exitCode !== 0,
  );
  return hasFailedInit || containers.filter(({ role }) => role === 'app').every(isDone);
}

function phaseOf(pod: Pod, runtime: PodRuntime, nowMs: number): PodPhase {
  const apps = runtime.containers.filter(({ role }) => role === 'app');
  const isAnyRunning = runtime.containers.some(({ state }) => state.kind === 'running');
  if (!isAnyRunning && nowMs >= deadlineMs(pod, runtime)) return 'Failed';
  if (!isAnyRunning && isFinished(runtime)) return isFinishedWell(runtime) ? 'Succeeded' : 'Failed';
  return apps.every(hasRun) ? 'Running' : 'Pending';
}

/** What a decision is about. */
interface Subject {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  readonly nowMs: number;
}

function stopPlan(container: ContainerRuntime, { pod, runtime, nowMs }: Subject): Stop {
  const graceSeconds =
    pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  const fromMs = runtime.deletedAtMs ?? nowMs;
  const killAtMs = container.role === 'sidecar' ? nowMs + SIDECAR_GRACE_MS : fromMs + graceSeconds * 1000;
  const preStopMs = (container.spec.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000;
  return { termAtMs: Math.min(nowMs + preStopMs, killAtMs), killAtMs, sent: 'nothing' };
}

/** Collects what a decision is made of. */
interface Draft {
  readonly actions: PodAction[];
  wakeAtMs: number;
}

function wakeAt(draft: Draft, atMs: number): void {
  draft.wakeAtMs = Math.min(draft.wakeAtMs, atMs);
}

function advanceStop(draft: Draft, container: ContainerRuntime, stop: Stop, nowMs: number): void {
  const name = container.spec.name;
  if (stop.sent !== 'SIGKILL' && nowMs >= stop.killAtMs)
    draft.actions.push({ kind: 'Signal', container: name, signal: 'SIGKILL' });
  else if (stop.sent === 'nothing' && nowMs >= stop.termAtMs)
    draft.actions.push({ kind: 'Signal', container: name, signal: 'SIGTERM' });
  else if (stop.sent !== 'SIGKILL') wakeAt(draft, stop.sent === 'nothing' ? stop.termAtMs : stop.killAtMs);
}

function runProbes(draft: Draft, container: ContainerRuntime, nowMs: number): void {
  for (const probe of activeProbes(container.probes)) {
    const dueAtMs = container.probes[probe]?.dueAtMs ?? Number.POSITIVE_INFINITY;
    if (dueAtMs <= nowMs) draft.actions.push({ kind: 'Probe', container: container.spec.name, probe });
    else wakeAt(draft, dueAtMs);
  }
}

function isUnhealthy({ probes }: ContainerRuntime): boolean {
  return probes.startup?.outcome === false || probes.liveness?.outcome === false;
}

function keepRunning(draft: Draft, container: ContainerRuntime, subject: Subject): void {
  const { state } = container;
  const { nowMs } = subject;
  if (state.kind === 'waiting' && state.retryAtMs <= nowMs)
    draft.actions.push({ kind: 'Start', container: container.spec.name });
  else if (state.kind === 'waiting') wakeAt(draft, state.retryAtMs);
  if (state.kind !== 'running') return;
  if (state.stop) advanceStop(draft, container, state.stop, nowMs);
  else if (isUnhealthy(container)) beginStop(draft, container, subject);
  else runProbes(draft, container, nowMs);
}

function beginStop(draft: Draft, container: ContainerRuntime, subject: Subject): void {
  draft.actions.push({ kind: 'BeginStop', container: container.spec.name, stop: stopPlan(container, subject) });
}

function end(draft: Draft, subject: Subject): void {
  const { containers, deletedAtMs } = subject.runtime;
  const areAppsGone = containers.every(({ role, state }) => role === 'sidecar' || state.kind !== 'running');
  for (const container of containers) {
    if (container.state.kind !== 'running' || (container.role === 'sidecar' && !areAppsGone)) continue;
    if (container.state.stop) advanceStop(draft, container, container.state.stop, subject.nowMs);
    else beginStop(draft, container, subject);
  }
  const isAllGone = containers.every(({ state }) => state.kind !== 'running');
  if (deletedAtMs !== undefined && isAllGone) draft.actions.push({ kind: 'RemovePod' });
}

function run(draft: Draft, subject: Subject): void {
  const initialized = isInitialized(subject.runtime.containers);
  for (const container of subject.runtime.containers) {
    if (container.role === 'app' && !initialized) return;
    keepRunning(draft, container, subject);
    if (!initialized && !isPassed(container)) return;
  }
}

/** What is to be done about a pod now, and when to look again. */
export function decide(pod: Pod, runtime: PodRuntime, nowMs: number): Decision {
  const isOver = isEnding(pod, runtime, nowMs);
  const draft: Draft = { actions: [], wakeAtMs: isOver ? Number.POSITIVE_INFINITY : deadlineMs(pod, runtime) };
  if (isOver) end(draft, { pod, runtime, nowMs });
  else run(draft, { pod, runtime, nowMs });
  const isLate = nowMs >= deadlineMs(pod, runtime) && !isFinishedWell(runtime);
  return {
    actions: draft.actions,
    wakeAtMs: draft.wakeAtMs,
    phase: phaseOf(pod, runtime, nowMs),
    ...(isLate ? { reason: 'DeadlineExceeded' as const } : {}),
  };
}

function isFinishedWell({ containers }: PodRuntime): boolean {
  return containers.every(
    ({ role, state }) => role !== 'app' || (state.kind === 'terminated' && state.exit.exitCode === 0),
  );
}
