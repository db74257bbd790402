import type { Rollout } from '../../api/rollout.ts';
import type { Obstacle } from './obstacle.ts';

type Problem = Pick<Obstacle, 'reason' | 'message'>;

/** Two Rollouts that moved the same pods or the same route would undo each other: the older one has them. */
export function claimProblem(others: readonly Rollout[], rollout: Rollout): Problem | null {
  const { workloadRef, service } = rollout.spec;
  const holder = others
    .filter(({ metadata }) => metadata.uid !== rollout.metadata.uid && isOlder(metadata, rollout.metadata))
    .find(({ spec }) => spec.workloadRef.name === workloadRef.name || spec.service.name === service.name);
  if (holder === undefined) return null;
  const [field, name] =
    holder.spec.workloadRef.name === workloadRef.name
      ? ['spec.workloadRef.name', `Deployment ${workloadRef.name}`]
      : ['spec.service.name', `Service ${service.name}`];
  const message = `${field}: ${name} belongs to the older Rollout ${holder.metadata.name}: delete one of the two`;
  return { reason: 'AlreadyClaimed', message };
}

function isOlder(a: Rollout['metadata'], b: Rollout['metadata']): boolean {
  const [first, second] = [a, b].map(({ creationTimestamp = '', uid = '' }) => `${creationTimestamp}/${uid}`);
  return (first ?? '') < (second ?? '');
}
