import { describe, expect, it } from 'vitest';
import { AT_REST, RELEASING, SAMPLE_NOW_MS, sampleRollout } from '../../../test/support/sample-rollout.ts';
import { detailLines } from './details.ts';
import { listLines } from './list.ts';
import { changeKey, changeLine, liveLines } from './live.ts';
import { plain } from './paint.ts';

const at = { nowMs: SAMPLE_NOW_MS, paint: plain };
const text = (lines: readonly string[]) => `\n${lines.join('\n')}\n`;
const rates = {
  stable: { requestsPerSecond: 182.4, failedPercent: 0.02 },
  canary: { requestsPerSecond: 9.6, failedPercent: undefined },
};

describe('the table', () => {
  it('has a line for each Rollout, by name', () => {
    const checkout = sampleRollout(RELEASING);
    const cart = { ...sampleRollout(), metadata: { ...checkout.metadata, name: 'cart' } };
    expect(text(listLines([checkout, cart], { ...at, hasNamespaces: false }))).toBe(`
NAME       PHASE         STEP   WEIGHT   STABLE       CANARY       FAILED   AGE    MESSAGE
cart       Unknown       -      -        -            -            -        1d3h   no controller has looked at it yet
checkout   Progressing   1/3    5 %      6d4b75cb6d   7f9c8b5d4f   1        1d3h   watches the canary at 5 %; 31 of 50 requests seen
`);
  });

  it('names the namespaces where there are several', () => {
    const lines = listLines([sampleRollout(AT_REST)], { ...at, hasNamespaces: true });
    expect(text(lines)).toBe(`
NAMESPACE   NAME       PHASE   STEP   WEIGHT   STABLE       CANARY   FAILED   AGE    MESSAGE
shop        checkout   Idle    -      -        6d4b75cb6d   -        -        1d3h   stable is 6d4b75cb6d
`);
  });
});

describe('the detailed view', () => {
  it('shows versions, steps, evidence and the wait of a release', () => {
    expect(text(detailLines(sampleRollout(RELEASING), at))).toBe(`
checkout in namespace shop: Progressing
watches the canary at 5 %; 31 of 50 requests seen

Versions   REVISION     PODS   WEIGHT
  stable   6d4b75cb6d   4/4    95 %
  canary   7f9c8b5d4f   1/1    5 % (seen 4.87 %)
  1 failed request of the canary so far

Steps
  ▶ 5 %     hold 2m
    25 %    hold 1m
    100 %   bake 5m

Evidence against the new version
  availability  Inconclusive  3.2 to 1 against it (taken back at 100 to 1)
    canary  31 requests, 1 failed (3.23 %)
    stable  1,589 requests, 2 failed (0.13 %)
    31 of 50 requests seen

Waits (Watching); 1m30s left
`);
  });

  it('shows the history at rest, newest first', () => {
    expect(text(detailLines(sampleRollout(AT_REST), at))).toBe(`
checkout in namespace shop: Idle
stable is 6d4b75cb6d

Versions   REVISION     PODS   WEIGHT
  stable   6d4b75cb6d   4/4    100 %

Steps
    5 %     hold 2m
    25 %    hold 1m
    100 %   bake 5m

History, newest first
  7f9c8b5d4f   RolledBack   3m ago      took 1m5s   12 failed   it failed more often than stable
  6d4b75cb6d   Promoted     1h54m ago   took 10m    0 failed    the canary passed every step
`);
  });

  it('says so when no controller has looked at it', () => {
    expect(detailLines(sampleRollout(), at).slice(0, 2)).toEqual([
      'checkout in namespace shop: Unknown',
      'no controller has looked at it yet: is one running?',
    ]);
  });

  it('marks the steps that are done', () => {
    const lines = detailLines(sampleRollout({ ...RELEASING, step: { index: 2, count: 3, weight: 25 } }), at);
    expect(lines).toEqual(expect.arrayContaining(['  ✓ 5 %     hold 2m', '  ▶ 25 %    hold 1m']));
  });

  it('says that the steps were edited during the release', () => {
    const lines = detailLines(sampleRollout({ ...RELEASING, step: { index: 2, count: 5, weight: 25 } }), at);
    expect(lines).toContain('Steps (edited since; the release follows the 5 steps of before, and is at its step 2)');
  });

  it('tells a route that is not as wanted', () => {
    const lines = detailLines(sampleRollout({ ...RELEASING, weight: { desired: 25, applied: 5 } }), at);
    expect(lines).toContain('  canary   7f9c8b5d4f   1/1    25 % wanted, route 5 %');
  });

  it('shows only conditions that are a reason to worry', () => {
    const condition = (type: string, status: 'True' | 'False' | 'Unknown', reason: string) => ({
      ...{ type, status, reason, message: `about ${type}`, lastTransitionTime: '2026-01-02T03:00:00Z' },
    });
    const conditions = [
      condition('Ready', 'False', 'Progressing'),
      condition('Reconciling', 'True', 'Progressing'),
      condition('Stalled', 'True', 'RouteChanged'),
      condition('AnalysisHealthy', 'Unknown', 'MetricsUnavailable'),
      condition('TrafficVerified', 'Unknown', 'NotYetSeen'),
    ];
    const lines = detailLines(sampleRollout({ ...RELEASING, conditions }), at);
    expect(lines.slice(lines.indexOf('Conditions that are not as they should be') + 1)).toEqual([
      '  Stalled           True      RouteChanged: about Stalled',
      '  AnalysisHealthy   Unknown   MetricsUnavailable: about AnalysisHealthy',
    ]);
  });

  it('gives all requests to a version that has just become stable', () => {
    const promoted = { revision: '7f9c8b5d4f', replicas: 4, readyReplicas: 4 };
    const status = { ...RELEASING, phase: 'Promoting', stable: promoted, canary: promoted } as const;
    const lines = detailLines(sampleRollout({ ...status, weight: { desired: 0, applied: 0 } }), at);
    expect(lines).toContain('  stable   7f9c8b5d4f   4/4    100 %');
    expect(lines.some((line) => line.includes('canary   7f9'))).toBe(false);
  });
});

describe('the live view', () => {
  it('shows weight, rates, evidence and what comes next', () => {
    expect(text(liveLines(sampleRollout(RELEASING), { ...at, rates, columns: 100 }))).toBe(`
checkout in shop   Progressing   step 1 of 3
██░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  5 % (seen 4.87 %)

         REVISION     PODS   REQUESTS/S   FAILED   SINCE THE CANARY BEGAN
stable   6d4b75cb6d   4/4    182          0.0 %    1,589 requests, 2 failed (0.13 %)
canary   7f9c8b5d4f   1/1    9.6          -        31 requests, 1 failed (3.23 %)

availability  Inconclusive  3.2 to 1 against it (taken back at 100 to 1)
  31 of 50 requests seen

→ watches the canary at 5 %; 31 of 50 requests seen; 1m30s left
`);
  });

  it('shows how the last release ended', () => {
    const unknown = { stable: undefined, canary: undefined };
    expect(text(liveLines(sampleRollout(AT_REST), { ...at, rates: unknown, columns: 60 }))).toBe(`
checkout in shop   Idle

         REVISION     PODS   REQUESTS/S   FAILED   SINCE THE CANARY BEGAN
stable   6d4b75cb6d   4/4    -            -

→ stable is 6d4b75cb6d
last release: 7f9c8b5d4f, RolledBack 3m ago, 12 failed
  requests: it failed more often than stable
`);
  });

  it('ends with what is wrong with the connection', () => {
    const lines = liveLines(sampleRollout(), { ...at, rates, columns: 80, trouble: 'no API server' });
    expect(lines.at(-1)).toBe('no API server');
  });
});

describe('the line of a change', () => {
  it('tells phase, step, weight, pods, evidence and the sentence', () => {
    expect(changeLine(sampleRollout(RELEASING))).toBe(
      'checkout: Progressing, step 1/3, weight 5 %, canary 7f9c8b5d4f (1/1 pods), availability: 3.2 to 1 against it; watches the canary at 5 %; 31 of 50 requests seen',
    );
  });

  const keyOf = (changes: Partial<typeof RELEASING>) => changeKey(sampleRollout({ ...RELEASING, ...changes }));
  const [objective] = RELEASING.objectives ?? [];

  it('is not news when only requests were counted', () => {
    expect(keyOf({ message: 'watches the canary at 5 %; 32 of 50 requests seen' })).toBe(keyOf({}));
  });

  it('is news when the evidence has grown tenfold', () => {
    expect(keyOf({ objectives: objective === undefined ? [] : [{ ...objective, odds: 45 }] })).not.toBe(keyOf({}));
  });

  it('is news when the weight, the phase or the pods are others', () => {
    const changes = [
      { weight: { desired: 25, applied: 5 } },
      { phase: 'Paused' as const },
      { canary: { revision: 'x' } },
    ];
    expect(new Set([keyOf({}), ...changes.map(keyOf)]).size).toBe(4);
  });
});
