import { parseRollout } from '../../src/api/parse-rollout.ts';
import type { RolloutSpec } from '../../src/api/rollout.ts';

/** A spec as the API server gives it, with defaults; `change` replaces whole fields. */
export function specWith(change: object = {}): RolloutSpec {
  const parsed = parseRollout({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'checkout' },
    spec: {
      workloadRef: { name: 'checkout' },
      service: { name: 'checkout', port: 80 },
      routing: { istio: {} },
      strategy: { canary: {} },
      ...change,
    },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.rollout.spec;
}
