import type { ContainerStatus, Pod } from './objects.ts';
import { HASH_LABEL } from './revision.ts';

/** True when the pod serves: Ready, and not on its way out. */
export function isReady(pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** The workload that a pod belongs to, as its proxy names it: of a ReplicaSet that is its Deployment. */
export function workloadOf({ metadata }: Pod): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return metadata.name;
  // A ReplicaSet's name is that of its Deployment and the hash of the template.
  const suffix = `-${metadata.labels?.[HASH_LABEL]}`;
  return owner.kind === 'ReplicaSet' && owner.name.endsWith(suffix) ? owner.name.slice(0, -suffix.length) : owner.name;
}

/**
 * Why pods are not ready, in the words of their own status, the most telling one first: a container that cannot start or keeps ending
 * before one that only is not ready yet. Null when nothing is wrong.
 */
export function problemOf(pods: readonly Pod[]): string | null {
  const problems = pods.filter((pod) => !isReady(pod) && pod.metadata.deletionTimestamp === undefined).map(podProblem);
  return problems.find(({ isTelling }) => isTelling)?.text ?? problems[0]?.text ?? null;
}

interface Problem {
  readonly text: string;
  readonly isTelling: boolean;
}

function podProblem(pod: Pod): Problem {
  const { name } = pod.metadata;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const container = statuses.map(containerProblem).find((problem) => problem !== null);
  if (container != null) return { text: `pod ${name}: ${container}`, isTelling: true };
  const blocked = pod.status?.conditions?.find(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason !== undefined,
  );
  if (blocked !== undefined)
    return { text: `pod ${name}: ${sentence(blocked.reason, blocked.message)}`, isTelling: true };
  const notReady = pod.status?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'False');
  return {
    text: `pod ${name}: ${sentence(notReady?.reason ?? pod.status?.phase ?? 'Pending', notReady?.message)}`,
    isTelling: false,
  };
}

const HARMLESS_WAITING: readonly string[] = ['ContainerCreating', 'PodInitializing'];

function containerProblem({ name, state, lastState }: ContainerStatus): string | null {
  const waiting = state?.waiting;
  if (waiting?.reason !== undefined && !HARMLESS_WAITING.includes(waiting.reason)) {
    return `container ${name}: ${sentence(waiting.reason, waiting.message)}${lastExit(lastState?.terminated)}`;
  }
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended !== undefined && ended.exitCode !== 0)
    return `container ${name}: ${ended.reason ?? 'Error'}${lastExit(ended)}`;
  return null;
}

function lastExit(terminated: { readonly exitCode?: number } | undefined): string {
  return terminated?.exitCode === undefined ? '' : ` (exit code ${terminated.exitCode})`;
}

function sentence(reason = 'Unknown', message?: string): string {
  return message === undefined || message === '' ? reason : `${reason}, ${message}`;
}
