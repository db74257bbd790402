import { kinds } from '../../kube/kinds.ts';
import type { KubeObject } from '../../kube/port.ts';
import { fuseName } from './fuse-name.ts';
import type { FaultPlan } from './port.ts';
import { metadataOf } from './render.ts';

/** A fuse as far as it is read. */
export interface FuseJob extends KubeObject {
  readonly spec: { readonly activeDeadlineSeconds: number };
  readonly status?: { readonly startTime?: string };
}

/**
 * A Job that never runs a pod. At its deadline the Job controller fails it, the TTL controller deletes it at once, and the garbage
 * collector deletes what it owns: none of them is ours.
 */
export function fuseJob(plan: FaultPlan, { number, seconds }: { readonly number: number; readonly seconds: number }) {
  return {
    apiVersion: kinds.job.apiVersion,
    kind: kinds.job.kind,
    metadata: metadataOf(plan, fuseName(plan.experiment, number)),
    spec: {
      parallelism: 0,
      completions: 1,
      backoffLimit: 0,
      activeDeadlineSeconds: seconds,
      ttlSecondsAfterFinished: 0,
      template: { spec: { restartPolicy: 'Never', containers: [{ name: 'fuse', image: 'fuse.invalid/never-runs' }] } },
    },
  };
}

/** When the cluster burns it, in ms since the epoch; whole seconds may make it up to one earlier. */
export function expiresAt({ metadata, spec, status }: FuseJob): number {
  const begin = Date.parse(status?.startTime ?? metadata.creationTimestamp ?? '');
  return (Number.isNaN(begin) ? 0 : begin) + spec.activeDeadlineSeconds * 1000;
}
