import { describe, expect, it } from 'vitest';
import { specWith } from '../../test/support/sample-spec.ts';
import { GRPC_STATUSES } from '../api/requests-objective.ts';
import { DEFAULT_FAILURES } from '../metrics/port.ts';
import { failurePercent, GRPC_CODES, goalsOf } from './goal.ts';

const goalOf = (objective: object, analysis: object = {}) =>
  goalsOf(specWith({ objectives: [{ name: 'own', ...objective }], analysis }))[0];
const COUNTERS = { bad: 'bad_total{v="{{revision}}"}', total: 'all_total{v="{{revision}}"}' };

describe('what an objective asks for', () => {
  it('counts failed requests by the codes of the spec, by the defaults otherwise', () => {
    expect(goalOf({ requests: { successRatio: 99.9 } })).toMatchObject({
      measure: { kind: 'requests', failures: DEFAULT_FAILURES },
      field: 'requests.successRatio',
      percent: 99.9,
      source: null,
    });
    const failures = { httpStatus: ['429', '5xx'], grpcStatus: ['UNAVAILABLE', 'CANCELLED'] };
    expect(goalOf({ requests: { successRatio: 99, failures } })?.measure).toEqual({
      kind: 'requests',
      failures: { httpStatus: ['429', '5xx'], grpcStatus: ['14', '1'] },
    });
  });

  it('counts slow requests by the edge in ms', () => {
    expect(goalOf({ requests: { under: '2500ms', ratio: 99 } })).toMatchObject({
      measure: { kind: 'durations', underMs: 2500 },
      field: 'requests.ratio',
      allowedRatio: 0.01,
    });
  });

  it('reads requests from the source of the analysis, counters from their own', () => {
    const analysis = { sourceRef: { name: 'mesh' } };
    expect(goalOf({ requests: { successRatio: 99 } }, analysis)?.source).toBe('mesh');
    const counters = { ...COUNTERS, ratio: 99.5 };
    expect(goalOf({ prometheus: counters }, analysis)).toMatchObject({
      measure: { kind: 'counters', ...COUNTERS },
      source: null,
      field: 'prometheus.ratio',
      allowedRatio: 0.005,
    });
    expect(goalOf({ prometheus: { ...counters, sourceRef: { name: 'shop' } } })?.source).toBe('shop');
  });

  it('is nothing where only a name is given', () => {
    expect(goalOf({ objectiveRef: { name: 'slo' } })).toBeUndefined();
  });
});

describe('codes of gRPC', () => {
  it('has every name that a spec may say', () => {
    expect(GRPC_STATUSES.filter((name) => GRPC_CODES.indexOf(name) < 1)).toEqual([]);
    expect(GRPC_CODES.indexOf('UNAUTHENTICATED')).toBe(16);
  });
});

describe('the allowed share', () => {
  it.each([
    [99.9, 0.1],
    [99.99, 0.01],
    [95, 5],
    [99.999, 0.001],
  ])('of %d %% is %d %%, without noise', (success, failure) => {
    expect(failurePercent(success)).toBe(failure);
  });
});
