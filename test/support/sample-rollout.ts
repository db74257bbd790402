import { parse } from 'yaml';
import { parseRollout } from '../../src/api/parse-rollout.ts';
import type { Rollout } from '../../src/api/rollout.ts';

/** The time at which the samples are looked at: 2026-01-02 03:04:05 UTC. */
export const SAMPLE_NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

type Status = NonNullable<Rollout['status']>;

const SPEC = `
workloadRef: {kind: Deployment, name: checkout}
service: {name: checkout, port: http}
routing: {istio: {}}
strategy: {canary: {steps: [{weight: 5, hold: 2m}, {weight: 25}, {weight: 100}]}}
`;

/** What status says in the middle of a release that has seen a little evidence against it. */
export const RELEASING: Status = {
  observedGeneration: 1,
  phase: 'Progressing',
  message: 'watches the canary at 5 %; 31 of 50 requests seen',
  stable: { revision: '6d4b75cb6d', replicas: 4, readyReplicas: 4 },
  canary: { revision: '7f9c8b5d4f', replicas: 1, readyReplicas: 1 },
  step: { index: 1, count: 3, weight: 5 },
  weight: { desired: 5, applied: 5, observed: 4.87 },
  objectives: [
    {
      name: 'availability',
      verdict: 'Inconclusive',
      message: '31 of 50 requests seen',
      odds: 3.2,
      canary: { requests: 31, failures: 1 },
      stable: { requests: 1589, failures: 2 },
    },
  ],
  waiting: {
    reason: 'Watching',
    message: 'watches the canary at 5 %; 31 of 50 requests seen',
    until: '2026-01-02T03:05:35Z',
  },
  failedRequests: 1,
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason: 'Progressing',
      message: 'watches',
      lastTransitionTime: '2026-01-02T03:00:00Z',
    },
    {
      type: 'Stalled',
      status: 'False',
      reason: 'Proceeding',
      message: 'nothing needs an edit',
      lastTransitionTime: '2026-01-02T03:00:00Z',
    },
  ],
};

/** What status says between releases, after one that was promoted and one that was taken back. */
export const AT_REST: Status = {
  observedGeneration: 1,
  phase: 'Idle',
  message: 'stable is 6d4b75cb6d',
  stable: { revision: '6d4b75cb6d', replicas: 4, readyReplicas: 4 },
  history: [
    {
      revision: '6d4b75cb6d',
      outcome: 'Promoted',
      message: 'the canary passed every step',
      startedAt: '2026-01-02T01:00:00Z',
      finishedAt: '2026-01-02T01:10:00Z',
      failedRequests: 0,
    },
    {
      revision: '7f9c8b5d4f',
      outcome: 'RolledBack',
      message: 'it failed more often than stable',
      startedAt: '2026-01-02T03:00:00Z',
      finishedAt: '2026-01-02T03:01:05Z',
      failedRequests: 12,
    },
  ],
};

/** A valid Rollout `shop/checkout` with defaults and the given status, as the API server would give it. */
export function sampleRollout(status?: Status, changes: { readonly action?: Rollout['spec']['action'] } = {}): Rollout {
  const parsed = parseRollout({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'checkout', namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { ...parse(SPEC), ...changes },
    ...(status !== undefined && { status }),
  });
  if (!parsed.ok) throw new Error(`the sample is wrong: ${JSON.stringify(parsed.problems)}`);
  return parsed.rollout;
}
