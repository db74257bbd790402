import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Flow } from '../metrics/flows.ts';
import { type Exposure, type LedgerRequest, shareProblem } from './ledger.ts';

const flow = (from: string, to: string, perSecond: number): Flow => ({
  from: { namespace: 'shop', workload: from },
  to: { namespace: 'shop', host: to },
  perSecond,
});
/** payments gets 100 a second, of which checkout sends 40; the mesh carries 400. */
const FLOWS = [
  flow('checkout', 'payments', 30),
  flow('checkout', 'payments-v2', 10),
  flow('orders', 'payments', 60),
  flow('web', 'checkout', 300),
];

const exposure = (change: Partial<Exposure> = {}): Exposure => ({
  experiment: 'shop/own',
  target: { namespace: 'shop', service: 'payments' },
  hosts: ['payments', 'payments-v2'],
  callers: { namespace: 'shop', workloads: ['checkout'] },
  ...{ part: 1, dose: 0.1, seenPerSecond: 0 },
  ...change,
});
const ask = (change: Partial<LedgerRequest> = {}) =>
  shareProblem({
    ...{ own: exposure(), earlier: [], canary: null, flows: FLOWS, allHosts: ['payments', 'payments-v2'] },
    limits: { service: 0.05, total: 0.05 },
    ...change,
  });
const canary = (share: number, overlap: 'inside' | 'apart' | 'independent') => ({ rollout: 'pay', share, overlap });
const LOOSE = { service: 0.05, total: 1 };

describe('the ledger of requests', () => {
  it.each([
    ['fits', '4 % of the service', {}, null],
    ['fits', 'exactly the limit', { own: exposure({ dose: 0.125 }) }, null],
    [
      'is too much',
      '8 % of the service',
      { own: exposure({ dose: 0.2 }) },
      /^8 % of .*payments.*Share 5 %: this one 8 %$/,
    ],
    ['fits', 'one revision gets less', { own: exposure({ dose: 0.2, hosts: ['payments-v2'] }) }, null],
    ['fits', 'one version of the callers sends less', { own: exposure({ dose: 0.5, part: 0.1 }) }, null],
    [
      'is too much',
      'everyone of the namespace',
      { own: exposure({ callers: { namespace: 'shop', workloads: null } }) },
      /^10 % of/,
    ],
    [
      'fits',
      'nobody of another namespace calls it',
      { own: exposure({ callers: { namespace: 'b', workloads: null } }) },
      null,
    ],
    ['fits', 'nothing was counted of a rate yet', { own: exposure({ dose: null }) }, null],
    ['is too much', 'a rate touches', { own: exposure({ dose: null, seenPerSecond: 6 }) }, /^6 % of/],
    ['fits', 'nobody calls anybody', { flows: [] }, null],
    [
      'is too much',
      'with an earlier one on the same service',
      { earlier: [exposure({ experiment: 'shop/first', dose: 0.05 })] },
      /^6 % .* shop\/first touches 2 %, this one 4 %$/,
    ],
    [
      'fits',
      'an earlier one on another service',
      {
        earlier: [exposure({ target: { namespace: 'shop', service: 'stock' }, hosts: ['stock'] })],
      },
      null,
    ],
    [
      'is too much',
      'in total with an earlier one elsewhere',
      {
        earlier: [
          exposure({
            ...{ experiment: 'shop/first', target: { namespace: 'shop', service: 'checkout' }, hosts: ['checkout'] },
            ...{ callers: { namespace: 'shop', workloads: ['web'] }, dose: 0.06 },
          }),
        ],
      },
      /^5.5 % of all requests of the mesh .*totalRequestShare 5 %: shop\/first touches 4.5 %, this one 1 %$/,
    ],
    ['fits', 'touched ones are among those of the canary', { canary: canary(0.05, 'inside'), limits: LOOSE }, null],
    [
      'is too much',
      'touched ones come to those of the canary',
      { canary: canary(0.02, 'apart'), limits: LOOSE },
      /^6 % .*the canary of Rollout pay gets 2 %, this one 4 %$/,
    ],
    ['is too much', 'both by chance, counted once', { canary: canary(0.5, 'independent'), limits: LOOSE }, /^52 % of/],
    ['fits', 'a canary without requests', { canary: canary(0, 'independent'), limits: LOOSE }, null],
  ] as const)('%s: %s', (_, __, change, message) => {
    if (message === null) expect(ask(change)).toBeNull();
    else expect(ask(change)).toMatch(message);
  });

  it('never lets the sum above a limit, in whatever order experiments began', () => {
    const dose = fc.double({ min: 0, max: 1, noNaN: true });
    const limit = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(dose, { minLength: 1, maxLength: 6 }), limit, (doses, service) => {
        const admitted: Exposure[] = [];
        for (const [index, one] of doses.entries()) {
          const own = exposure({ experiment: `shop/${index}`, dose: one });
          if (ask({ own, earlier: admitted, limits: { service, total: 1 } }) === null) admitted.push(own);
        }
        const touched = admitted.reduce((sum, { dose: given }) => sum + 0.4 * (given ?? 0), 0);
        expect(touched).toBeLessThanOrEqual(service + 1e-6);
      }),
    );
  });
});
