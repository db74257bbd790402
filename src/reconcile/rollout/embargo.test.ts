import { describe, expect, it } from 'vitest';
import { sampleExperiment } from '../../../test/support/sample-experiment.ts';
import { sampleRollout } from '../../../test/support/sample-rollout.ts';
import type { KubeObject } from '../../kube/port.ts';
import { embargoOn } from './embargo.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const rollout = sampleRollout();
const SERVICE = `shop/${rollout.spec.service.name}`;

const policyOf = (spec: object) => ({
  ...{ apiVersion: 'sluice.dev/v1alpha1', kind: 'SafetyPolicy', metadata: { name: 'default' }, spec },
});
const experiment = (phase: 'Pending' | 'Injecting' | 'Finished', neighbours: readonly string[], gateOf?: string) => {
  const one = sampleExperiment();
  const labels = gateOf === undefined ? {} : { 'sluice.dev/gate-of': gateOf };
  const owners = [{ apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name: gateOf, uid: 'r', controller: true }];
  const ownerReferences = gateOf === undefined ? [] : owners;
  return {
    ...one,
    metadata: { ...one.metadata, labels, ownerReferences },
    status: { phase, neighbours: [...neighbours] },
  };
};
const ask = (spec: object | null, experiments: readonly object[] = [], isFresh = true) =>
  embargoOn(
    rollout,
    {
      safetyPolicies: { get: () => (spec === null ? undefined : (policyOf(spec) as never)), isFresh: () => isFresh },
      experiments: { list: () => experiments as readonly (KubeObject & never)[] },
    },
    NOW,
  );

describe('an embargo on releases', () => {
  it.each([
    ['there is neither policy nor experiment', null, []],
    ['the policy does not freeze', { halt: true }, []],
    ['the experiment waits itself', null, [experiment('Pending', [SERVICE])]],
    ['the experiment is over', null, [experiment('Finished', [SERVICE])]],
    ['the experiment is no neighbour', null, [experiment('Injecting', ['shop/stock'])]],
    ['the experiment is a gate of this release', null, [experiment('Injecting', [SERVICE], rollout.metadata.name)]],
  ] as const)('is none where %s', (_, spec, experiments) => {
    expect(ask(spec, experiments)).toBeNull();
  });

  it.each([
    ['Frozen', 'by the lever', { freeze: true }, [], null],
    [
      'Frozen',
      'by a window',
      { freezeWindows: [{ name: 'w', days: ['Sat'] }] },
      [],
      Date.parse('2026-11-29T00:00:00Z'),
    ],
    ['Frozen', 'by a policy of another version', { freeze: true, moon: 'full' }, [], null],
    ['PolicyUnknown', 'while the policy cannot be read', { moon: 'full' }, [], null],
    ['NeighbourHeld', 'by an experiment next door', null, [experiment('Injecting', ['shop/a', SERVICE])], null],
  ] as const)('is %s %s', (...[reason, , spec, experiments, until]) => {
    expect(ask(spec, experiments)).toMatchObject({ reason, until });
  });

  it('holds until the policy is known', () => {
    expect(ask(null, [], false)).toMatchObject({ reason: 'PolicyUnknown' });
  });
});
