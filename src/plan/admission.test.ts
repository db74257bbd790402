import { describe, expect, it } from 'vitest';
import { sampleExperiment } from '../../test/support/sample-experiment.ts';
import type { Answer } from '../metrics/questions.ts';
import { type AdmissionRequest, admit, NOT_ASKED } from './admission.ts';
import { planExperiment } from './experiment-plan.ts';

const { fault } = planExperiment(sampleExperiment());
const ask = (change: Partial<AdmissionRequest> = {}) =>
  admit({ ...NOT_ASKED, fault, policy: null, running: [], problems: [], ...change });

const policy = (spec: object) => ({ policy: { halt: false, ...spec } });
const beside = (service: string, namespace = 'shop') => ({
  running: [{ namespace: 'ops', name: 'other', target: { namespace, service, port: 8080 } }],
});
const problem = (severity: 'refuse' | 'warn', reason: string) => ({
  problems: [{ severity, reason, message: `${reason}: cure` }],
});
const known = (...labels: readonly Record<string, string>[]): Answer => ({
  state: 'known',
  samples: labels.map((one) => ({ labels: one, value: 1 })),
});
const veto = (answer: Answer) => ({ vetoes: [{ name: 'pages', answer }] });
const UNKNOWN: Answer = { state: 'unknown', message: 'connection refused' };
const budget = (state: 'left' | 'spent' | 'unknown') => ({
  budgets: [{ objective: 'availability', state, message: 'availability: 12 of 1,000' }],
});
const plane = (state: 'ready' | 'trouble' | 'unknown') => ({ controlPlane: { state, message: `istiod is ${state}` } });
const FREEZE = { freeze: { message: 'freezeWindows of the SafetyPolicy: night', until: 1 } };
const RELEASE = { release: { rollout: 'shop/app', service: 'shop/checkout' } };
const INJECTING = { isInjecting: true };

describe('the admission of an experiment', () => {
  it.each([
    // What nothing speaks against.
    ['allowed', 'Admitted', 'there is no policy', {}],
    ['allowed', 'Admitted', 'the policy says nothing', policy({})],
    ['allowed', 'Admitted', 'other namespaces are protected', policy({ protectedNamespaces: ['kube-system'] })],
    ['allowed', 'Admitted', 'another service is held', beside('stock')],
    ['allowed', 'Admitted', 'a service of the same name elsewhere is held', beside('payments', 'other')],
    ['allowed', 'Admitted', 'something had better be known', problem('warn', 'CallersUnmeshed')],
    ['allowed', 'Admitted', 'no veto returns anything', veto(known())],
    ['allowed', 'Admitted', 'the budget has something left', budget('left')],
    // Denied: no waiting helps.
    ['denied', 'Halted', 'the lever is down', policy({ halt: true })],
    ['denied', 'Halted', 'the lever is down while it injects', { ...policy({ halt: true }), ...INJECTING }],
    ['denied', 'ProtectedNamespace', 'the target is protected', policy({ protectedNamespaces: ['a', 'shop'] })],
    ['denied', 'NoSidecar', 'a trap was found', problem('refuse', 'NoSidecar')],
    ['denied', 'FaultHeld', 'somebody else has a fault there', problem('refuse', 'FaultHeld')],
    ['denied', 'ErrorBudgetSpent', 'users had enough', budget('spent')],
    // Waiting: it may pass.
    ['waiting', 'TargetHeld', 'another one has the service', beside('payments')],
    [
      'waiting',
      'TargetHeld',
      "the holder's fault stands",
      { ...beside('payments'), ...problem('refuse', 'FaultHeld') },
    ],
    ['waiting', 'NeighbourHeld', 'a neighbour is being released', RELEASE],
    ['waiting', 'NeighbourHeld', 'a neighbour is being released while it injects', { ...RELEASE, ...INJECTING }],
    ['waiting', 'Frozen', 'the policy freezes', FREEZE],
    ['allowed', 'Admitted', 'the policy freezes while it injects', { ...FREEZE, ...INJECTING }],
    ['waiting', 'ShareExceeded', 'it would be too much', { tooMany: '8 % of the requests' }],
    ['waiting', 'ShareExceeded', 'it has become too much', { tooMany: '8 % of the requests', ...INJECTING }],
    ['waiting', 'Vetoed', 'an alert fires', veto(known({ alertname: 'Down' }))],
    ['waiting', 'Vetoed', 'an alert fires while it injects', { ...veto(known({ alertname: 'Down' })), ...INJECTING }],
    ['waiting', 'Vetoed', 'a veto returns a number', veto(known({}))],
    ['waiting', 'ControlPlane', 'istiod is in trouble', plane('trouble')],
    // Not known, so not allowed.
    ['unknown', 'NotKnown', 'a veto cannot be asked', veto(UNKNOWN)],
    ['unknown', 'NotKnown', 'the budget cannot be asked', budget('unknown')],
    ['unknown', 'NotKnown', 'istiod cannot be asked', plane('unknown')],
    ['unknown', 'NotKnown', 'nobody knows who calls whom', { unread: ['who calls whom: connection refused'] }],
    // Of several the one that no waiting helps against, and what is known before what is not.
    ['denied', 'Halted', 'the lever is down in a freeze', { ...policy({ halt: true }), ...FREEZE }],
    [
      'denied',
      'ErrorBudgetSpent',
      'users had enough and the service is held',
      { ...budget('spent'), ...beside('payments') },
    ],
    ['waiting', 'Frozen', 'the policy freezes and nobody knows', { ...FREEZE, ...veto(UNKNOWN) }],
    ['waiting', 'Vetoed', 'an alert fires and nobody knows', { ...veto(known({ a: 'b' })), unread: ['all else'] }],
  ] as const)('is %s (%s) where %s', (state, reason, _, change) => {
    expect(ask(change)).toMatchObject({ state, reason });
  });

  it.each([
    ['the holder', beside('payments'), /ops\/other, which has Service shop\/payments/],
    ['the release', RELEASE, /Rollout shop\/app releases Service shop\/checkout/],
    ['the veto and what it found', veto(known({ alertname: 'Down' }, {})), /pages \({alertname="Down"} and 1 more\)/],
    ['the veto and its number', veto(known({})), /pages \(the value 1\)/],
    ['the reason of the lever', policy({ halt: true, reason: 'incident 4711' }), /incident 4711; `sluice unhalt`/],
    [
      'all that is not known',
      { ...veto(UNKNOWN), ...plane('unknown') },
      /veto pages: connection refused; istiod is unknown/,
    ],
  ] as const)('names %s', (_, change, message) => {
    expect(ask(change).message).toMatch(message);
  });
});
