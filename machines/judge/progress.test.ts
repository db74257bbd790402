import { describe, expect, it } from 'vitest';
import { addToProgress, allowedWeight, DEFAULT_PARAMETERS, DEFAULT_STEPPING, NO_PROGRESS } from './index.ts';

const RULES = {
  parameters: { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 },
  stepping: { ...DEFAULT_STEPPING, largestFactor: 2 },
  pastRatio: 0.001,
};

/** Weights that a canary gets whose every answer is as given, looked at every 5 s at 100 requests a second. */
function climb(first: number, canaryRatio: number): readonly number[] {
  const weights = [first];
  let [progress, raisedAt] = [NO_PROGRESS, 0];
  for (let at = 5_000; at <= 3_600_000; at += 5_000) {
    const weight = weights.at(-1) ?? first;
    const [canary, stable] = [500 * weight, 500 * (1 - weight)];
    const batch = {
      ...{ at, raisedAt, weight },
      canary: { requests: canary, failures: canary * canaryRatio },
      stable: { requests: stable, failures: stable * 0.001 },
    };
    progress = addToProgress(progress, batch, RULES);
    if (at < raisedAt + 30_000) continue;
    const next = allowedWeight(progress, { weight, isShownGood: true }, RULES);
    if (next > weight) raisedAt = at;
    if (next !== weight) weights.push(next);
  }
  return weights;
}

describe('the weights that the evidence allows', () => {
  it.each([0.0001, 0.001, 0.03, 0.05])('rise from %d to everything for a good canary, at most doubling', (first) => {
    const weights = climb(first, 0.001);
    expect(weights.at(-1)).toBe(1);
    for (const [index, weight] of weights.slice(1).entries()) {
      expect(weight).toBeGreaterThan(weights[index] ?? 1);
      expect(weight).toBeLessThanOrEqual((weights[index] ?? 0) * 2 * (1 + 1e-9));
    }
  });

  it('stay small for a canary that fails a twentieth', () => {
    expect(climb(0.05, 0.05).at(-1)).toBeLessThanOrEqual(0.1);
  });
});
