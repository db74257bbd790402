import type { Subject } from '../../src/metrics/port.ts';

/** Upper bounds in ms of the buckets that Istio's proxies use by default. */
export const EDGES: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

export function serviceOf(index: number): string {
  return `checkout-${index}`;
}

/** Ten characters, as a Deployment's `pod-template-hash` commonly has, different for every version. */
export function revisionOf(index: number, arm: 'stable' | 'canary'): string {
  const number = 2 * index + (arm === 'stable' ? 0 : 1);
  return `${((number + 1) * 2_654_435_761) % 10_000_000_000}`.padStart(10, '0');
}

/** One release with three objectives. */
export function subjectsOf(index: number, since: number): ReadonlyMap<string, Subject> {
  const release = {
    namespace: 'shop',
    service: serviceOf(index),
    stable: revisionOf(index, 'stable'),
    canary: revisionOf(index, 'canary'),
    since,
  };
  const bad = 'orders_failed_total{version="{{revision}}"}';
  const total = 'orders_total{version="{{revision}}"}';
  return new Map<string, Subject>([
    [`shop/${release.service}`, release],
    [`shop/${release.service}#latency`, { ...release, measure: { kind: 'durations', underMs: 250 } }],
    [`shop/${release.service}#orders`, { ...release, measure: { kind: 'counters', bad, total } }],
  ]);
}
