import type { RolloutCopies } from '../rollout/copies.ts';

/** Local copies of everything that concerns experiments: those that releases are followed by, and started with them. */
export type ExperimentCopies = Pick<
  RolloutCopies,
  'experiments' | 'safetyPolicies' | 'pods' | 'services' | 'rollouts' | 'deployments' | 'serviceLevelObjectives'
>;
