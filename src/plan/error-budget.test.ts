import { describe, expect, it } from 'vitest';
import type { Answer } from '../metrics/questions.ts';
import { budgetOf, budgetQuery } from './error-budget.ts';
import { goalOf } from './goal.ts';

const goal = (requests: object) => {
  const found = goalOf({ name: 'promise', requests }, {});
  if (found === null) throw new Error('no goal');
  return found;
};
const AVAILABILITY = goal({ successRatio: 99 });
const LATENCY = goal({ under: '500ms', ratio: 90 });

const known = (...samples: readonly (readonly [Record<string, string>, number])[]): Answer => ({
  state: 'known',
  samples: samples.map(([labels, value]) => ({ labels, value })),
});
const ok = (value: number) => [{ response_code: '200', response_flags: '-' }, value] as const;
const failed = (value: number, flags = '-') => [{ response_code: '503', response_flags: flags }, value] as const;

describe('an error budget', () => {
  it('is asked for by the hosts of the Service', () => {
    const promised = { namespace: 'shop', hosts: ['web', 'web-v2'] };
    expect(budgetQuery(AVAILABILITY, promised)).toBe(
      'sum by (response_code, response_flags, grpc_response_status) (increase(istio_requests_total{reporter="source",destination_service_namespace="shop",destination_service_name=~"web|web-v2"}[1h]))',
    );
    expect(budgetQuery(LATENCY, promised)).toMatch(
      /^sum by \(le\) \(increase\(istio_request_duration_milliseconds_bucket/,
    );
    const counters = { ...AVAILABILITY, measure: { kind: 'counters', bad: 'a', total: 'b' } as const };
    expect(budgetQuery(counters, promised)).toBeNull();
  });

  it.each([
    ['left', 'nothing failed', AVAILABILITY, known(ok(1_000))],
    ['left', 'less failed than is allowed', AVAILABILITY, known(ok(991), failed(9))],
    ['spent', 'as much failed as is allowed', AVAILABILITY, known(ok(990), failed(10))],
    ['left', 'a fault of the mesh failed them', AVAILABILITY, known(ok(990), failed(50, 'FI'))],
    ['left', 'nobody sent a request', AVAILABILITY, known()],
    ['unknown', 'the source is down', AVAILABILITY, { state: 'unknown', message: 'connection refused' }],
    ['left', 'few are slow', LATENCY, known([{ le: '500' }, 95], [{ le: '+Inf' }, 100])],
    ['spent', 'many are slow', LATENCY, known([{ le: '500' }, 90], [{ le: '+Inf' }, 100])],
    ['left', 'there is no such bucket', LATENCY, known([{ le: '250' }, 5], [{ le: '+Inf' }, 100])],
  ] as const)('is %s where %s', (state, _, one, answer) => {
    expect(budgetOf(one, answer)).toMatchObject({ objective: 'promise', state });
  });

  it('is told in figures', () => {
    expect(budgetOf(AVAILABILITY, known(ok(4_500.4), failed(60.2))).message).toBe(
      'promise: 60 of 4,561 requests failed it in the last hour, 46 are allowed',
    );
  });
});
