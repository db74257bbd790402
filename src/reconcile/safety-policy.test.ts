import { describe, expect, it } from 'vitest';
import { kinds } from '../kube/kinds.ts';
import { policyNow, type SafetyPolicies } from './safety-policy.ts';

const { apiVersion, kind } = kinds.safetyPolicy;
const policy = (spec: object) =>
  ({ apiVersion, kind, metadata: { name: 'default' }, spec }) as unknown as ReturnType<SafetyPolicies['get']>;
const copy = (found: ReturnType<SafetyPolicies['get']>, isFresh: boolean): SafetyPolicies => ({
  get: () => found,
  isFresh: () => isFresh,
});

describe('the policy of the cluster', () => {
  it('is known where the copy is fresh, also that there is none', () => {
    expect(policyNow(copy(policy({ halt: false }), true))).toMatchObject({ policy: { halt: false }, problem: null });
    expect(policyNow(copy(undefined, true))).toEqual({ policy: null, problem: null });
  });

  it.each([
    ['a copy that allowed everything', policy({ halt: false, freeze: false })],
    ['a copy without a policy', undefined],
  ])('is not known by %s, once it cannot be watched', (_, found) => {
    expect(policyNow(copy(found, false)).problem).toContain('cannot be watched');
  });

  it('still halts while it cannot be watched or read', () => {
    expect(policyNow(copy(policy({ halt: true }), false)).policy).toMatchObject({ halt: true });
    expect(policyNow(copy(policy({ halt: true, limits: 'none' }), true)).policy).toMatchObject({ halt: true });
  });
});
