import { describe, expect, it } from 'vitest';
import { plannedStepsOf } from '../../machines/rollout/steps.ts';
import { specWith } from '../../test/support/sample-spec.ts';
import type { RolloutSpec } from '../api/rollout.ts';
import { judgeParametersOf } from './judge-parameters.ts';
import { planRollout } from './rollout-plan.ts';

describe('planRollout', () => {
  it('turns percent into basis points and durations into milliseconds', () => {
    const steps = [{ weight: 0.29, hold: '90s' }, { weight: 57.57 }, { weight: 100 }];
    expect(planRollout(specWith({ strategy: { canary: { steps } } }))).toEqual({
      ok: true,
      plan: {
        stepping: {
          kind: 'fixed',
          steps: [
            { weightBp: 29, holdMs: 90_000 },
            { weightBp: 5757, holdMs: 60_000 },
            { weightBp: 10_000, holdMs: 0 },
          ],
        },
        bakeMs: 300_000,
        deadlineMs: 3_600_000,
        progressDeadlineMs: 600_000,
        gates: [],
        onInconclusive: 'RollBack',
        propagationMs: 3000,
        drainMs: 5000,
      },
    });
  });

  it('gives exactly the basis points of every weight with two decimals', () => {
    for (let weightBp = 1; weightBp < 10_000; weightBp += 1) {
      const steps = [{ weight: weightBp / 100 }, { weight: 100 }];
      const planned = planRollout({ ...specWith({}), strategy: { canary: { steps } } });
      expect(planned.ok && plannedStepsOf(planned.plan)?.[0]?.weightBp).toBe(weightBp);
    }
  }, 60_000);

  it.each([
    [1.5, 'is too low to be told from chance: set it to at least 2'],
    [99.99999, 'allows fewer failures than can be counted: set it to at most 99.9999'],
  ])('refuses a success ratio of %d %%, which cannot be judged', (successRatio, message) => {
    const objectives = [
      { name: 'first', requests: { successRatio: 99 } },
      { name: 'second', requests: { successRatio } },
    ];
    expect(planRollout(specWith({ objectives }))).toEqual({
      ok: false,
      problems: [{ path: 'spec.objectives[1].requests.successRatio', message }],
    });
  });

  it('refuses what an older CRD may have let pass, all of it at once', () => {
    const spec = specWith({});
    const steps = [{ weight: 50, hold: 'soon' }, { weight: 20 }];
    expect(planRollout({ ...spec, strategy: { canary: { steps } }, drain: '' })).toMatchObject({
      ok: false,
      problems: [
        { path: 'spec.strategy.canary.steps[0].hold', message: expect.stringContaining('is no duration') },
        { path: 'spec.strategy.canary.steps', message: expect.stringContaining('must ascend') },
        { path: 'spec.strategy.canary.steps', message: expect.stringContaining('the last step must have weight 100') },
        { path: 'spec.drain', message: expect.stringContaining('is no duration') },
      ],
    });
    expect(planRollout({ ...spec, analysis: { ...spec.analysis, deadline: '9m' } })).toEqual({
      ok: false,
      problems: [
        {
          path: 'spec.analysis.deadline',
          message: expect.stringContaining('must be longer than all holds and the bake together (9m), but is 9m'),
        },
      ],
    });
  });
});

describe('judgeParametersOf', () => {
  it('takes the ratio that the objective allows without the noise of binary fractions', () => {
    const spec = specWith({ objectives: [{ name: 'availability', requests: { successRatio: 99.9 } }] });
    expect(parametersOf(spec)[0]).toMatchObject({ sloFailureRatio: 0.001, margin: 1.5, minRequests: 50 });
  });

  it('divides the allowed share of false rollbacks among the objectives', () => {
    const objectives = ['a', 'b', 'c', 'd'].map((name) => ({ name, requests: { successRatio: 99 } }));
    const shares = parametersOf(specWith({ objectives })).map(({ falseRollback }) => falseRollback);
    expect(shares).toEqual([0.0025, 0.0025, 0.0025, 0.0025]);
  });
});

function parametersOf(spec: RolloutSpec) {
  return spec.objectives.map((objective) => judgeParametersOf(spec, objective));
}
