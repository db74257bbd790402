import { beforeEach, describe, expect, it } from 'vitest';
import { createFakeKube, type FakeKube } from '../../../test/support/fake-kube.ts';
import { SAMPLE_FAULT } from '../../../test/support/sample-fault.ts';
import { kinds } from '../../kube/kinds.ts';
import type { KubeObject } from '../../kube/port.ts';
import { createFaults } from './faults.ts';

const plan = SAMPLE_FAULT;
const NOW = Date.UTC(2026, 0, 1);
const faultRef = { kind: kinds.envoyFilter, namespace: 'shop', name: 'sluice-late' };

let kube: FakeKube;
let now: number;
const faults = () => createFaults(kube);
const fault = () => kube.get<KubeObject & { spec: { configPatches: object[] } }>(faultRef);

beforeEach(() => {
  now = NOW;
  kube = createFakeKube({ now: () => now });
});

async function inject(dosePpm = 10_000, fuses = [1]): Promise<void> {
  for (const number of fuses) await faults().lightFuse(plan, { number, seconds: 60 });
  await faults().write(plan, dosePpm, fuses, await faults().read(plan));
}

describe('a fault', () => {
  it('is not there before it is written', async () => {
    expect(await faults().read(plan)).toEqual({
      ...{ exists: false, dosePpm: null, isForeign: false, fuses: [], resourceVersion: null },
    });
    expect(await faults().list()).toEqual([]);
  });

  it('is never written without a fuse that burns', async () => {
    await expect(faults().write(plan, 1, [1], await faults().read(plan))).rejects.toMatchObject({
      class: 'NotReadyError',
      code: 'FAULT_WITHOUT_FUSE',
    });
    expect(kube.all(kinds.envoyFilter)).toEqual([]);
  });

  it('is read back as it was written, and owned by its fuse', async () => {
    await inject();
    const reading = await faults().read(plan);
    expect(reading).toMatchObject({ exists: true, dosePpm: 10_000, isForeign: false });
    expect(reading.fuses).toMatchObject([{ number: 1, expiresAt: NOW + 60_000, isOwner: true }]);
    expect(await faults().list()).toEqual([{ experiment: 'late', namespace: 'shop', expiresAt: NOW + 60_000 }]);
    expect(await faults().list('elsewhere')).toEqual([]);
  });

  it('gets another dose in place, guarded by what was read', async () => {
    await inject();
    const stale = await faults().read(plan);
    await faults().write(plan, 20_000, [1], stale);
    expect(await faults().read(plan)).toMatchObject({ dosePpm: 20_000, isForeign: false });
    await expect(faults().write(plan, 30_000, [1], stale)).rejects.toMatchObject({ class: 'ConflictError' });
    expect(await faults().read(plan)).toMatchObject({ dosePpm: 20_000 });
  });

  it.each<[string, (now: KubeObject & { spec: { configPatches: object[] } }) => object]>([
    ['another spec', ({ spec }) => ({ spec: { ...spec, configPatches: [] } })],
    ['wider callers', ({ spec }) => ({ spec: { configPatches: spec.configPatches } })],
    [
      'another dose in its annotation',
      ({ metadata }) => ({
        metadata: { ...metadata, annotations: { ...metadata.annotations, 'sluice.dev/dose-ppm': '10001' } },
      }),
    ],
    ['no annotations', ({ metadata }) => ({ metadata: { ...metadata, annotations: {} } })],
  ])('is foreign with %s', async (_, change) => {
    await inject();
    const object = await fault();
    if (object === undefined) throw new Error('no fault');
    await kube.replace(kinds.envoyFilter, { ...object, ...change(object) }, { fieldManager: 'somebody' });
    expect(await faults().read(plan)).toMatchObject({ exists: true, isForeign: true });
  });

  it('is not foreign for a new label, which changes no request', async () => {
    await inject();
    await kube.mergePatch(faultRef, { metadata: { labels: { team: 'a' } } }, { fieldManager: 'somebody' });
    expect(await faults().read(plan)).toMatchObject({ isForeign: false });
  });
});

describe('a fuse', () => {
  it('is a Job that never runs a pod and that the cluster deletes at its deadline', async () => {
    await faults().lightFuse(plan, { number: 3, seconds: 45 });
    expect(kube.all(kinds.job)).toMatchObject([
      {
        metadata: { name: 'late-fuse-3', namespace: 'shop', labels: { 'sluice.dev/experiment': 'late' } },
        spec: { parallelism: 0, completions: 1, activeDeadlineSeconds: 45, ttlSecondsAfterFinished: 0 },
      },
    ]);
    expect(kube.all(kinds.job)[0]?.metadata.ownerReferences).toBeUndefined();
  });

  it('is lit once for each number', async () => {
    await faults().lightFuse(plan, { number: 1, seconds: 60 });
    now += 30_000;
    await faults().lightFuse(plan, { number: 1, seconds: 60 });
    expect((await faults().read(plan)).fuses).toMatchObject([{ number: 1, expiresAt: NOW + 60_000, isOwner: false }]);
  });

  it('of another experiment whose name begins alike is not ours', async () => {
    await faults().lightFuse({ ...plan, experiment: 'late-fuse' }, { number: 1, seconds: 60 });
    expect((await faults().read(plan)).fuses).toEqual([]);
  });

  it('is renewed by a second owner, so that the end of the first leaves the fault', async () => {
    await inject();
    const { uid } = (await fault())?.metadata ?? {};
    now += 40_000;
    await inject(10_000, [1, 2]);
    expect((await fault())?.metadata.ownerReferences).toHaveLength(2);
    expect(await faults().list()).toMatchObject([{ expiresAt: now + 60_000 }]);
    await kube.delete({ kind: kinds.job, namespace: 'shop', name: 'late-fuse-1' });
    kube.collectGarbage();
    const reading = await faults().read(plan);
    expect(reading).toMatchObject({ exists: true, isForeign: false });
    expect(reading.fuses).toMatchObject([{ number: 2, isOwner: true }]);
    expect((await fault())?.metadata.uid).toBe(uid);
    await kube.delete({ kind: kinds.job, namespace: 'shop', name: 'late-fuse-2' });
    kube.collectGarbage();
    expect(await faults().read(plan)).toMatchObject({ exists: false, fuses: [] });
  });

  it('that is being deleted burns no more', async () => {
    await faults().lightFuse(plan, { number: 1, seconds: 60 });
    const ref = { kind: kinds.job, namespace: 'shop', name: 'late-fuse-1' };
    await kube.mergePatch(ref, { metadata: { finalizers: ['foregroundDeletion'] } }, { fieldManager: 'collector' });
    await kube.delete(ref);
    expect((await faults().read(plan)).fuses).toEqual([]);
  });
});

describe('removing', () => {
  it('takes the fault first, then the fuses, and may be repeated', async () => {
    await inject(10_000, [1, 2]);
    const gone: string[] = [];
    kube = createFakeKubeFrom(kube, (name, propagation) => gone.push(`${name} ${propagation ?? ''}`.trim()));
    await faults().remove(plan);
    await faults().remove(plan);
    // A Job that is deleted in another way leaves what it owns, without an owner.
    expect(gone.slice(0, 3)).toEqual(['sluice-late', 'late-fuse-1 Background', 'late-fuse-2 Background']);
    expect([...kube.all(kinds.envoyFilter), ...kube.all(kinds.job)]).toEqual([]);
  });

  it('leaves the objects of other experiments', async () => {
    await inject();
    const other = { ...plan, experiment: 'other' };
    await faults().lightFuse(other, { number: 1, seconds: 60 });
    await faults().write(other, 1, [1], await faults().read(other));
    await faults().remove(plan);
    expect(await faults().list()).toMatchObject([{ experiment: 'other' }]);
    expect(kube.all(kinds.job)).toHaveLength(1);
  });
});

/** The same server, of which the deletions are told. */
function createFakeKubeFrom(server: FakeKube, onDelete: (name: string, propagation?: string) => void): FakeKube {
  return {
    ...server,
    delete(ref, options) {
      onDelete(ref.name, options?.propagation);
      return server.delete(ref, options);
    },
  };
}
