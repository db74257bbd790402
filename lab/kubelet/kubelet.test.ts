import { describe, expect, it } from 'vitest';
import { bindingOf, isUnbound } from './kubelet.ts';
import { INJECTED, testContainer, testPod } from './test-pods.ts';

const unbound = testPod({}, {});
const open = { ...unbound, spec: { containers: [testContainer('main')] } };

describe('a pod that waits for a node', () => {
  it('has none yet and asks for the default scheduler', () => {
    expect(isUnbound(open)).toBe(true);
    expect(isUnbound(testPod({ nodeName: 'lab' }))).toBe(false);
  });

  it('is left alone while it is gated, deleted, or another scheduler’s', () => {
    expect(isUnbound({ ...open, spec: { ...open.spec, schedulingGates: [{ name: 'wait' }] } })).toBe(false);
    expect(isUnbound({ ...open, spec: { ...open.spec, schedulerName: 'own' } })).toBe(false);
    expect(isUnbound({ ...open, metadata: { ...open.metadata, deletionTimestamp: 'now' } })).toBe(false);
  });
});

describe('the binding of a pod', () => {
  it('names pod and node', () => {
    expect(bindingOf(open, 'lab')).toMatchObject({
      metadata: { name: 'shop-1', namespace: 'shop', uid: 'u1' },
      target: { kind: 'Node', name: 'lab' },
    });
    expect(bindingOf(open, 'lab').metadata.annotations).toBeUndefined();
  });

  it('tells Prometheus where to scrape a pod with a sidecar', () => {
    const pod = { ...open, metadata: { ...open.metadata, ...INJECTED } };
    expect(bindingOf(pod, 'lab').metadata.annotations).toMatchObject({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': '15000',
    });
  });
});
