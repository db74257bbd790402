import { describe, expect, it } from 'vitest';
import { parseChaosExperiment } from '../../../src/api/chaos-experiment.ts';
import { planExperiment } from '../../../src/plan/experiment-plan.ts';
import { catalogue } from '../../support/catalogue.ts';

const entries = catalogue();

describe('the catalogue of experiments', () => {
  it('has at least twelve, each with a fault of its own', () => {
    expect(entries.length).toBeGreaterThanOrEqual(12);
    const specs = entries.map(({ object }) => JSON.stringify(object.spec));
    expect(new Set(specs).size).toBe(entries.length);
  });

  it.each(entries)('$name is taken as it stands, under the name of its folder', ({ name, object }) => {
    const parsed = parseChaosExperiment(object);
    expect(parsed.ok ? [] : parsed.problems).toEqual([]);
    expect(object.metadata).toEqual({ name, namespace: 'shop' });
  });

  it.each(entries)('$name says what it asks, how to read the answer and what to change', ({ readme }) => {
    expect(readme).toMatch(/\*\*Question\*\*[\s\S]*\*\*Answer\*\*[\s\S]*\*\*Change\*\*/);
  });

  it.each(entries)('$name tells callers that behave well from others', ({ object, expected }) => {
    const parsed = parseChaosExperiment(object);
    if (!parsed.ok) throw new Error('see above');
    const { steadyState } = planExperiment(parsed.value);
    const { well, badly } = expected;
    expect([well.verdict, badly.verdict]).toEqual(['Passed', 'Failed']);
    expect(steadyState?.goals.map((goal) => goal.name)).toContain(badly.objective);
  });
});
