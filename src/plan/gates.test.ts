import { describe, expect, it } from 'vitest';
import { specWith } from '../../test/support/sample-spec.ts';
import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import { parseChaosExperiment } from '../api/chaos-experiment.ts';
import {
  experimentNameOf,
  experimentOf,
  type FaultedRelease,
  faultsOn,
  gateFactOf,
  ownerOf,
  trialsOf,
} from './gates.ts';
import { judgeParametersOf } from './judge-parameters.ts';

const ROLLOUT = { metadata: { name: 'checkout', namespace: 'shop' } };
const TRIAL = { name: 'payments-429', openedAt: 1_000 };
const SPEC = specWith({
  objectives: [
    { name: 'availability', requests: { successRatio: 99 } },
    { name: 'orders', prometheus: { bad: 'a{x="{{revision}}"}', total: 'b{x="{{revision}}"}', ratio: 99 } },
  ],
  resilience: [
    {
      ...{ name: 'payments-429', at: { weight: 5 } },
      experiment: {
        target: { service: { name: 'payments', port: 80 } },
        fault: { abort: { httpStatus: 429 } },
        ramp: [{ percentage: 20, for: '1m' }],
      },
    },
  ],
});

describe('the allowed share of false rollbacks', () => {
  it('is shared out between what is compared without a fault, and under that of each gate', () => {
    const [objective] = SPEC.objectives;
    if (objective === undefined) throw new Error('the spec has objectives');
    const { resilience: _, ...ungated } = SPEC;
    expect(judgeParametersOf(ungated, objective).falseRollback).toBeCloseTo(0.01 / 2, 12);
    expect(judgeParametersOf(SPEC, objective).falseRollback).toBeCloseTo(0.01 / 2 / 2, 12);
  });
});

describe('the experiment of a gate', () => {
  const callers = { app: 'checkout' };

  it('is one that the API server would take, for the pods of both versions and the objectives on requests', () => {
    const { metadata, spec } = experimentOf(ROLLOUT, SPEC, { trial: TRIAL, callers });
    const parsed = parseChaosExperiment({
      ...{ apiVersion: 'sluice.dev/v1alpha1', kind: 'ChaosExperiment' },
      ...{ metadata, spec },
    });
    expect(parsed).toMatchObject({ ok: true });
    expect(spec).toMatchObject({
      callers: { matchLabels: { app: 'checkout' } },
      fault: { abort: { httpStatus: 429 } },
      steadyState: { service: 'checkout', objectives: [{ name: 'availability' }] },
    });
    expect(spec.steadyState?.objectives).toHaveLength(1);
    expect(metadata.labels).toMatchObject({ 'sluice.dev/gate-of': 'checkout', 'sluice.dev/gate': 'payments-429' });
  });

  it('has a name that is the same for one trial, another for the next, and never too long', () => {
    const long = `${'a'.repeat(19)}.${'b'.repeat(40)}`;
    expect(experimentNameOf('checkout', TRIAL)).toBe(experimentNameOf('checkout', TRIAL));
    expect(experimentNameOf('checkout', { ...TRIAL, openedAt: 2_000 })).not.toBe(experimentNameOf('checkout', TRIAL));
    expect(experimentNameOf(long, { ...TRIAL, name: 'g'.repeat(20) })).toMatch(/^a{19}-g{20}-[0-9a-f]{8}$/);
  });

  it('needs labels by which the pods are found', () => {
    expect(() => experimentOf(ROLLOUT, SPEC, { trial: TRIAL, callers: {} })).toThrow(/matchLabels in the selector/);
  });
});

const RELEASE: FaultedRelease = {
  ...{ namespace: 'shop', rollout: 'checkout', service: 'checkout', podLabels: { app: 'checkout', tier: 'web' } },
  ...{ startedAt: Date.parse('2026-01-02T03:00:00Z'), trial: TRIAL },
};

function experiment(
  spec: object,
  status: object = { injectedAt: '2026-01-02T03:04:00Z' },
  metadata: object = {},
): ChaosExperiment {
  return {
    metadata: { name: 'one', namespace: 'shop', uid: 'u', ...metadata },
    spec: { target: { service: { name: 'payments', port: 80 } }, fault: { abort: { httpStatus: 503 } }, ...spec },
    status,
  } as ChaosExperiment;
}

describe('the faults of a release', () => {
  const callers = (matchLabels: object) => ({ callers: { matchLabels } });
  const toUs = { target: { service: { name: 'checkout', port: 80 } } };

  it.each([
    ['of its own pods', experiment(callers({ app: 'checkout' })), true],
    ['of everyone here', experiment({ callers: { everyone: true } }), true],
    ['of everyone elsewhere', experiment({ callers: { everyone: true } }, undefined, { namespace: 'b' }), false],
    ['of other pods', experiment(callers({ app: 'checkout', tier: 'db' })), false],
    ['in calls to it, which proxies count apart', experiment({ ...callers({ app: 'web' }), ...toUs }), false],
    ['limits of connections to it', experiment({ ...callers({ app: 'web' }), ...toUs, fault: { circuit: {} } }), true],
    ['that injected nothing', experiment(callers({ app: 'checkout' }), {}), false],
    [
      'of before',
      experiment(callers({ app: 'checkout' }), {
        ...{ injectedAt: '2026-01-02T02:04:00Z', finishedAt: '2026-01-02T02:59:00Z' },
      }),
      false,
    ],
  ] as const)('are those %s: %#', (_, one, isOne) => {
    expect(faultsOn(RELEASE, [one])).toHaveLength(isOne ? 1 : 0);
  });

  it('are told whose they are, and how long they are', () => {
    const name = experimentNameOf('checkout', TRIAL);
    const own = experiment(callers({ app: 'checkout' }), undefined, { name });
    const over = experiment(
      { ...callers({ app: 'checkout' }), stop: true },
      { injectedAt: '2026-01-02T03:04:00Z', finishedAt: '2026-01-02T03:05:00Z' },
    );
    expect(faultsOn(RELEASE, [own, over])).toMatchObject([
      { gate: 'payments-429', until: null, isStopping: false },
      { gate: null, until: Date.parse('2026-01-02T03:05:00Z'), isStopping: true },
    ]);
  });
});

describe('the trials of a Rollout', () => {
  const owned = { ownerReferences: [{ kind: 'Rollout', name: 'checkout', uid: 'r', controller: true }] };
  const labels = { labels: { 'sluice.dev/gate-of': 'checkout' } };
  const rollout = { metadata: { ...ROLLOUT.metadata, uid: 'r' } };
  const name = experimentNameOf('checkout', TRIAL);

  it('are those that it owns and that are not over, before they inject as well', () => {
    const pending = experiment({}, { phase: 'Pending' }, { ...owned, ...labels, name });
    const old = experiment({ stop: true }, { phase: 'Injecting' }, { ...owned, ...labels, name: 'old' });
    const over = experiment({}, { phase: 'Finished' }, { ...owned, ...labels, name: 'over' });
    const forged = experiment({}, { phase: 'Injecting' }, { ...labels, name: 'forged' });
    expect(trialsOf(rollout, TRIAL, [pending, old, over, forged])).toEqual([
      { namespace: 'shop', name, isPresent: true, isStopping: false },
      { namespace: 'shop', name: 'old', isPresent: false, isStopping: true },
    ]);
    expect(ownerOf(forged.metadata)).toBeUndefined();
  });
});

describe('a gate', () => {
  const finished = (verdict: string) => ({
    metadata: { name: 'one' },
    status: { phase: 'Finished', verdict, message: 'said' } as NonNullable<ChaosExperiment['status']>,
  });
  const judged = (kind: 'Rollback' | 'Hold' | 'Advance', reason = '', isShownGood = false) => ({
    ...{ kind, reason, message: 'judged', isShownGood },
  });

  it.each([
    ['nobody knows yet', null, 'running'],
    ['nothing', 0, 'inconclusive'],
    ['too little', 9, 'inconclusive'],
    ['enough', 10, 'passed'],
  ] as const)('where the new version met %s of the fault is %3$s', (_, touched, state) => {
    const verdict = judged('Advance', '', true);
    expect(gateFactOf(TRIAL, finished('Passed'), { verdict, touched })).toMatchObject({ state });
  });

  it.each([
    ['absent', undefined, null],
    ['running', { metadata: { name: 'one' }, status: { phase: 'Injecting' } as const }, judged('Advance', '', true)],
    ['failed', { metadata: { name: 'one' }, status: { phase: 'Injecting' } as const }, judged('Rollback')],
    ['failed', finished('Failed'), judged('Rollback')],
    ['passed', finished('Passed'), judged('Advance', '', true)],
    ['inconclusive', finished('Passed'), judged('Advance', '', false)],
    ['inconclusive', finished('Passed'), null],
    ['weakBefore', finished('Failed'), judged('Hold', 'StableBreachesSlo')],
    ['inconclusive', finished('Failed'), judged('Hold', 'SuspectedHarm')],
    ['inconclusive', finished('Inconclusive'), judged('Advance', '', true)],
    ['inconclusive', finished('Stopped'), judged('Advance', '', true)],
  ] as const)('is %s: %#', (state, one, verdict) => {
    expect(gateFactOf(TRIAL, one, { verdict, touched: 10 })).toMatchObject({ name: 'payments-429', state });
  });
});
