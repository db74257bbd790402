import type { FaultPlan } from '../../src/routing/faults/port.ts';

/** Everything of an experiment `late` in `shop`, in which web does not reach ord. */
export const SAMPLE_FAULT: FaultPlan = {
  experiment: 'late',
  namespace: 'shop',
  target: { namespace: 'shop', service: 'ord', port: 80 },
  callers: { app: 'web' },
  headers: [],
  fault: { kind: 'abort', httpStatus: 503 },
};
