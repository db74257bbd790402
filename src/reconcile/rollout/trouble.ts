import type { RolloutContext } from '../../../machines/rollout/context.ts';
import type { Facts } from '../../../machines/rollout/facts.ts';
import { hashOf, withoutHash } from '../../workloads/revision.ts';
import type { RolloutObservation } from './observation.ts';
import type { RolloutRecord } from './record.ts';

/** What is wrong between releases, in a reason for programs and a sentence with the cure. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

/** Why the Rollout is not ready although nothing is going on; null in a release, whose own waits say what is wrong. Pure. */
export function troubleOf(observation: RolloutObservation, record: RolloutRecord, facts: Facts): Trouble | null {
  const { state, context } = record;
  if (context.release !== null || facts.deleting || state === 'Gone') return null;
  return missing(observation) ?? forced(observation, record, facts);
}

/** Something that the spec names does not exist. */
function missing({ rollout, deployment, service }: RolloutObservation): Trouble | null {
  const { workloadRef, service: named } = rollout.spec;
  const namespace = rollout.metadata.namespace ?? 'default';
  // Both fields are immutable, so a wrong name is not cured by an edit.
  const cure = 'create it, or delete this Rollout and create one that names another';
  if (deployment === undefined) {
    const what = `spec.workloadRef.name: there is no Deployment ${workloadRef.name} in namespace ${namespace}`;
    return { reason: 'WorkloadNotFound', message: `${what}: ${cure}` };
  }
  if (service === undefined) {
    const what = `spec.service.name: there is no Service ${named.name} in namespace ${namespace}`;
    return { reason: 'ServiceNotFound', message: `${what}: ${cure}` };
  }
  if (service === 'unknown') return null;
  const ports = service.spec?.ports ?? [];
  if (ports.some(({ name, port }) => name === named.port || port === named.port)) return null;
  const has = ports.map(({ name, port }) => (name === undefined ? `${port}` : `${name} (${port})`)).join(', ');
  const what = `spec.service.port: Service ${named.name} has no port ${named.port}, only ${has || 'none at all'}`;
  return {
    reason: 'PortNotFound',
    message: `${what}: add it, or delete this Rollout and create one that names another`,
  };
}

/** A version that was taken back was rolled out all the same: by the Deployment, when somebody un-paused it. */
function forced(
  { deployment }: RolloutObservation,
  { state, context }: RolloutRecord,
  { workload }: Facts,
): Trouble | null {
  if (workload === null || deployment === undefined) return null;
  // The Deployment may have made a ReplicaSet under a name of its own from the template that was taken back.
  const back = takenBack(context, [workload.revision, hashOf(withoutHash(deployment.spec.template))]);
  if (back === null) return null;
  const why = `${workload.revision} was taken back (${back.reason}) and then`;
  if (state === 'Adopting') {
    const message = `${why} the Deployment was un-paused by hand, which rolls it out to all pods without a judgement: put the pod template of before in its place to stop it`;
    return { reason: 'TakenBackVersionRollsOut', message };
  }
  if (workload.revision !== context.stable) return null;
  const message = `${why} rolled out by hand, without a judgement, so it is stable now: release another pod template`;
  return { reason: 'TakenBackVersionIsStable', message };
}

/** How the last release of a revision was taken back; null where it was not, or was promoted since. */
function takenBack({ history }: RolloutContext, names: readonly string[]): { readonly reason: string } | null {
  const last = history.findLast(({ revision }) => names.includes(revision));
  return last?.kind === 'RolledBack' || last?.kind === 'Aborted' ? last : null;
}

/** Troubles that somebody has to be told of, as nobody may look at the status. */
export function isWorthAnEvent(reason: string | undefined): boolean {
  return reason !== undefined && TOLD.has(reason);
}

const TOLD: ReadonlySet<string> = new Set([
  ...['WorkloadNotFound', 'ServiceNotFound', 'PortNotFound'],
  ...['TakenBackVersionRollsOut', 'TakenBackVersionIsStable'],
]);
