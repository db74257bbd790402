import { describe, expect, it } from 'vitest';
import { type Problem, parseRollout } from './parse-rollout.ts';

const minimal = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'checkout', namespace: 'shop', managedFields: [{ manager: 'kubectl' }] },
  spec: {
    workloadRef: { name: 'checkout' },
    service: { name: 'checkout', port: 'http' },
    routing: { istio: {} },
    strategy: { canary: {} },
  },
};

describe('parseRollout', () => {
  it('fills in the defaults', () => {
    expect(parseRollout(minimal)).toMatchObject({
      ok: true,
      rollout: {
        spec: {
          workloadRef: { kind: 'Deployment' },
          strategy: { canary: {} },
          objectives: [{ name: 'availability', requests: { successRatio: 99 } }],
          analysis: {
            falseRollback: 0.01,
            falsePromote: 0.05,
            minRequests: 50,
            margin: 1.5,
            warmup: '10s',
            bake: '5m',
          },
          progressDeadline: '10m',
        },
      },
    });
  });

  it('keeps metadata that it does not know', () => {
    expect(parseRollout(minimal)).toMatchObject({ rollout: { metadata: minimal.metadata } });
  });

  it('names every field that is wrong, not only the first', () => {
    const { workloadRef: _gone, ...spec } = minimal.spec;
    expect(problemsOf({ ...minimal, spec: { ...spec, routing: {}, drian: '5s' } })).toEqual([
      { path: 'spec.workloadRef', message: 'Required value' },
      { path: 'spec.routing', message: 'needs the block istio: add `istio: {}`' },
      { path: 'spec.drian', message: 'unknown field "spec.drian": correct its spelling or remove it' },
    ]);
  });

  it('says so when it is given another kind', () => {
    expect(problemsOf({ ...minimal, kind: 'Deployment' })).toEqual([
      { path: 'kind', message: 'supported values: "Rollout"' },
    ]);
  });

  it('names the types that a field may have', () => {
    const spec = { ...minimal.spec, service: { name: 'checkout', port: {} }, drain: 5, routing: 'istio' };
    expect(problemsOf({ ...minimal, spec })).toEqual([
      { path: 'spec.service.port', message: 'must be of type number or string' },
      { path: 'spec.routing', message: 'must be of type object' },
      { path: 'spec.drain', message: 'must be of type string' },
    ]);
  });

  it.each([undefined, null, 'text', []])('survives %j', (object) => {
    expect(problemsOf(object)).not.toEqual([]);
  });
});

function problemsOf(object: unknown): readonly Problem[] {
  const parsed = parseRollout(object);
  return parsed.ok ? [] : parsed.problems;
}
