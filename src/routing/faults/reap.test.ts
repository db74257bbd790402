import { beforeEach, describe, expect, it } from 'vitest';
import { createFakeKube, type FakeKube } from '../../../test/support/fake-kube.ts';
import { SAMPLE_FAULT } from '../../../test/support/sample-fault.ts';
import { kinds } from '../../kube/kinds.ts';
import type { DeleteOptions, Kube, KubeObject } from '../../kube/port.ts';
import { createFaults } from './faults.ts';
import type { FaultPlan } from './port.ts';
import { reap } from './reap.ts';

const NOW = Date.UTC(2026, 0, 1);
const FUSE_S = 60;
const GRACE_MS = 500;
const plan = SAMPLE_FAULT;
const fuseRef = (number: number) => ({ kind: kinds.job, namespace: 'shop', name: `late-fuse-${number}` });
const faultRef = { kind: kinds.envoyFilter, namespace: 'shop', name: 'sluice-late' };
const SOMEBODY = { fieldManager: 'somebody' };

let kube: FakeKube;
let now: number;

beforeEach(() => {
  now = NOW;
  kube = createFakeKube({ now: () => now });
});

async function inject(of: FaultPlan = plan, fuses: readonly number[] = [1]): Promise<void> {
  const faults = createFaults(kube);
  for (const number of fuses) await faults.lightFuse(of, { number, seconds: FUSE_S });
  await faults.write(of, 10_000, fuses, await faults.read(of));
}

const left = () => [...kube.all(kinds.envoyFilter), ...kube.all(kinds.job)].map(({ metadata }) => metadata.name);
const look = async (server: Kube = kube, namespace?: string) =>
  (await reap(server, { now, namespace })).map(({ object, error }) =>
    error === undefined ? object : `kept ${object}`,
  );

describe('a fault', () => {
  it('stays until its fuse is over, and a moment longer', async () => {
    await inject();
    now = NOW + FUSE_S * 1000 + GRACE_MS - 1;
    expect(await look()).toEqual([]);
    now += 1;
    expect(await look()).toEqual(['EnvoyFilter shop/sluice-late', 'Job shop/late-fuse-1']);
    expect(left()).toEqual([]);
  });

  it('that was renewed stays, its burnt fuse does not', async () => {
    await inject();
    now = NOW + 40_000;
    await inject(plan, [1, 2]);
    now = NOW + FUSE_S * 1000 + GRACE_MS;
    expect(await look()).toEqual(['Job shop/late-fuse-1']);
    kube.collectGarbage();
    expect(left()).toEqual(['sluice-late', 'late-fuse-2']);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['whose fuse was deleted', () => kube.delete(fuseRef(1), { propagation: 'Orphan' })],
    [
      'whose fuse is being deleted by a collector that is away',
      async () => {
        await kube.mergePatch(fuseRef(1), { metadata: { finalizers: ['foregroundDeletion'] } }, SOMEBODY);
        await kube.delete(fuseRef(1));
      },
    ],
    ['whose owners were taken off', () => kube.mergePatch(faultRef, { metadata: { ownerReferences: [] } }, SOMEBODY)],
  ])('%s goes at once', async (_, harm) => {
    await inject();
    await harm();
    expect(await look()).toEqual(['EnvoyFilter shop/sluice-late']);
  });

  it('goes by its own word where somebody gave its fuse more time', async () => {
    await inject();
    // What suspending and resuming a Job does.
    now = NOW + 50_000;
    await kube.mergePatch(
      fuseRef(1),
      { status: { startTime: new Date(now).toISOString() } },
      { ...SOMEBODY, subresource: 'status' },
    );
    now = NOW + FUSE_S * 1000 + GRACE_MS;
    expect(await look()).toEqual(['EnvoyFilter shop/sluice-late']);
  });

  it.each(['2099-01-01T00:00:00Z', null, 'soon'])(
    'goes with its fuse where somebody wrote %j as its expiry',
    async (to) => {
      await inject();
      await kube.mergePatch(faultRef, { metadata: { annotations: { 'sluice.dev/expires-at': to } } }, SOMEBODY);
      expect(await look()).toEqual([]);
      now = NOW + FUSE_S * 1000 + GRACE_MS;
      expect(await look()).toEqual(['EnvoyFilter shop/sluice-late', 'Job shop/late-fuse-1']);
    },
  );

  it('that is renewed between look and deletion stays', async () => {
    await inject();
    now = NOW + FUSE_S * 1000 + GRACE_MS;
    const racing: Kube = {
      ...kube,
      async delete(ref, options) {
        if (ref.name === faultRef.name) await inject(plan, [1, 2]);
        await kube.delete(ref, options);
      },
    };
    expect(await look(racing)).toEqual(['Job shop/late-fuse-1']);
    expect(left()).toEqual(['sluice-late', 'late-fuse-2']);
  });

  it('is told where it cannot be deleted, and does not keep the others', async () => {
    await inject();
    await inject({ ...plan, experiment: 'other' });
    now = NOW + FUSE_S * 1000 + GRACE_MS;
    const refusing: Kube = {
      ...kube,
      delete: (ref, options) =>
        ref.name === faultRef.name ? Promise.reject(new Error('refused')) : kube.delete(ref, options),
    };
    expect(await look(refusing)).toEqual([
      'kept EnvoyFilter shop/sluice-late',
      'EnvoyFilter shop/sluice-other',
      'Job shop/late-fuse-1',
      'Job shop/other-fuse-1',
    ]);
  });
});

describe('a fuse', () => {
  it('is deleted in the background: any other way would take it out of what it owns', async () => {
    await inject();
    now = NOW + FUSE_S * 1000 + GRACE_MS;
    const asked: (DeleteOptions | undefined)[] = [];
    const listening: Kube = {
      ...kube,
      delete: (ref, options) => {
        asked.push(options);
        return kube.delete(ref, options);
      },
    };
    await look(listening);
    expect(asked.map((options) => options?.propagation)).toEqual(['Background', 'Background']);
  });

  it('that was lit and owns nothing yet burns on', async () => {
    await createFaults(kube).lightFuse(plan, { number: 1, seconds: FUSE_S });
    expect(await look()).toEqual([]);
  });
});

describe('what is not of an experiment', () => {
  it('stays, with whatever label', async () => {
    const labels = { 'sluice.dev/experiment': 'late' };
    const make = (kind: typeof kinds.job, name: string, rest: object) =>
      kube.create<KubeObject>(
        kind,
        { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, namespace: 'shop', labels }, ...rest },
        SOMEBODY,
      );
    await make(kinds.envoyFilter, 'mine', { spec: {} });
    await make(kinds.job, 'late-report', { spec: { activeDeadlineSeconds: 1 } });
    now = NOW + FUSE_S * 1000;
    expect(await look()).toEqual([]);
  });

  it('stays in other namespaces where one is named', async () => {
    await inject();
    now = NOW + FUSE_S * 1000 + GRACE_MS;
    expect(await look(kube, 'elsewhere')).toEqual([]);
    expect(await look(kube, 'shop')).toHaveLength(2);
  });
});
