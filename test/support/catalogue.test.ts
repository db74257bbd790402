import { describe, expect, it } from 'vitest';
import { catalogue, chosen } from './catalogue.ts';

const DAY_MS = 86_400_000;

describe('chosen', () => {
  const all = catalogue();
  const namesOf = (entries: typeof all) => entries.map(({ name }) => name);

  it('is all of them when the whole is wanted', () => {
    expect(chosen(all, { wanted: 'whole', nowMs: 0 })).toEqual(all);
  });

  it('is another third each day, and each one in three days', () => {
    const days = [20_000, 20_001, 20_002].map((day) =>
      namesOf(chosen(all, { wanted: undefined, nowMs: day * DAY_MS })),
    );
    expect(days.flat().sort()).toEqual(namesOf(all));
    expect(Math.max(...days.map(({ length }) => length))).toBeLessThanOrEqual(Math.ceil(all.length / 3));
  });

  it('is what is named, and throws on what is no folder', () => {
    expect(namesOf(chosen(all, { wanted: 'squeeze,brown-out', nowMs: 0 }))).toEqual(['squeeze', 'brown-out']);
    expect(() => chosen(all, { wanted: 'sqeeze', nowMs: 0 })).toThrow('experiments/sqeeze is no folder');
  });
});
