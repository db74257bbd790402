import { describe, expect, it } from 'vitest';
import { badRelease, goodRelease } from '../../test/support/evidence-records.ts';
import { createFakeKube, type FakeCall, type FakeKube } from '../../test/support/fake-kube.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import { decodeRecord, type EvidenceRecord } from '../explain/record.ts';
import { type ConfigMap, evidenceSelector, RECORD_KEY } from '../explain/stored.ts';
import { kinds } from '../kube/kinds.ts';
import { AppError } from '../lib/errors.ts';
import { createEvidenceRecords } from './evidence-records.ts';

const KEY = 'shop/checkout';

function setUp(fail: (call: FakeCall, number: number) => void = () => {}) {
  const clock = new SteppedClock(0);
  const calls: FakeCall[] = [];
  const kube = createFakeKube({
    now: () => clock.now(),
    intercept: (call) => {
      calls.push(call);
      fail(call, calls.length);
    },
  });
  const warnings: object[] = [];
  const log = { debug: () => {}, warn: (fields: object) => warnings.push(fields) };
  const records = createEvidenceRecords({ kube, clock, log, random: () => 0.5 });
  return { clock, kube, calls, warnings, records };
}

async function stored(kube: FakeKube): Promise<readonly EvidenceRecord[]> {
  const { items } = await kube.list<ConfigMap>(kinds.configMap, {
    namespace: 'shop',
    labelSelector: evidenceSelector('checkout'),
  });
  return items.map(({ binaryData }) => decodeRecord(Buffer.from(binaryData?.[RECORD_KEY] ?? '', 'base64')));
}

const released = (revision: string, startedAt: number): EvidenceRecord => ({ ...badRelease(), revision, startedAt });

describe('evidence records', () => {
  it('are stored as they are and belong to their Rollout', async () => {
    const { kube, records, clock } = setUp();
    const record = badRelease();
    records.keep(KEY, 'end', () => record);
    await clock.advance(0);
    expect(await stored(kube)).toEqual([record]);
    const name = 'checkout-evidence-7f9c8b5d4f';
    const configMap = await kube.get<ConfigMap>({ kind: kinds.configMap, namespace: 'shop', name });
    expect(configMap?.metadata).toMatchObject({
      labels: { 'sluice.dev/rollout': 'checkout' },
      ownerReferences: [{ kind: 'Rollout', name: 'checkout', uid: record.rollout.uid }],
    });
  });

  it('are read and written once for each stamp', async () => {
    const { calls, records, clock } = setUp();
    for (let look = 0; look < 3; look++) records.keep(KEY, 'step 1', badRelease);
    await clock.advance(0);
    expect(calls.map(({ verb }) => verb)).toEqual(['get', 'create', 'list']);
    records.keep(KEY, 'step 1', () => {
      throw new Error('it was read again');
    });
    await clock.advance(0);
    expect(calls).toHaveLength(3);
  });

  it('are replaced at the next stamp, and left alone where nothing is new', async () => {
    const { kube, calls, records, clock } = setUp();
    records.keep(KEY, 'step 1', () => ({ ...goodRelease(), outcome: null }));
    await clock.advance(0);
    records.keep(KEY, 'end', goodRelease);
    await clock.advance(0);
    records.keep(KEY, 'again', goodRelease);
    await clock.advance(0);
    expect(calls.map(({ verb }) => verb).slice(3)).toEqual(['get', 'update', 'get']);
    expect(await stored(kube)).toEqual([goodRelease()]);
  });

  it('are the newest five', async () => {
    const { kube, records, clock } = setUp();
    for (const [index, revision] of ['e', 'd', 'c', 'b', 'a', 'g', 'f'].entries()) {
      records.keep(KEY, revision, () => released(revision, 1000 * index));
      await clock.advance(0);
    }
    expect((await stored(kube)).map(({ revision }) => revision).sort()).toEqual(['a', 'b', 'c', 'f', 'g']);
  });

  it('are tried again while the API server cannot be reached, with the newest record', async () => {
    const { kube, records, clock, warnings } = setUp((_, number) => {
      if (number <= 2) throw new AppError('TransientError', 'API_UNREACHABLE', 'no connection');
    });
    records.keep(KEY, 'step 1', () => ({ ...goodRelease(), outcome: null }));
    await clock.advance(0);
    records.keep(KEY, 'end', goodRelease);
    await clock.advance(10_000);
    expect(await stored(kube)).toEqual([goodRelease()]);
    expect(warnings).toEqual([]);
  });

  it('are given up with one warning where they are forbidden, until the next stamp', async () => {
    const { calls, records, clock, warnings } = setUp(() => {
      throw new AppError('ConfigError', 'FORBIDDEN', 'configmaps is forbidden');
    });
    records.keep(KEY, 'step 1', badRelease);
    await clock.advance(60_000);
    expect([calls.length, warnings.length]).toEqual([1, 1]);
    records.keep(KEY, 'end', badRelease);
    await clock.advance(60_000);
    expect([calls.length, warnings.length]).toEqual([2, 2]);
  });

  it('leave a ConfigMap alone that somebody else has under this name', async () => {
    const { kube, records, clock, warnings } = setUp();
    const foreign: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'checkout-evidence-7f9c8b5d4f', namespace: 'shop' },
      binaryData: { theirs: 'AAAA' },
    };
    await kube.create(kinds.configMap, foreign, { fieldManager: 'user' });
    records.keep(KEY, 'end', badRelease);
    await clock.advance(0);
    expect(warnings).toEqual([{ rollout: KEY, err: expect.objectContaining({ code: 'EVIDENCE_NAME_TAKEN' }) }]);
    const ref = { kind: kinds.configMap, namespace: 'shop', name: foreign.metadata.name };
    expect((await kube.get<ConfigMap>(ref))?.binaryData).toEqual({ theirs: 'AAAA' });
  });

  it('of a Rollout that is gone are forgotten', async () => {
    const { calls, records, clock } = setUp();
    records.keep(KEY, 'end', badRelease);
    await clock.advance(0);
    records.forget(KEY);
    records.keep(KEY, 'end', badRelease);
    await clock.advance(0);
    expect(calls.map(({ verb }) => verb)).toEqual(['get', 'create', 'list', 'get']);
  });
});
