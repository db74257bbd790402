import { describe, expect, it } from 'vitest';
import type { Flow } from '../metrics/flows.ts';
import { isExclusive, type Neighbour, neighboursOf } from './neighbours.ts';

const flow = (from: string, to: string, namespace = 'shop'): Flow => ({
  from: { namespace: 'shop', workload: from },
  to: { namespace, host: to },
  perSecond: 1,
});
/** web calls checkout and stock, checkout calls payments, payments calls the bank, search calls nobody near. */
const FLOWS = [
  ...[flow('web', 'checkout'), flow('web', 'stock'), flow('checkout', 'payments'), flow('checkout', 'payments-v2')],
  ...[flow('payments', 'bank', 'partners'), flow('search', 'index')],
];

/** checkout → payments under a fault, and what users of checkout see. */
const neighbours = neighboursOf({
  target: 'shop/payments',
  callersServices: ['shop/checkout'],
  isNear: ({ workload }) => workload === 'checkout' || workload === 'payments',
  flows: [...FLOWS, flow('checkout', 'stock')],
  serviceOf: ({ namespace, host }) => `${namespace}/${host.replace(/-v2$/, '')}`,
});
const experiment = (change: Partial<Neighbour> = {}): Neighbour => ({
  ...{ experiment: 'shop/payments-503', neighbours, gateOf: null, isOfVersion: false },
  ...change,
});

describe('neighbours of an experiment', () => {
  it('are the callers, and what callers and target call', () => {
    expect(neighbours).toEqual(['partners/bank', 'shop/checkout', 'shop/stock']);
  });

  it.each([
    ['go together', 'a release of the target', 'shop/payments', experiment()],
    ['exclude each other', 'a release of the callers', 'shop/checkout', experiment()],
    ['exclude each other', 'a release of what callers call too', 'shop/stock', experiment()],
    ['exclude each other', 'a release of what the target needs', 'partners/bank', experiment()],
    ['go together', 'a release further away', 'shop/web', experiment()],
    ['go together', 'a release of the same name elsewhere', 'other/checkout', experiment()],
    ['go together', 'the release whose gate it is', 'shop/checkout', experiment({ gateOf: 'shop/app' })],
    ['exclude each other', "another's gate", 'shop/checkout', experiment({ gateOf: 'shop/other' })],
    ['go together', 'the release whose versions it is about', 'shop/checkout', experiment({ isOfVersion: true })],
  ] as const)('%s: %s', (outcome, _, service, one) => {
    expect(isExclusive({ rollout: 'shop/app', service }, one)).toBe(outcome === 'exclude each other');
  });
});
