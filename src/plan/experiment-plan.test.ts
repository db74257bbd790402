import { describe, expect, it } from 'vitest';
import { sampleExperiment } from '../../test/support/sample-experiment.ts';
import { doseOfBothVersions, doseSubject, planExperiment, steadySubject } from './experiment-plan.ts';
import { type VersionScope, WHOLE_SCOPE } from './experiment-scope.ts';

const RELEASE = {
  ...{ namespace: 'shop', rollout: 'checkout', service: 'checkout', workload: 'checkout' },
  ...{ stable: 'aa', canary: 'bb' },
};
const CANARY: VersionScope = { ...RELEASE, version: 'Canary' };
const STABLE: VersionScope = { ...RELEASE, version: 'Stable' };
const ofVersion = sampleExperiment({ callers: { matchLabels: { app: 'checkout' }, revision: 'Canary' } });
const onVersion = sampleExperiment({ target: { service: { name: 'checkout', port: 80 }, revision: 'Stable' } });
const pods = (revision: string) => ({
  ...{ namespace: 'shop', workloads: ['checkout'], pods: [`checkout-${revision}-`] },
});
const place = { hosts: ['payments'], workloads: ['checkout'], since: 7 };

describe('a version of the callers', () => {
  it('alone sees the fault, and alone is counted as touched', () => {
    const planned = planExperiment(ofVersion, { callers: CANARY, target: null, objectives: null });
    expect(planned.fault.callers).toEqual({ app: 'checkout', 'pod-template-hash': 'bb' });
    expect(doseSubject(planned, place).edge).toEqual({ hosts: ['payments'], callers: pods('bb') });
    expect(planExperiment(ofVersion, { callers: STABLE, target: null, objectives: null }).fault.callers).toMatchObject({
      'pod-template-hash': 'aa',
    });
  });

  it('has users that are told from those of the other one by the release', () => {
    const planned = planExperiment(ofVersion, { callers: CANARY, target: null, objectives: null });
    const goal = { name: 'a', measure: { kind: 'durations', underMs: 5 }, source: null } as const;
    const more = { allowedRatio: 0.01, field: '', percent: 99 };
    const at = { service: 'checkout', goal: { ...goal, ...more }, hosts: ['checkout', 'checkout-bb'], since: 7 };
    expect(steadySubject(planned, at)).toEqual({
      ...{ namespace: 'shop', service: 'checkout', stable: 'aa', canary: 'bb', since: 7, measure: goal.measure },
    });
    expect(steadySubject(planExperiment(sampleExperiment()), at)).toMatchObject({
      edge: { hosts: ['checkout', 'checkout-bb'], callers: null },
    });
  });

  it('that is not known is nobody', () => {
    expect(planExperiment(ofVersion).fault.callers).toEqual({ app: 'checkout', 'pod-template-hash': 'unresolved' });
    expect(planExperiment(onVersion).fault.target.revision).toBe('unresolved');
  });

  it('is counted beside the other one where the fault is for both', () => {
    const planned = planExperiment(sampleExperiment());
    expect(planned.fault.callers).toEqual({ app: 'checkout' });
    expect(doseOfBothVersions(planned, { release: RELEASE, hosts: ['payments'], since: 7 })).toMatchObject({
      measure: { kind: 'faults', flags: ['FI'] },
      edge: { hosts: ['payments'], callers: pods('bb'), control: pods('aa') },
    });
  });
});

it('a version of the target is its own host, and the others are counted beside it', () => {
  const planned = planExperiment(onVersion, { ...WHOLE_SCOPE, target: STABLE });
  expect(planned.fault.target).toMatchObject({ service: 'checkout', revision: 'aa' });
  const hosts = ['checkout', 'checkout-aa', 'checkout-bb'];
  expect(doseSubject(planned, { hosts, workloads: ['web'], since: 7 }).edge).toEqual({
    hosts: ['checkout-aa'],
    callers: { namespace: 'shop', workloads: ['web'] },
    otherHosts: ['checkout', 'checkout-bb'],
  });
});

describe('the objectives of a steady state', () => {
  const COUNTERS = { bad: 'bad{s="{{service}}"}', total: 'all{s="{{service}}"}', ratio: 99 };
  const objectives = [
    { name: 'promised', objectiveRef: { name: 'slo' } },
    { name: 'orders', prometheus: { ...COUNTERS, sourceRef: { name: 'shop' } } },
  ];
  const experiment = sampleExperiment({ steadyState: { service: 'checkout', objectives } });

  it('are judged as the objects say that it names, and not at all before they are known', () => {
    const known = { ...WHOLE_SCOPE, objectives: [{ name: 'promised', requests: { successRatio: 99.9 } }] };
    expect(planExperiment(experiment, known).steadyState?.goals).toMatchObject([{ name: 'promised', percent: 99.9 }]);
    const before = planExperiment(experiment);
    expect(before.plan.hasObjectives).toBe(true);
    expect(before.steadyState?.goals).toMatchObject([{ name: 'orders', measure: { kind: 'counters' } }]);
  });

  it('on counters are read where the spec says, of all versions or of each', () => {
    const subjectOf = (prometheus: object, callers: VersionScope | null) => {
      const spec = {
        callers: { matchLabels: { app: 'checkout' }, ...(callers !== null && { revision: 'Canary' }) },
        steadyState: { service: 'checkout', objectives: [{ name: 'orders', prometheus }] },
      };
      const planned = planExperiment(sampleExperiment(spec), { ...WHOLE_SCOPE, callers });
      const goal = planned.steadyState?.goals[0];
      if (goal === undefined) throw new Error('no goal');
      return steadySubject(planned, { service: 'checkout', goal, hosts: ['checkout'], since: 7 });
    };
    const all = { edge: { callers: null } };
    expect(subjectOf({ ...COUNTERS, sourceRef: { name: 'shop' } }, null)).toMatchObject({
      ...all,
      source: { namespace: 'shop', name: 'shop' },
    });
    expect(subjectOf(COUNTERS, CANARY)).toMatchObject(all);
    const told = { bad: 'bad{v="{{revision}}"}', total: 'all{v="{{revision}}"}', ratio: 99 };
    expect(subjectOf(told, CANARY)).toMatchObject({ stable: 'aa', canary: 'bb' });
    expect(() => subjectOf(told, null)).toThrow(/callers\.revision/);
  });
});
