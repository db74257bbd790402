import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { detailLines } from '../../../src/cli/view/details.ts';
import { explanationLines } from '../../../src/cli/view/explanation.ts';
import { changeLine, liveLines } from '../../../src/cli/view/live.ts';
import { plain } from '../../../src/cli/view/paint.ts';
import { explainRecord } from '../../../src/explain/explanation.ts';
import { SAMPLE_NOW_MS } from '../../support/sample-rollout.ts';
import { AVAILABILITY, type Scene, show } from './scenes.ts';

const directory = join(import.meta.dirname, 'cases');
const LATENCY = { name: 'latency', requests: { under: '250ms', ratio: 99 } };

/** As the verdict of the scene says it. */
const BREACH =
  'availability: The canary fails more often than stable: 1 in 240 against harmless; 3 of 68 failed, stable 0 of 1,292';

const GATES = [
  {
    ...{ name: 'payments-429', at: { weight: 5 } },
    experiment: {
      target: { service: { name: 'payments', port: 80 } },
      fault: { abort: { httpStatus: 429 } },
      ramp: [{ percentage: 20, for: '1m' }],
    },
  },
];
const TRIAL = { name: 'payments-429', openedAt: SAMPLE_NOW_MS - 40_000 };
const INJECTING =
  'experiment checkout-payments-429-0f1e2d3c is injecting: dose 1, 20 %: 200 of 1,004 requests were touched, 20 % were asked';
const NO_CALLS =
  'experiment checkout-payments-429-0f1e2d3c ended as Inconclusive: no request of the callers was seen; delete the experiment to try again, or `sluice promote` to go on without';
const FAULT = {
  ...{ id: 'e', namespace: 'shop', name: 'checkout-payments-429-0f1e2d3c', from: SAMPLE_NOW_MS - 20_000 },
  ...{ until: null, fuseUntil: SAMPLE_NOW_MS + 40_000, gate: 'payments-429', isBreached: false, isStopping: false },
};

const SCENES: Readonly<Record<string, Scene>> = {
  'first-seconds': { seconds: 0 },
  'too-few-requests': { seconds: 15 },
  'good-so-far': { seconds: 60 },
  'hold-over-evidence-missing': { seconds: 130, requestsPerSecond: 2 },
  'good-enough': {
    seconds: 400,
    raises: [
      [0, 5],
      [130, 25],
      [200, 100],
    ],
    state: 'Baking',
  },
  'bake-over-evidence-missing': {
    ...{ seconds: 500, requestsPerSecond: 1, raises: [[0, 100]], state: 'Baking' },
    canaryFails: (second) => (second < 200 ? 0.01 : 0),
  },
  'never-good-enough': { seconds: 200, canaryFails: () => 0.012, stableFails: () => 0.004 },
  'source-stale': {
    seconds: 60,
    evidence: {
      state: 'stale',
      message: 'the newest sample of requests to checkout is 43s old (limit 20s): are the callers still scraped?',
    },
  },
  'source-down': {
    seconds: 60,
    evidence: { state: 'down', message: 'Prometheus at prometheus:9090 has not answered for 31s: connection refused' },
  },
  'warm-up': { seconds: 6, objectives: [AVAILABILITY, LATENCY] },
  'outage-of-both': {
    ...{ seconds: 180, canaryFails: (second) => (second > 100 ? 0.3 : 0) },
    stableFails: (second) => (second > 100 ? 0.3 : 0),
  },
  'better-than-stable': { requestsPerSecond: 200, stableFails: () => 0.05 },
  suspected: { seconds: 60, canaryFails: (second) => (second > 57 ? 0.5 : 0) },
  suspended: {
    ...{
      seconds: 60,
      raises: [
        [0, 5],
        [20, 25],
        [30, 0],
      ],
    },
    canaryFails: (second) => (second > 20 ? 0.5 : 0),
    stableFails: (second) => (second > 20 ? 0.5 : 0),
  },
  breach: {
    ...{ seconds: 60, canaryFails: (second) => (second > 30 ? 0.6 : 0), state: 'Withdrawing' },
    release: { outcome: { kind: 'RolledBack', reason: 'HarmAgainstStable', message: BREACH, at: SAMPLE_NOW_MS } },
  },
  paused: { seconds: 60, action: 'Pause', release: { pausedAt: SAMPLE_NOW_MS - 20_000 } },
  adaptive: { seconds: 60, strategy: { canary: { adaptive: {} } } },
  'gate-running': {
    ...{ seconds: 150, resilience: GATES, release: { gate: TRIAL } },
    seen: { faults: [FAULT], gate: { name: 'payments-429', state: 'running', message: INJECTING } },
  },
  'gate-inconclusive': {
    ...{ seconds: 300, resilience: GATES, release: { gate: TRIAL, faults: [] } },
    seen: { faults: [], gate: { name: 'payments-429', state: 'inconclusive', message: NO_CALLS } },
  },
  'gate-passed': {
    seconds: 300,
    raises: [
      [0, 5],
      [250, 25],
    ],
    resilience: GATES,
    release: {
      gates: [{ name: 'payments-429', at: SAMPLE_NOW_MS - 50_000, result: 'Passed', message: 'availability: good' }],
    },
  },
  'under-fault': {
    seconds: 130,
    seen: { faults: [{ ...FAULT, name: 'payments-503', gate: null }], gate: null },
  },
  frozen: {
    state: 'Idle',
    embargo: {
      ...{ reason: 'Frozen', until: SAMPLE_NOW_MS + 86_400_000 },
      message:
        'the SafetyPolicy lets no release and no experiment begin: freezeWindows weekend; until 2026-01-03T03:04:05.000Z',
    },
  },
  'objectives-asked': {
    state: 'Idle',
    preflight: { state: 'pending', message: 'asks whether the objectives can be measured' },
  },
  'objectives-refused': {
    state: 'Idle',
    preflight: {
      state: 'failed',
      reason: 'EdgeUnknown',
      message:
        'spec.objectives[0] (latency): requests.under: 300 ms is no bucket edge; the next are 250 ms and 500 ms: take one of them',
    },
  },
};

/** What an operator reads of a scene, in each place where one may look. */
function textOf(scene: Scene): string {
  const { rollout, verdicts, raises, startedAt } = show(scene);
  const { status } = rollout;
  const at = { nowMs: SAMPLE_NOW_MS, paint: plain };
  const conditions = (status?.conditions ?? []).map(
    ({ type, status: is, reason, message }) => `${type}=${is} ${reason}: ${message}`,
  );
  const objectives = verdicts.map(({ objective, batches, parameters, ...verdict }) => ({
    ...{ name: objective, batches, parameters, verdict, shortened: null },
  }));
  const record = {
    rollout: { namespace: 'shop', name: 'checkout', uid: 'r' },
    ...{ revision: '7f9c8b5d4f', stable: '6d4b75cb6d', startedAt, raises, objectives, outcome: null },
  };
  const explained = explanationLines(explainRecord(record), { columns: 120, paint: plain, isAscii: true });
  // What else there is has cases of its own in ../explain.
  const told = explained.filter((line) => !line.includes('|') && !/^\s+\+/.test(line));
  const blocks: readonly (readonly [string, readonly string[]])[] = [
    ['status.message', [status?.message ?? '']],
    ['status.waiting', [JSON.stringify(status?.waiting ?? null)]],
    [
      'status.objectives',
      (status?.objectives ?? []).map(
        ({ name, message, expectedAt }) => `${name}: ${message}; expectedAt ${expectedAt}`,
      ),
    ],
    ['status.conditions', conditions],
    ['sluice get NAME', detailLines(rollout, at)],
    ['sluice watch NAME', liveLines(rollout, { ...at, rates: { stable: undefined, canary: undefined }, columns: 120 })],
    ['sluice watch NAME, not on a terminal', [changeLine(rollout)]],
    ['sluice explain NAME', objectives.length === 0 ? [] : told.slice(0, told.indexOf('How it was judged'))],
  ];
  return `${blocks.map(([title, lines]) => [`## ${title}`, ...lines].join('\n')).join('\n\n')}\n`;
}

describe('what an operator reads of a release', () => {
  test('every file in the folder is a case', () => {
    const wanted = Object.keys(SCENES).map((name) => `${name}.txt`);
    const files = process.env['UPDATE_GOLDEN'] === '1' ? wanted : readdirSync(directory);
    expect([...files].sort()).toEqual(wanted.sort());
  });

  test.each(Object.entries(SCENES))('%s', (name, scene) => {
    const path = join(directory, `${name}.txt`);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, textOf(scene));
    expect(textOf(scene)).toBe(readFileSync(path, 'utf8'));
  });
});
