import { describe, expect, it } from 'vitest';
import type { Answer } from '../metrics/questions.ts';
import { controlPlaneOf } from './control-plane.ts';

const QUIET: Answer = { state: 'known', samples: [] };
const ERRORS: Answer = { state: 'known', samples: [{ labels: { type: 'rds_senderr' }, value: 3 }] };
const DOWN: Answer = { state: 'unknown', message: 'connection refused' };
const DENIED = { state: 'unknown', message: 'EndpointSlices: forbidden' } as const;

describe('the control plane', () => {
  it.each([
    ['ready', 'istiod has endpoints and no errors', { state: 'ready' }, QUIET],
    ['ready', 'istiod is not in this cluster', { state: 'absent' }, QUIET],
    ['trouble', 'no endpoint of istiod is ready', { state: 'unready' }, QUIET],
    ['trouble', 'no endpoint is ready and the metrics are down', { state: 'unready' }, DOWN],
    ['trouble', 'pushes fail', { state: 'ready' }, ERRORS],
    ['trouble', 'pushes of an istiod elsewhere fail', { state: 'absent' }, ERRORS],
    ['unknown', 'the metrics are down', { state: 'ready' }, DOWN],
    ['unknown', 'its endpoints must not be read', DENIED, QUIET],
  ] as const)('is %s where %s', (state, _, endpoints, errors) => {
    expect(controlPlaneOf(endpoints, errors)).toMatchObject({ state });
  });

  it('says which pushes fail', () => {
    expect(controlPlaneOf({ state: 'ready' }, ERRORS).message).toMatch(/\(rds_senderr\)/);
  });
});
