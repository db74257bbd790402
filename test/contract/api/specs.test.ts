import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chaosExperimentStatusSchema } from '../../../src/api/chaos-experiment-status.ts';
import { chaosScheduleStatusSchema } from '../../../src/api/chaos-schedule.ts';
import { type Problem, parseRollout } from '../../../src/api/parse-rollout.ts';
import { statusSchema } from '../../../src/api/status.ts';
import { planRollout } from '../../../src/plan/rollout-plan.ts';
import { type BadSpec, badSpecs, goodSpecs, problemsOf } from './specs.ts';

describe('a wrong object', () => {
  const specs = badSpecs();

  it('comes in at least 240 kinds, most of them refused by the API server', () => {
    expect(specs.length).toBeGreaterThanOrEqual(240);
    expect(specs.filter(({ refusedBy }) => refusedBy === 'api').length).toBeGreaterThan(specs.length / 2);
  });

  it.each(specs)('$name is refused with a message that names the field and the cure', (spec) => {
    const problems = allProblemsOf(spec);
    expect(problems).toContainEqual({
      path: spec.field,
      message: expect.stringContaining(spec.message),
    });
  });

  it.each(specs)('$name is wrong in one way only', (spec) => {
    expect(allProblemsOf(spec)).toHaveLength(1);
  });
});

describe('the status', () => {
  it.each([
    ['Rollout', 'status.yaml', statusSchema],
    ['ChaosExperiment', 'chaos-experiment-status.yaml', chaosExperimentStatusSchema],
    ['ChaosSchedule', 'chaos-schedule-status.yaml', chaosScheduleStatusSchema],
  ] as const)('of a %s is taken whole, with every field that there is', (_kind, file, schema) => {
    const status: unknown = parse(readFileSync(join(import.meta.dirname, file), 'utf8'));
    expect(schema.parse(status)).toEqual(status);
    expect(Object.keys(status as object).sort()).toEqual(Object.keys(schema.shape).sort());
  });
});

describe('a right object', () => {
  it.each(goodSpecs())('$name is taken', ({ object }) => {
    expect(problemsOf(object)).toEqual([]);
  });

  it.each(goodSpecs().filter(({ object }) => object.kind === 'Rollout'))('$name can be planned', ({ object }) => {
    const parsed = parseRollout(object);
    expect(parsed.ok && planRollout(parsed.rollout.spec)).toMatchObject({ ok: true });
  });
});

function allProblemsOf({ refusedBy, object }: BadSpec): readonly Problem[] {
  const problems = problemsOf(object);
  if (refusedBy === 'api') return problems;
  // What only the plan refuses has come past the API server.
  expect(problems).toEqual([]);
  const parsed = parseRollout(object);
  const planned = parsed.ok ? planRollout(parsed.rollout.spec) : undefined;
  return planned?.ok === false ? planned.problems : [];
}
