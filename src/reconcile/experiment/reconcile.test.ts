import { describe, expect, it } from 'vitest';
import { type Cause, initialContext } from '../../../machines/experiment/context.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kind, KubeObject } from '../../kube/port.ts';
import { createFollowing } from './following.ts';
import { type ExperimentReconcilerPorts, reconcileExperiment } from './reconcile.ts';

const NOW = Date.parse('2026-01-02T12:00:00Z');
const SPEC = {
  target: { service: { name: 'payments', port: 80 } },
  callers: { matchLabels: { app: 'checkout' } },
  fault: { abort: { httpStatus: 503 } },
  ramp: [{ percentage: 1, for: '5m' }],
  steadyState: { service: 'checkout', objectives: [{ name: 'availability', requests: { successRatio: 99 } }] },
};
const DOSE = {
  ...{ dosePpm: 10_000, decidedAt: NOW - 9_000, since: NOW - 9_000, until: null, matched: 0, faulted: 0 },
  ...{ isProven: null, dose: '', steadyState: null, judged: '' },
};
const CONTEXT = {
  ...initialContext,
  ...{ since: NOW - 9_000, createdAt: NOW - 60_000, startedAt: NOW - 60_000, injectedAt: NOW - 9_000, doses: [DOSE] },
  ...{ faultSeenAt: NOW - 9_000, lastFuse: 1, fuseUntil: NOW + 50_000 },
};
const POD = { metadata: { name: 'checkout-1', namespace: 'shop', labels: { app: 'checkout' } } };
const FUSE = { number: 1, uid: 'j', expiresAt: NOW + 50_000, isOwner: true };
const PRESENT = { exists: true, dosePpm: 10_000, isForeign: false, resourceVersion: '1', fuses: [FUSE] };
const GONE = { exists: false, dosePpm: null, isForeign: false, resourceVersion: null, fuses: [] };

interface Trouble {
  readonly write?: boolean;
  readonly read?: boolean;
  readonly remove?: boolean;
}

/** An experiment that injects, and an API server that may fail. */
function scene(change: object = {}, { halt = false, ...trouble }: Trouble & { readonly halt?: boolean } = {}) {
  const calls: string[] = [];
  const followed = new Set<string>();
  let now = NOW;
  const machine = { version: 1, state: 'Injecting', context: { ...CONTEXT, scope: null } };
  const status = { phase: 'Injecting', observedGeneration: 1, startedAt: new Date(CONTEXT.startedAt).toISOString() };
  const { apiVersion, kind } = kinds.chaosExperiment;
  const own = { apiVersion, kind, metadata: { name: 'x', namespace: 'shop' }, spec: SPEC };
  let object: KubeObject | undefined = { ...own, status: { ...status, machine }, ...change } as KubeObject;
  const kube = {
    get: async ({ kind }: { readonly kind: Kind }) =>
      kind.kind === 'ChaosExperiment' ? object : { metadata: { name: 'payments' } },
    list: async () => ({ items: [] }),
    apply: async (_: Kind, { status }: ChaosExperiment) => {
      calls.push('status');
      if (trouble.write) throw new Error('no write');
      object = { ...object, status } as unknown as KubeObject;
      return object;
    },
  };
  let isThere = true;
  const policy = { metadata: { name: 'default' }, spec: { halt } };
  const copy = { get: () => undefined, list: () => [], isFresh: () => true };
  const ports = {
    ...{ kube, clock: { now: () => now }, events: { record: () => undefined } },
    faults: {
      read: async () => {
        if (trouble.read) throw new Error('no list');
        return isThere ? PRESENT : GONE;
      },
      remove: async () => {
        calls.push('remove');
        if (trouble.remove) throw new Error('no removal');
        isThere = false;
      },
    },
    following: createFollowing({
      follow: (key) => void followed.add(key),
      unfollow: (key) => void followed.delete(key),
      read: () => ({ state: 'fresh', message: '', lastSampleAt: now, batches: [] }),
    }),
    questions: { ask: () => ({ state: 'known', samples: [] }) },
    log: { info: () => undefined, warn: () => undefined },
    copies: {
      ...{ experiments: copy, pods: { ...copy, list: () => [POD] }, services: copy, rollouts: copy, deployments: copy },
      ...{ serviceLevelObjectives: copy, safetyPolicies: { ...copy, get: () => policy } },
    },
  } as unknown as ExperimentReconcilerPorts;
  return {
    ...{ calls, followed },
    delete: () => {
      object = undefined;
    },
    look: () => reconcileExperiment(ports, 'shop', 'x'),
    pass: (ms: number) => {
      now += ms;
    },
    get status() {
      return (object as unknown as ChaosExperiment | undefined)?.status;
    },
    get cause() {
      const context = this.status?.machine?.context as { readonly ended: { readonly cause: Cause } | null } | undefined;
      return context?.ended?.cause;
    },
  };
}

const STOP = { spec: { ...SPEC, stop: true } };

describe('a fault that has to go', () => {
  it('goes before status is written, also where that fails', async () => {
    const { calls, look } = scene(STOP, { write: true });
    await expect(look()).rejects.toThrow('no write');
    expect(calls).toEqual(['remove', 'status']);
  });

  it.each([
    ['a stop', STOP, {}],
    ['the lever', {}, { halt: true }],
  ])('goes by %s where nothing of it can be read', async (_, change, trouble) => {
    const { calls, look } = scene(change, { ...trouble, read: true });
    await expect(look()).rejects.toThrow('no list');
    expect(calls).toEqual(['remove']);
  });

  it('stays by what cannot be read alone', async () => {
    const { calls, look } = scene({}, { read: true });
    await expect(look()).rejects.toThrow('no list');
    expect(calls).toEqual([]);
  });

  it('is decided to go also where it cannot be removed', async () => {
    const world = scene(STOP, { remove: true });
    await expect(world.look()).rejects.toThrow('no removal');
    expect(world.cause).toBe('StopRequested');
  });

  it('waits for the record at the end of the ramp, so that nobody is said to have deleted it', async () => {
    const world = scene({ spec: { ...SPEC, ramp: [{ percentage: 1, for: '10s' }] } });
    world.pass(2_000);
    await world.look();
    expect(world.calls.slice(0, 2)).toEqual(['status', 'remove']);
  });
});

describe('what is followed', () => {
  it('is let go of with an experiment that was deleted', async () => {
    const { followed, look, ...world } = scene();
    await look();
    expect([...followed]).toEqual(['experiment:shop/x#dose', 'experiment:shop/x#availability']);
    world.delete();
    await look();
    expect([...followed]).toEqual([]);
  });
});
