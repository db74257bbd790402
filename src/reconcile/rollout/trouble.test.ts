import { describe, expect, it } from 'vitest';
import { type FinishedRelease, initialContext, type RolloutContext } from '../../../machines/rollout/context.ts';
import type { RolloutState } from '../../../machines/rollout/desired.ts';
import type { Facts } from '../../../machines/rollout/facts.ts';
import { AT_REST, sampleRollout } from '../../../test/support/sample-rollout.ts';
import { hashOf } from '../../workloads/revision.ts';
import type { CallersService, RolloutObservation } from './observation.ts';
import type { RolloutRecord } from './record.ts';
import { troubleOf } from './trouble.ts';

const FINISHED = { startedAt: 0, finishedAt: 1, failedRequests: 0, message: 'why' };
const finished = (revision: string, kind: FinishedRelease['kind'], reason = 'FailsMore') =>
  ({ ...FINISHED, revision, kind, reason }) as FinishedRelease;

const TEMPLATE = { spec: { containers: [{ name: 'main', image: 'v2' }] } };

interface Scene {
  readonly deployment?: null;
  readonly service?: CallersService | 'unknown' | null;
  readonly state?: RolloutState;
  readonly context?: Partial<RolloutContext>;
  readonly template?: string;
  readonly deleting?: boolean;
}

const serviceWith = (...ports: { readonly name?: string; readonly port: number }[]): CallersService => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'checkout' }, spec: { ports } },
});

function trouble(scene: Scene) {
  const { service = serviceWith({ name: 'http', port: 80 }), template = 'aa' } = scene;
  const observation = {
    rollout: sampleRollout(AT_REST),
    deployment: scene.deployment === null ? undefined : { spec: { template: TEMPLATE } },
    service: service === null ? undefined : service,
  } as unknown as RolloutObservation;
  const context = { ...initialContext, stable: 'aa', ...scene.context };
  const workload = scene.deployment === null ? null : { revision: template };
  const facts = { workload, deleting: scene.deleting ?? false } as unknown as Facts;
  return troubleOf(observation, { state: scene.state ?? 'Idle', context } as RolloutRecord, facts);
}

describe('what is wrong at rest', () => {
  it.each<[string, Scene, string]>([
    ['WorkloadNotFound', { deployment: null }, 'there is no Deployment checkout in namespace shop: create it'],
    ['WorkloadNotFound', { deployment: null, state: 'Adopting' }, 'spec.workloadRef.name'],
    ['ServiceNotFound', { service: null }, 'there is no Service checkout in namespace shop: create it'],
    [
      'PortNotFound',
      { service: serviceWith({ name: 'web', port: 80 }, { port: 9090 }) },
      'only web (80), 9090: add it',
    ],
    ['PortNotFound', { service: serviceWith() }, 'only none at all'],
  ])('is %s', (reason, scene, message) => {
    expect(trouble(scene)).toEqual({ reason, message: expect.stringContaining(message) });
  });

  it.each<[string, Scene]>([
    ['all is there', {}],
    ['nobody knows yet which Services there are', { service: 'unknown' }],
    ['the Rollout is being deleted', { deployment: null, deleting: true }],
    ['a release is in progress, which says so itself', { service: null, context: { release: {} as never } }],
    ['nothing is left to do', { deployment: null, state: 'Gone' }],
  ])('is nothing where %s', (_, scene) => {
    expect(trouble(scene)).toBeNull();
  });
});

describe('a version that was taken back', () => {
  const back = { stable: 'bb', history: [finished('bb', 'RolledBack')] };

  it('is trouble while the Deployment rolls it out by itself, and once it is stable', () => {
    expect(trouble({ context: { ...back, stable: 'aa' }, template: 'bb', state: 'Adopting' })).toEqual({
      reason: 'TakenBackVersionRollsOut',
      message: expect.stringContaining('bb was taken back (FailsMore)'),
    });
    expect(trouble({ context: back, template: 'bb' })).toMatchObject({ reason: 'TakenBackVersionIsStable' });
  });

  it('is trouble also where others were promoted since, or an operator aborted it', () => {
    const history = [finished('bb', 'Aborted', 'AbortRequested'), finished('cc', 'Promoted')];
    expect(trouble({ context: { stable: 'bb', history }, template: 'bb' })).toMatchObject({
      reason: 'TakenBackVersionIsStable',
    });
  });

  it('is trouble under the name that the Deployment gave it, too', () => {
    const history = [finished(hashOf(TEMPLATE), 'RolledBack')];
    expect(trouble({ context: { stable: 'k8s5', history }, template: 'k8s5' })).toMatchObject({
      reason: 'TakenBackVersionIsStable',
    });
  });

  it('is none once it was promoted after all, nor where stable is still the one before', () => {
    const history = [finished('bb', 'RolledBack'), finished('bb', 'Promoted')];
    expect(trouble({ context: { stable: 'bb', history }, template: 'bb' })).toBeNull();
    expect(trouble({ context: { ...back, stable: 'aa' }, template: 'bb' })).toBeNull();
  });
});
