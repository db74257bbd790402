import { expect, it } from 'vitest';
import { coverageInWords, coverageQuery } from './coverage.ts';

const known = (counts: Record<string, number>) => ({
  state: 'known' as const,
  samples: Object.entries(counts).map(([source_workload, value]) => ({ labels: { source_workload }, value, at: 0 })),
});

it('says which share of what arrives comes through proxies', () => {
  expect(coverageInWords(known({ web: 900.4, batch: 20, unknown: 80 }))).toBe(
    '92 % of 1,000 requests that arrived at the target came from callers with a sidecar',
  );
  expect(coverageInWords(known({}))).toMatch(/^not known: /);
  expect(coverageInWords({ state: 'unknown', message: 'asked' })).toBe('not known: asked');
});

it('asks the proxies of the target, over all its hosts', () => {
  expect(coverageQuery({ namespace: 'shop', hosts: ['pay', 'pay-aa'] })).toBe(
    'sum by (source_workload) (increase(istio_requests_total{reporter="destination",destination_service_namespace="shop",destination_service_name=~"pay|pay-aa"}[10m]))',
  );
});
