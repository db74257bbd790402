import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestSession, store, type TestSession } from '../../test/support/cli-session.ts';
import { badRelease, goodRelease } from '../../test/support/evidence-records.ts';
import { AT_REST, sampleRollout } from '../../test/support/sample-rollout.ts';
import type { Rollout } from '../api/rollout.ts';
import { type EvidenceRecord, encodeRecord } from '../explain/record.ts';
import { evidenceConfigMap, RECORD_KEY } from '../explain/stored.ts';
import { kinds } from '../kube/kinds.ts';
import { type ExplainOptions, explain } from './explain.ts';

const ref = { kind: kinds.rollout, namespace: 'shop', name: 'checkout' };

async function sessionWith(
  records: readonly EvidenceRecord[],
  changes: Parameters<typeof createTestSession>[0] = {},
): Promise<TestSession> {
  const session = createTestSession(changes);
  await store(session, sampleRollout(AT_REST));
  const { metadata } = (await session.kube.get<Rollout>(ref)) ?? {};
  for (const record of records) {
    const own = { ...record, rollout: { ...record.rollout, uid: metadata?.uid ?? '' } };
    await session.kube.create(kinds.configMap, evidenceConfigMap(own, encodeRecord(own)), { fieldManager: 'sluice' });
  }
  return session;
}

const older = (revision: string): EvidenceRecord => ({ ...goodRelease(), revision, startedAt: 1_700_000_000_000 });
const failureOf = (session: TestSession, options: ExplainOptions = {}) =>
  explain(session, 'checkout', options).then(
    (code) => ({ message: `it ended with ${code}`, exitCode: code }),
    ({ message, exitCode }: { message: string; exitCode: number }) => ({ message, exitCode }),
  );

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-explain-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('sluice explain', () => {
  it('explains the newest release and lists the others', async () => {
    const session = await sessionWith([older('c0ffee1234'), badRelease()]);
    expect(await explain(session, 'checkout', {})).toBe(0);
    const text = session.written();
    expect(text).toMatch(/^checkout in shop: 7f9c8b5d4f was taken back 16s after it began, at 5 %/);
    expect(text).toContain('the same verdict, and the same odds in every bit');
    expect(text).toMatch(
      /Other releases \(--revision REVISION\)\n.*\n {2}c0ffee1234 +2023-11-14T22:13:20\.000Z +Promoted\n$/,
    );
  });

  it('explains the release of another revision', async () => {
    const session = await sessionWith([older('c0ffee1234'), badRelease()]);
    expect(await explain(session, 'checkout', { revision: 'c0ffee1234' })).toBe(0);
    expect(session.written()).toMatch(/^checkout in shop: c0ffee1234 was promoted/);
  });

  it('gives all of it as JSON', async () => {
    const session = await sessionWith([badRelease()], { isJson: true });
    await explain(session, 'checkout', {});
    expect(JSON.parse(session.written())).toMatchObject({
      revision: '7f9c8b5d4f',
      agreement: { kind: 'exact' },
      outcome: { kind: 'RolledBack' },
      raises: [{ weightPercent: 5 }],
      objectives: [{ name: 'availability', verdict: { kind: 'Rollback' }, history: [{}, {}, {}] }],
    });
  });

  it('draws the picture into a file', async () => {
    const session = await sessionWith([badRelease()]);
    const svg = join(folder, 'bad.svg');
    await explain(session, 'checkout', { svg });
    expect(await readFile(svg, 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    const nowhere = join(folder, 'missing', 'bad.svg');
    expect(await failureOf(session, { svg: nowhere })).toMatchObject({
      exitCode: 4,
      message: expect.stringContaining(`cannot write ${nowhere}: ENOENT`),
    });
  });

  it('ends with 1 where another decision comes out', async () => {
    const [objective] = badRelease().objectives;
    if (objective === undefined) throw new Error('no objective');
    const edited = { ...badRelease(), objectives: [{ ...objective, batches: objective.batches.slice(0, 2) }] };
    const session = await sessionWith([edited]);
    expect(await explain(session, 'checkout', {})).toBe(1);
    expect(session.written()).toContain('availability was Rollback (HarmAgainstStable), and is Hold');
  });

  it('writes nothing but ASCII when asked', async () => {
    const session = await sessionWith([goodRelease()]);
    await explain(session, 'checkout', { ascii: true });
    expect(session.written()).toMatch(/^[\n -~]+$/);
  });

  it('says so when there is no record yet', async () => {
    expect(await failureOf(await sessionWith([]))).toEqual({
      exitCode: 4,
      message:
        'there is no evidence record of checkout yet: one is written at each step of a release, from its first requests on',
    });
  });

  it('names the revisions that there are', async () => {
    const session = await sessionWith([badRelease()]);
    expect(await failureOf(session, { revision: 'c0ffee1234' })).toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('there are: 7f9c8b5d4f (the newest five are kept)'),
    });
  });

  it('names the Rollout that may have been meant', async () => {
    await expect(explain(await sessionWith([]), 'chekout', {})).rejects.toThrow('did you mean checkout?');
  });

  it('refuses a record of another version', async () => {
    const session = await sessionWith([badRelease()]);
    const name = 'checkout-evidence-7f9c8b5d4f';
    const { gunzipSync, gzipSync } = await import('node:zlib');
    const newer = JSON.parse(gunzipSync(encodeRecord(badRelease())).toString()) as object;
    const value = gzipSync(JSON.stringify({ ...newer, version: 2 })).toString('base64');
    const path = `/binaryData/${RECORD_KEY}`;
    const place = { kind: kinds.configMap, namespace: 'shop', name };
    await session.kube.jsonPatch(place, [{ op: 'replace', path, value }], { fieldManager: 'other' });
    await expect(explain(session, 'checkout', {})).rejects.toMatchObject({ code: 'EVIDENCE_VERSION_UNKNOWN' });
  });
});
