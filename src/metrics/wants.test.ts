import { describe, expect, it } from 'vitest';
import type { Measure, Subject } from './port.ts';
import { wantsOf } from './wants.ts';

const subject: Subject = { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since: 0 };
const counters = (bad: string, total: string): Measure => ({ kind: 'counters', bad, total });

describe('what a subject needs of', () => {
  it('requests are the series of its three hosts', () => {
    expect(wantsOf(subject).map(({ values, role }) => [values, role.arm])).toEqual([
      [['pay', 'shop'], 'plain'],
      [['pay-aa', 'shop'], 'stable'],
      [['pay-bb', 'shop'], 'canary'],
    ]);
  });

  it('durations are the buckets of both versions, or native histograms, which those of the plain host explain', () => {
    const wants = wantsOf({ ...subject, measure: { kind: 'durations', underMs: 250 } });
    expect(wants.map(({ role, shape }) => [shape.isNative === true, shape.hasEdges, role.arm])).toEqual([
      [false, true, 'stable'],
      [false, true, 'canary'],
      [true, false, 'plain'],
      [true, false, 'stable'],
      [true, false, 'canary'],
    ]);
    expect(new Set(wants.map(({ shape }) => shape.metric)).size).toBe(2);
  });

  it("a user's counters are four, of shapes that other releases share", () => {
    const measure = counters('bad{version="{{revision}}"}', 'all{version="{{revision}}"}');
    const [first, second] = [wantsOf({ ...subject, measure }), wantsOf({ ...subject, service: 'cart', measure })];
    expect(first.map(({ values, role }) => [values, role.arm, role.part])).toEqual([
      [['aa'], 'stable', 'total'],
      [['aa'], 'stable', 'bad'],
      [['bb'], 'canary', 'total'],
      [['bb'], 'canary', 'bad'],
    ]);
    expect(first.map(({ shape }) => shape.id)).toEqual(second.map(({ shape }) => shape.id));
  });

  it('bad ones among all of them is asked for once, and told apart by what narrows them', () => {
    const measure = counters('all{version="{{revision}}",code=~"5.."}', 'all{version="{{revision}}"}');
    const [total, bad] = wantsOf({ ...subject, measure });
    expect(bad?.shape.id).toBe(total?.shape.id);
    expect(total?.when).toBeUndefined();
    expect(bad?.when?.({ code: '503' })).toBe(true);
    expect(bad?.when?.({ code: '200' })).toBe(false);
  });

  it('a pattern that only the source understands stays in the query, and so apart from others', () => {
    const measure = counters('bad{version=~"(?i){{revision}}"}', 'all{version="{{revision}}"}');
    const bad = wantsOf({ ...subject, measure }).find(({ role }) => role.part === 'bad');
    expect(bad?.shape.labels).toEqual([]);
    expect(bad?.shape.fixed).toBe('version=~"(?i)aa"');
  });

  it('selectors that are none is nothing', () => {
    expect(wantsOf({ ...subject, measure: counters('rate(x[1m])', 'all{version="{{revision}}"}') })).toEqual([]);
  });
});
