import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/metrics/port.ts';
import { PAST_MS, steadyRuleOf } from '../../../src/reconcile/experiment/steady-rule.ts';
import { steadyStateOf } from '../../../src/reconcile/experiment/steady-state.ts';
import { createWanderer, type FailurePattern, failuresOf } from '../../../src/simulate/failures.ts';
import { createRandom } from '../../../src/simulate/random.ts';

const RUNS = 1_000;
const ALLOWED = 0.01;
const REQUESTS_PER_BATCH = 100;
const BATCH_MS = 1_000;
/** The past is read in coarser parts, of which the shortest block of φ is made. */
const PAST_PART_MS = 15_000;
/** The baseline and the doses, in ms. */
const WINDOWS_MS = [30_000, 60_000, 60_000, 120_000];

/** Failures of users whom no fault touches, second by second. */
function harmless(seed: number, pattern: FailurePattern | undefined, ratio: number) {
  const random = createRandom(seed);
  const wander = createWanderer(pattern, random);
  let at = 0;
  return (lengthMs: number, partMs: number): readonly Batch[] =>
    Array.from({ length: lengthMs / partMs }, () => {
      at += partMs;
      const requests = random.poisson((REQUESTS_PER_BATCH * partMs) / BATCH_MS);
      const failures = Math.min(requests, failuresOf(pattern, random, requests * ratio * wander(partMs / 1_000)));
      return { at, canary: { requests, failures }, stable: { requests: 0, failures: 0 } };
    });
}

/** An experiment whose doses are 0: whether anything stops it. */
function isStopped(seed: number, pattern: FailurePattern | undefined, ratio: number): boolean {
  const next = harmless(seed, pattern, ratio);
  const past = next(PAST_MS, PAST_PART_MS);
  const testing = { startedAt: PAST_MS, objectives: 1, doses: WINDOWS_MS.length - 1 };
  const rule = steadyRuleOf({ name: 'availability', allowedRatio: ALLOWED }, past, testing);
  return WINDOWS_MS.some((lengthMs) => steadyStateOf(rule, next(lengthMs, BATCH_MS)).kind === 'Breached');
}

const NOISES: readonly (readonly [string, FailurePattern | undefined])[] = [
  ['by themselves', undefined],
  ['in clumps of five', { kind: 'clumps', meanSize: 5 }],
  ['in waves of a minute', { kind: 'wandering', deviation: 0.6, memoryS: 60 }],
];

describe('an experiment that touches nobody', () => {
  it.each(NOISES)('stops itself in fewer than one of twenty runs where failures come %s', (_, pattern) => {
    const seeds = Array.from({ length: RUNS }, (__, index) => index + 1);
    const stopped = seeds.filter((seed) => isStopped(seed, pattern, 0.8 * ALLOWED));
    expect(stopped.length).toBeLessThan(0.05 * RUNS);
  });

  it('is stopped where users fail far more than allowed, however their failures come', () => {
    for (const [, pattern] of NOISES) expect(isStopped(1, pattern, 10 * ALLOWED)).toBe(true);
  });
});
