import { describe, expect, it } from 'vitest';
import { specWith } from '../../test/support/sample-spec.ts';
import { type Baseline, NO_BASELINE } from './baseline.ts';
import { forecast } from './forecast.ts';
import { judgeParametersOf } from './judge-parameters.ts';
import { planRollout } from './rollout-plan.ts';

const FIXED = { canary: { steps: [{ weight: 10, hold: '1m' }, { weight: 50, hold: '1m' }, { weight: 100 }] } };
const ADAPTIVE = { canary: { adaptive: {} } };
const past = (requestRate: number, failureRatio = 0): Baseline => ({
  ...NO_BASELINE,
  ...{ requestRate, failureRatio, requests: requestRate * 3600 },
});

function foretold(strategy: object, baseline: Baseline, objectives: object = { requests: { successRatio: 99.9 } }) {
  const spec = specWith({
    ...{ strategy, objectives: [{ name: 'own', ...objectives }] },
    analysis: { bake: '5m', deadline: '168h' },
  });
  const planned = planRollout(spec);
  const [objective] = spec.objectives;
  if (!planned.ok || objective === undefined) throw new Error('no plan');
  return forecast(planned.plan, { parameters: judgeParametersOf(spec, objective, baseline), baseline });
}

describe('how long a good release takes', () => {
  it('is the holds and the bake where there is traffic enough', () => {
    const { requests = 0, seconds } = foretold(FIXED, past(1000)) ?? {};
    expect(seconds).toBe(60 + 60 + 300);
    expect(requests).toBeLessThan(1000 * 300);
  });

  it('is the time until the requests are there where there is little', () => {
    const { requests = 0, seconds = 0 } = foretold(FIXED, past(1)) ?? {};
    // 10 % of 1/s gives 50 requests in 500 s, 50 % the next 30 in a minute, and the rest come at 1/s.
    expect(seconds).toBeCloseTo(500 + 60 + (requests - 50 - 30), 6);
    expect(seconds).toBeGreaterThan(420);
  });

  it('grows with what the objective asks for, and with what stable fails by itself', () => {
    const loose = foretold(FIXED, past(10), { requests: { successRatio: 99 } })?.requests ?? 0;
    const strict = foretold(FIXED, past(10), { requests: { successRatio: 99.9 } })?.requests ?? 0;
    const failing = foretold(FIXED, past(10, 0.0003), { requests: { successRatio: 99.9 } })?.requests ?? 0;
    expect(strict).toBeGreaterThan(loose * 5);
    expect(failing).toBeGreaterThan(strict);
  });

  it('climbs by evidence where steps are adaptive: never sooner than the bake, later with less traffic', () => {
    const much = foretold(ADAPTIVE, past(1000))?.seconds ?? 0;
    const little = foretold(ADAPTIVE, past(2))?.seconds ?? 0;
    expect(much).toBeGreaterThan(300);
    expect(little).toBeGreaterThan(much);
  });

  it('is unknown without traffic', () => {
    expect(foretold(FIXED, NO_BASELINE)).toBeNull();
  });
});
