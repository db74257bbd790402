import { type ChaosExperiment, parseChaosExperiment } from '../../src/api/chaos-experiment.ts';

/** checkout of `shop` gets 503 from payments; parts of the spec may be given anew. */
export function sampleExperiment(spec: object = {}): ChaosExperiment {
  const parsed = parseChaosExperiment({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'ChaosExperiment',
    metadata: { name: 'late', namespace: 'shop' },
    spec: {
      target: { service: { name: 'payments', port: 80 } },
      callers: { matchLabels: { app: 'checkout' } },
      fault: { abort: { httpStatus: 503 } },
      ramp: [{ percentage: 5, for: '1m' }],
      ...spec,
    },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}
