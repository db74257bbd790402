import { parseSafetyPolicy, type SafetyPolicy } from '../api/safety-policy.ts';
import type { KubeObject, Reflector } from '../kube/port.ts';

/** The policy of the cluster; null where there is none. */
export interface ReadPolicy {
  readonly policy: SafetyPolicy['spec'] | null;
  /** Why all else of it is not known; null where it is. */
  readonly problem: string | null;
}

export type SafetyPolicies = Pick<Reflector<SafetyPolicy & KubeObject>, 'get' | 'isFresh'>;

/** The policy as far as it is known. One that cannot be read, or is from before the watch broke, still halts and freezes. */
export function policyNow(policies: SafetyPolicies): ReadPolicy {
  const found = policies.get(undefined, 'default');
  const stale = policies.isFresh() ? null : 'the SafetyPolicy cannot be watched at the moment';
  if (found === undefined) return { policy: null, problem: stale };
  const parsed = parseSafetyPolicy(found);
  if (parsed.ok) return { policy: parsed.value.spec, problem: stale };
  const problems = parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
  const { halt, freeze } = found.spec;
  return { policy: { halt: halt === true, freeze: freeze === true }, problem: `the SafetyPolicy: ${problems}` };
}
