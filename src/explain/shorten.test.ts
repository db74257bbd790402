import { describe, expect, it } from 'vitest';
import type { Batch } from '../../machines/judge/index.ts';
import { goodRelease, recordOf, STARTED_AT } from '../../test/support/evidence-records.ts';
import { explainRecord } from './explanation.ts';
import { decodeRecord, type EvidenceRecord, encodeRecord } from './record.ts';
import { encodeWithin, mergedBatches } from './shorten.ts';

const within = async (record: EvidenceRecord, mostBytes: number) => {
  const bytes = await encodeWithin(record, { mostBytes, pause: async () => {} });
  expect(bytes.length).toBeLessThanOrEqual(mostBytes);
  return decodeRecord(bytes);
};
const sum = (record: EvidenceRecord, arm: 'canary' | 'stable') =>
  record.objectives.flatMap(({ batches }) => batches).reduce((total, batch) => total + batch[arm].requests, 0);

/** A quarter of an hour at 1 s. */
const record = recordOf({ seconds: 900, scrapeMs: 1000 });

describe('a record that is too large', () => {
  it('is left as it is where it is not', async () => {
    expect(await within(goodRelease(), 100_000)).toEqual(goodRelease());
  });

  it('has its oldest batches added up, with the same verdict', async () => {
    const short = await within(record, encodeRecord(record).length - 1);
    const [objective] = short.objectives;
    expect(objective?.shortened).toEqual({ kind: 'merged', batches: 900 });
    expect(objective?.batches.length).toBeLessThan(700);
    expect([sum(short, 'canary'), sum(short, 'stable')]).toEqual([sum(record, 'canary'), sum(record, 'stable')]);
    expect(explainRecord(short).agreement).toMatchObject({
      kind: 'merged',
      message: expect.stringContaining('into which 900 were added up'),
    });
  });

  it('loses its oldest batches where adding up is not enough, and says so', async () => {
    const last = record.objectives.map((own) => ({ ...own, batches: own.batches.slice(-20) }));
    const short = await within(record, encodeRecord({ ...record, objectives: last }).length);
    const [objective] = short.objectives;
    expect(objective?.shortened).toEqual({ kind: 'truncated', batches: 900 });
    expect(objective?.batches.at(-1)).toEqual(record.objectives[0]?.batches.at(-1));
    expect(explainRecord(short).agreement.kind).toBe('unknown');
  });

  it('keeps the batches of an objective whose verdict would be another one', async () => {
    const wrong = record.objectives.map((objective) => ({
      ...objective,
      verdict: { ...objective.verdict, reason: 'SomethingElse' },
    }));
    const short = await within({ ...record, objectives: wrong }, encodeRecord(record).length / 2);
    expect(short.objectives[0]?.shortened?.kind).toBe('truncated');
  });
});

describe('batches that are added up', () => {
  const at = (seconds: number, rest: Partial<Batch> = {}): Batch => ({
    at: STARTED_AT + seconds * 1000,
    canary: { requests: 1, failures: 0 },
    stable: { requests: 9, failures: 1 },
    ...rest,
  });
  const merge = { lengthMs: 5000, keptMs: 0 };
  const ends = (batches: readonly Batch[]) => batches.map((batch) => (batch.at - STARTED_AT) / 1000);

  it('end where the last of them ends', () => {
    const merged = mergedBatches([at(1), at(2), at(5), at(6), at(20)], [], merge);
    expect(ends(merged)).toEqual([5, 6, 20]);
    expect(merged[0]).toMatchObject({ canary: { requests: 3 }, stable: { requests: 27, failures: 3 } });
  });

  it('do not reach over a raise of the weight', () => {
    const raises = [{ at: STARTED_AT + 3000, weightBp: 500 }];
    expect(ends(mergedBatches([at(1), at(2), at(3), at(4), at(5)], raises, merge))).toEqual([2, 5]);
  });

  it('add up durations and pods, and stay apart where bucket edges differ', () => {
    const timed = (edges: readonly number[]): Partial<Batch> => ({
      latency: {
        edges,
        canary: { requests: 1, within: edges.map(() => 1) },
        stable: { requests: 9, within: edges.map(() => 8) },
      },
      stablePods: { a: { requests: 9, failures: 1 } },
    });
    const merged = mergedBatches([at(1, timed([10, 20])), at(2, timed([10, 20])), at(3, timed([10]))], [], merge);
    expect(ends(merged)).toEqual([2, 3]);
    expect(merged[0]).toMatchObject({
      latency: { canary: { requests: 2, within: [2, 2] }, stable: { requests: 18, within: [16, 16] } },
      stablePods: { a: { requests: 18, failures: 2 } },
    });
  });
});
