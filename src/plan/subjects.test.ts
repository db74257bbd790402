import { describe, expect, it } from 'vitest';
import { specWith } from '../../test/support/sample-spec.ts';
import { DEFAULT_MEASURE } from '../metrics/port.ts';
import { subjectsOf } from './subjects.ts';

const PLACE = { namespace: 'shop', stable: 'aa', canary: 'bb', since: 7 };
const SUCCESS = { name: 'availability', requests: { successRatio: 99, failures: { httpStatus: ['429'] } } };
const LATENCY = { name: 'latency', requests: { under: '500ms', ratio: 99 } };
const COUNTERS = {
  name: 'orders',
  prometheus: {
    ...{ bad: 'bad_total{v="{{revision}}"}', total: 'all_total{v="{{revision}}"}', ratio: 99 },
    sourceRef: { name: 'orders' },
  },
};

describe('what is followed for a release', () => {
  it('is one subject for each objective, in their order, at the release’s place', () => {
    const { objectives } = subjectsOf(specWith({ objectives: [LATENCY, SUCCESS, COUNTERS] }), PLACE);
    expect(objectives.map(({ name, isRelease }) => [name, isRelease])).toEqual([
      ['latency', false],
      ['availability', true],
      ['orders', false],
    ]);
    for (const { subject } of objectives) expect(subject).toMatchObject({ ...PLACE, service: 'checkout' });
  });

  it('counts the release by the first objective that counts failures', () => {
    const other = { name: 'strict', requests: { successRatio: 99.9 } };
    const { release, objectives } = subjectsOf(specWith({ objectives: [LATENCY, SUCCESS, other] }), PLACE);
    expect(release).toEqual(objectives[1]?.subject);
    expect(objectives.map(({ isRelease }) => isRelease)).toEqual([false, true, false]);
  });

  it('counts the release by the defaults where no objective counts failures', () => {
    const { release, objectives } = subjectsOf(specWith({ objectives: [LATENCY] }), PLACE);
    expect(release.measure).toEqual(DEFAULT_MEASURE);
    expect(objectives.map(({ isRelease }) => isRelease)).toEqual([false]);
  });

  it('names the MetricsSource, where one is named, in the Rollout’s namespace', () => {
    const analysis = { sourceRef: { name: 'mesh' } };
    const { release, objectives } = subjectsOf(specWith({ objectives: [SUCCESS, COUNTERS], analysis }), PLACE);
    expect(release.source).toEqual({ namespace: 'shop', name: 'mesh' });
    expect(objectives[1]?.subject.source).toEqual({ namespace: 'shop', name: 'orders' });
    const own = subjectsOf(specWith({ objectives: [SUCCESS] }), PLACE);
    expect(Object.keys(own.release)).not.toContain('source');
  });
});
