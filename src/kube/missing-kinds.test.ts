import { expect, it } from 'vitest';
import { AppError } from '../lib/errors.ts';
import { kinds } from './kinds.ts';
import { createMissingKinds } from './missing-kinds.ts';

const failed = (code: string, kind = 'ChaosExperiment') =>
  ({ type: 'failed', kind, error: new AppError('ConfigError', code, 'no'), failures: 1, retryInMs: 1 }) as const;
const listed = { type: 'listed', kind: 'ChaosExperiment', count: 0, resourceVersion: '1' } as const;

it('tells once of each kind of Sluice that is missing, with the cure, until it is there', () => {
  const told: string[] = [];
  const missing = createMissingKinds((reason) => told.push(reason));
  missing.observe(kinds.chaosExperiment, failed('SERVER_ERROR'));
  missing.observe(kinds.virtualService, failed('KIND_NOT_SERVED', 'VirtualService'));
  expect(missing.reason()).toBeNull();
  missing.observe(kinds.chaosExperiment, failed('KIND_NOT_SERVED'));
  missing.observe(kinds.chaosExperiment, failed('KIND_NOT_SERVED'));
  expect(missing.reason()).toBe('ChaosExperiment is not served: apply crds/');
  missing.observe(kinds.chaosExperiment, failed('FORBIDDEN'));
  expect(missing.reason()).toBe('ChaosExperiment may not be watched: apply deploy/rbac.yaml');
  expect(told).toHaveLength(2);
  missing.observe(kinds.chaosExperiment, listed);
  expect(missing.reason()).toBeNull();
});
