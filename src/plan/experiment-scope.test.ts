import { describe, expect, it } from 'vitest';
import { sampleExperiment } from '../../test/support/sample-experiment.ts';
import { RELEASING, sampleRollout } from '../../test/support/sample-rollout.ts';
import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import type { Rollout } from '../api/rollout.ts';
import { type Candidate, callersOfRevision, resolveScope, scopeEnd } from './experiment-scope.ts';

const CALLERS = { matchLabels: { app: 'checkout' } };
const CANARY = sampleExperiment({ callers: { ...CALLERS, revision: 'Canary' } });
const TARGET = sampleExperiment({ target: { service: { name: 'checkout', port: 80 }, revision: 'Stable' } });

const candidate = (
  status: Partial<Rollout['status']> = {},
  podLabels: Candidate['podLabels'] = { app: 'checkout' },
) => {
  const rollout = sampleRollout({ ...RELEASING, ...status });
  return { rollout: { ...rollout, metadata: { ...rollout.metadata, namespace: 'shop' } }, podLabels };
};

const resolve = (
  experiment: ChaosExperiment,
  candidates: readonly Candidate[] = [],
  slos: Record<string, object> = {},
) => resolveScope(experiment, { candidates, objective: (name) => slos[name] });

const VERSION = {
  ...{ namespace: 'shop', rollout: 'checkout', service: 'checkout', workload: 'checkout' },
  ...{ stable: '6d4b75cb6d', canary: '7f9c8b5d4f' },
};

describe('the version that a spec names', () => {
  it('is that of the release in progress whose pods are the callers, or whose Service is the target', () => {
    expect(resolve(CANARY, [candidate()])).toEqual({
      state: 'resolved',
      scope: { callers: { ...VERSION, version: 'Canary' }, target: null, objectives: null },
    });
    expect(resolve(TARGET, [candidate()])).toEqual({
      state: 'resolved',
      scope: { callers: null, target: { ...VERSION, version: 'Stable' }, objectives: null },
    });
  });

  it.each<[string, readonly Candidate[], object]>([
    ['without any Rollout', [], { state: 'denied', reason: 'NoRelease' }],
    ['at rest', [candidate({ phase: 'Idle' })], { state: 'denied', reason: 'NoRelease' }],
    ['on its way back', [candidate({ phase: 'RollingBack' })], { state: 'denied', reason: 'NoRelease' }],
    ['of other callers', [candidate({}, { app: 'web' })], { state: 'denied', reason: 'NoRelease' }],
    ['without a Deployment', [candidate({}, null)], { state: 'denied', reason: 'NoRelease' }],
    ['being prepared', [candidate({ phase: 'Preparing' })], { state: 'waiting', reason: 'ReleasePreparing' }],
    ['of two Rollouts', [candidate(), candidate()], { state: 'denied', reason: 'SeveralReleases' }],
  ])('is not known %s', (_, candidates, answer) => {
    expect(resolve(CANARY, candidates)).toMatchObject({
      ...answer,
      message: expect.stringContaining('spec.callers.revision: '),
    });
  });

  it('is refused where users of one version cannot be told from others', () => {
    const objectives = [{ name: 'a', requests: { successRatio: 99 } }];
    const elsewhere = sampleExperiment({ callers: CANARY.spec.callers, steadyState: { service: 'web', objectives } });
    expect(resolve(elsewhere, [candidate()])).toMatchObject({ state: 'denied', reason: 'SteadyStateElsewhere' });
  });

  it.each<[string, readonly Candidate[], string | null]>([
    ['goes on', [candidate()], null],
    ['goes on while it is paused', [candidate({ phase: 'Paused' })], null],
    ['is promoted', [candidate({ phase: 'Promoting' })], '(Promoting)'],
    ['is superseded', [candidate({ canary: { revision: 'other' } })], '(Progressing)'],
    ['lost its Rollout', [], '(deleted)'],
  ])('ends with its release, which %s', (_, candidates, end) => {
    const scope = { callers: { ...VERSION, version: 'Canary' as const }, target: null };
    const seen = scopeEnd(scope, candidates);
    if (end === null) expect(seen).toBeNull();
    else expect(seen).toContain(end);
  });
});

describe('an objective that the spec names', () => {
  const named = (callers: object = CALLERS) => {
    const objectives = [
      { name: 'own', requests: { successRatio: 99 } },
      { name: 'promised', objectiveRef: { name: 'slo' } },
    ];
    return sampleExperiment({ callers, steadyState: { service: 'checkout', objectives } });
  };
  const slo = (spec: object) => ({
    slo: { apiVersion: 'sluice.dev/v1alpha1', kind: 'ServiceLevelObjective', metadata: { name: 'slo' }, spec },
  });
  const counters = { prometheus: { bad: 'bad{v="{{revision}}"}', total: 'all{v="{{revision}}"}', ratio: 99 } };

  it('is what the object says', () => {
    expect(resolve(named(), [], slo({ requests: { successRatio: 99.9 } }))).toMatchObject({
      scope: {
        objectives: [
          { name: 'own', requests: { successRatio: 99 } },
          { name: 'promised', requests: { successRatio: 99.9 } },
        ],
      },
    });
  });

  it.each<[string, Record<string, object>, object, string]>([
    ['that is not there is waited for', {}, { state: 'waiting', reason: 'ObjectiveUnknown' }, 'create it'],
    ['that cannot be read is waited for', slo({}), { state: 'waiting', reason: 'ObjectiveInvalid' }, 'slo'],
    ['of one version is refused', slo(counters), { state: 'denied', reason: 'ObjectiveOfOneVersion' }, '{{revision}}'],
  ])('%s', (_, slos, answer, message) => {
    const seen = resolve(named(), [], slos);
    expect(seen).toMatchObject({ ...answer, message: expect.stringContaining(message) });
    expect(seen).toMatchObject({ message: expect.stringContaining('spec.steadyState.objectives[1].objectiveRef: ') });
  });

  it('of one version is taken where one version of the callers is meant', () => {
    expect(resolve(named({ ...CALLERS, revision: 'Canary' }), [candidate()], slo(counters))).toMatchObject({
      scope: { objectives: [{}, counters] },
    });
  });
});

it('callers of a version are told by the names of their pods, as Kubernetes gives them', () => {
  expect(callersOfRevision(VERSION, 'aa')).toEqual({
    ...{ namespace: 'shop', workloads: ['checkout'], pods: ['checkout-aa-'] },
  });
  const workload = 'w'.repeat(50);
  expect(callersOfRevision({ ...VERSION, workload }, '7f9c8b5d4f').pods).toEqual([`${workload}-7f9c8b5`]);
});
