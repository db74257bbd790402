import { describe, expect, it } from 'vitest';
import { DEFAULT_PARAMETERS } from './parameters.ts';
import { allowedAlone, harmlessRatio, tolerableRatio } from './tolerance.ts';

const OBJECTIVE = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };

describe('the tolerable failure ratio', () => {
  it('is what the objective allows, or 1 % without one', () => {
    expect(tolerableRatio({ requests: 10_000, failures: 5 }, { ...OBJECTIVE, sloFailureRatio: 0.02 })).toBe(0.02);
    expect(tolerableRatio({ requests: 10_000, failures: 5 }, DEFAULT_PARAMETERS)).toBe(0.01);
  });

  it('is nearly three times what stable fails where that is more', () => {
    const ratio = tolerableRatio({ requests: 100_000, failures: 2000 }, OBJECTIVE);
    expect(ratio).toBeGreaterThan(0.055);
    expect(ratio).toBeLessThan(0.06);
  });

  it('is not widened by a stable of which little is known', () => {
    expect(tolerableRatio({ requests: 10, failures: 2 }, OBJECTIVE)).toBe(0.01);
    expect(tolerableRatio({ requests: 0, failures: 0 }, OBJECTIVE)).toBe(0.01);
  });

  it('is the one that was stated', () => {
    const stated = { ...OBJECTIVE, tolerableFailureRatio: 0.003 };
    expect(tolerableRatio({ requests: 100, failures: 90 }, stated)).toBe(0.003);
  });
});

describe('the failure ratio allowed to a canary alone', () => {
  it('is the objective, however stable did', () => {
    expect(allowedAlone({ requests: 1000, failures: 500 }, OBJECTIVE)).toBe(0.01);
  });

  it('is more than three times what stable failed where there is no objective', () => {
    const ratio = allowedAlone({ requests: 10_000, failures: 100 }, DEFAULT_PARAMETERS);
    expect(ratio).toBeGreaterThan(0.03);
    expect(ratio).toBeLessThan(0.04);
    expect(allowedAlone({ requests: 10_000, failures: 0 }, DEFAULT_PARAMETERS)).toBe(0.01);
    expect(allowedAlone({ requests: 0, failures: 0 }, DEFAULT_PARAMETERS)).toBe(0.01);
  });

  it('is wide where stable is hardly known', () => {
    expect(allowedAlone({ requests: 10, failures: 1 }, DEFAULT_PARAMETERS)).toBe(0.5);
  });
});

describe('the harmless failure ratio', () => {
  it('is a fiftieth of what the objective allows, none without one, and the one that was stated', () => {
    expect(harmlessRatio(OBJECTIVE)).toBeCloseTo(0.0002, 12);
    expect(harmlessRatio(DEFAULT_PARAMETERS)).toBeNull();
    expect(harmlessRatio({ ...OBJECTIVE, harmlessRatio: 0 })).toBeNull();
    expect(harmlessRatio({ ...OBJECTIVE, harmlessRatio: 0.005 })).toBe(0.005);
  });
});
