import { describe, expect, it } from 'vitest';
import { sampleExperiment } from '../../test/support/sample-experiment.ts';
import { RELEASING, sampleRollout } from '../../test/support/sample-rollout.ts';
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

const VERSION = {
  ...{ namespace: 'shop', rollout: 'checkout', service: 'checkout', workload: 'checkout' },
  ...{ stable: '6d4b75cb6d', canary: '7f9c8b5d4f' },
};

describe('the version that a spec names', () => {
  it('is that of the release in progress whose pods are the callers, or whose Service is the target', () => {
    expect(resolveScope(CANARY, [candidate()])).toEqual({
      state: 'resolved',
      scope: { callers: { ...VERSION, version: 'Canary' }, target: null },
    });
    expect(resolveScope(TARGET, [candidate()])).toEqual({
      state: 'resolved',
      scope: { callers: null, target: { ...VERSION, version: 'Stable' } },
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
    expect(resolveScope(CANARY, candidates)).toMatchObject({
      ...answer,
      message: expect.stringContaining('spec.callers.revision: '),
    });
  });

  it('is refused where users of one version cannot be told from others', () => {
    const objectives = [{ name: 'a', requests: { successRatio: 99 } }];
    const elsewhere = sampleExperiment({ callers: CANARY.spec.callers, steadyState: { service: 'web', objectives } });
    expect(resolveScope(elsewhere, [candidate()])).toMatchObject({ state: 'denied', reason: 'SteadyStateElsewhere' });
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

it('callers of a version are told by the names of their pods, as Kubernetes gives them', () => {
  expect(callersOfRevision(VERSION, 'aa')).toEqual({
    ...{ namespace: 'shop', workloads: ['checkout'], pods: ['checkout-aa-'] },
  });
  const workload = 'w'.repeat(50);
  expect(callersOfRevision({ ...VERSION, workload }, '7f9c8b5d4f').pods).toEqual([`${workload}-7f9c8b5`]);
});
