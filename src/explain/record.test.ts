import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { badRelease, goodRelease } from '../../test/support/evidence-records.ts';
import { decodeRecord, encodeInPieces, encodeRecord } from './record.ts';

const packed = (change: (record: Record<string, unknown>) => void): Uint8Array => {
  const record = JSON.parse(gunzipSync(encodeRecord(badRelease())).toString()) as Record<string, unknown>;
  change(record);
  return gzipSync(JSON.stringify(record));
};

describe('an evidence record', () => {
  it.each([
    ['a bad', badRelease],
    ['a good', goodRelease],
  ])('of %s release comes back as it was', (_, release) => {
    const record = release();
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
  });

  it('is the same bytes when others may go on meanwhile, and cut wherever it is long', async () => {
    const record = goodRelease();
    const [objective] = record.objectives;
    if (objective === undefined) throw new Error('the sample is wrong');
    const [first] = objective.batches;
    // Characters of several bytes, so that a piece may end within one.
    const message = 'ä€😀'.repeat(50_000);
    const batches = Array.from({ length: 20_000 }, (_, i) => ({ ...first, at: 1000 + i })) as typeof objective.batches;
    const long = {
      ...record,
      objectives: [{ ...objective, batches, verdict: { ...objective.verdict, message } }, objective],
    };
    let pauses = 0;
    const bytes = await encodeInPieces(long, async () => {
      pauses++;
    });
    expect(bytes.equals(encodeRecord(long))).toBe(true);
    expect(decodeRecord(bytes)).toEqual(long);
    expect(pauses).toBeGreaterThan(5);
  });

  it('takes a few bytes for each batch', () => {
    const record = goodRelease();
    const batches = record.objectives[0]?.batches.length ?? 0;
    expect(batches).toBe(120);
    expect(encodeRecord(record).length).toBeLessThan(10 * batches);
  });

  it('of another version is refused with what to do', () => {
    const newer = packed((record) => {
      record['version'] = 2;
    });
    expect(() => decodeRecord(newer)).toThrow(
      expect.objectContaining({
        code: 'EVIDENCE_VERSION_UNKNOWN',
        message: expect.stringContaining('version 2, but this program reads version 1'),
      }),
    );
  });

  it.each([
    ['bytes that are no gzip', () => new Uint8Array([1, 2, 3])],
    ['gzip that is no JSON', () => gzipSync('{"version":1')],
    ['a field that is missing', () => packed((record) => delete record['stable'])],
    ['JSON that is nothing', () => gzipSync('null')],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeRecord(bytes())).toThrow(expect.objectContaining({ code: 'EVIDENCE_UNREADABLE' }));
  });

  it('names the field that is wrong', () => {
    const wrong = packed((record) => {
      record['raises'] = [{ at: 'noon', weightBp: 100 }];
    });
    expect(() => decodeRecord(wrong)).toThrow('raises.0.at');
  });
});
