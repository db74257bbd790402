import type { EmbargoFact } from '../../../machines/rollout/facts.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { KubeObject, Reflector } from '../../kube/port.ts';
import { freezeAt } from '../../plan/freeze.ts';
import { isExclusive, isUnderWay, neighbourOf } from '../../plan/neighbours.ts';
import { keyOf } from '../key.ts';
import { policyNow, type SafetyPolicies } from '../safety-policy.ts';

export interface EmbargoSources {
  readonly safetyPolicies: SafetyPolicies;
  readonly experiments: Pick<Reflector<ChaosExperiment & KubeObject>, 'list'>;
}

/** Why no release may begin at a time (ms); null where one may. Pure but for the copies that it reads. */
export function embargoOn(rollout: Rollout, sources: EmbargoSources, now: number): EmbargoFact | null {
  const { policy, problem } = policyNow(sources.safetyPolicies);
  const freeze = freezeAt(policy, now);
  if (freeze !== null) return { reason: 'Frozen', ...freeze };
  if (problem !== null) return { reason: 'PolicyUnknown', message: problem, until: null };
  const service = `${rollout.metadata.namespace ?? 'default'}/${rollout.spec.service.name}`;
  const holder = sources.experiments
    .list()
    .filter(isUnderWay)
    .find((experiment) => isExclusive({ rollout: keyOf(rollout), service }, neighbourOf(experiment)));
  if (holder === undefined) return null;
  const message = `waits for the end of ChaosExperiment ${keyOf(holder)}, a neighbour: one would be taken for the other; \`sluice chaos stop\` ends it`;
  return { reason: 'NeighbourHeld', message, until: null };
}
