import type { Release } from './context.ts';
import type { Facts } from './facts.ts';

/**
 * Pods that a version needs for its share of the requests. The Deployment's size at the start is the floor: while two versions run, an
 * autoscaler that counts the pods of both sees half the load on each and would shrink the service under a growing canary.
 */
export function replicasFor(weightBp: number, release: Release, facts: Facts): number {
  const size = Math.max(release.replicas, facts.workload?.replicas ?? 0);
  return Math.max(1, Math.ceil((weightBp * size) / 10_000));
}
