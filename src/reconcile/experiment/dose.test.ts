import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../metrics/port.ts';
import { doseInWords, isDoseProven, isWireClean, lateTouches, ownFlags, seenSince, touchedShare } from './dose.ts';

const batch = (at: number, matched: number, faulted: number, others = 0) => ({
  at,
  canary: { requests: matched, failures: faulted },
  stable: { requests: others, failures: 0 },
});
const seen = (matched: number, faulted: number) => ({ matched, faulted, others: 0, othersFaulted: 0 });

describe('a dose', () => {
  it('is what was counted after a time', () => {
    const batches = [batch(1_000, 10, 10), batch(2_000, 20, 1, 5), batch(3_000, 30, 2, 6)];
    expect(seenSince(batches, 1_000)).toEqual({ matched: 50, faulted: 3, others: 11, othersFaulted: 0 });
  });

  it('that was over before a scrape showed it is counted all the same', () => {
    const batches = [batch(4_000, 20, 3), batch(5_000, 20, 0), batch(14_000, 20, 1), batch(17_000, 20, 2)];
    expect(seenSince(lateTouches(batches, 4_000), 0)).toMatchObject({ matched: 20, faulted: 1 });
  });

  it.each([
    ['as asked', seen(2_000, 101), 0.05, true],
    ['twice as much', seen(2_000, 200), 0.05, false],
    ['nothing', seen(2_000, 0), 0.05, false],
    ['all', seen(500, 499), 1, true],
    ['all but many', seen(500, 450), 1, false],
    ['too few to tell', seen(100, 0), 0.05, null],
    ['a small one, as asked', seen(10_000, 52), 0.005, true],
    ['a small one, nothing seen', seen(10_000, 0), 0.005, false],
    ['the smallest that can be told, nothing seen', seen(2_000, 0), 0.005, false],
    ['a hundred times a small one', seen(1_000_000, 10_000), 0.0001, false],
    ['a fiftieth of a small one', seen(100_000, 10), 0.005, false],
    ['all but a few, as asked', seen(10_000, 9_948), 0.995, true],
    ['all but a few, all seen', seen(10_000, 10_000), 0.995, false],
    ['none asked, none seen', seen(100, 0), 0, true],
    ['none asked, many seen', seen(100, 30), 0, false],
    ['some asked, some seen', seen(100, 1), null, true],
    ['some asked, none seen yet', seen(100, 0), null, null],
  ] as const)('is told to be right: %s', (_, dose, share, isRight) => {
    expect(isDoseProven(dose, share)).toBe(isRight);
  });

  it.each([
    ['as many flags as before', seen(4_000, 80), seen(2_000, 40), null],
    ['a few more than before', seen(4_000, 90), seen(2_000, 40), null],
    ['clearly more than before', seen(4_000, 200), seen(2_000, 40), true],
    ['many, and none before', seen(4_000, 80), seen(2_000, 0), true],
    ['a few, and none before', seen(4_000, 3), seen(2_000, 0), null],
    ['many, and no request before', seen(4_000, 80), seen(0, 0), null],
  ] as const)('without a share is proven by more than the mesh gives itself: %s', (_, dose, before, isRight) => {
    expect(isDoseProven(dose, null, ownFlags(['UO'], before))).toBe(isRight);
  });

  it('of a fault that only faults flag is proven by any', () => {
    expect(isDoseProven(seen(100, 1), null, ownFlags(['DI'], seen(100, 0)))).toBe(true);
  });

  it('is said in words', () => {
    expect(doseInWords(seen(2_004, 101), 0.05)).toBe('101 of 2,004 requests were touched, 5 % were asked');
    expect(doseInWords(seen(2_004, 101), null)).toBe('101 of 2,004 requests were touched');
  });
});

describe('the share of all requests that is touched', () => {
  const withOthers = { matched: 400, faulted: 30, others: 1_600, othersFaulted: 0 };

  it.each([
    ["the dose, of the callers' part", withOthers, 0.5, 0.1],
    ['what was seen, where no share is asked', withOthers, null, 0.015],
    ['the dose, where there are no others', seen(400, 0), 0.5, 0.5],
    ['the dose, where few were seen', seen(50, 0), 0.5, 0.5],
    ['unknown, where few were seen and no share is asked', seen(50, 9), null, null],
  ] as const)('is %s', (_, dose, share, expected) => {
    expect(touchedShare(dose, share)).toBe(expected);
  });
});

describe('the wire is clean', () => {
  const evidence = (batches: Evidence['batches'], lastSampleAt: number, state: Evidence['state'] = 'fresh') => ({
    ...{ state, message: '', batches, lastSampleAt },
  });

  it('once two scrapes after the removal show nothing', () => {
    const before = batch(100_000, 10, 5);
    const [mixed, one, two] = [batch(104_000, 10, 2), batch(109_000, 10, 0), batch(114_000, 10, 0)];
    expect(isWireClean(evidence([before, mixed, one], 109_000), 100_000)).toBeNull();
    expect(isWireClean(evidence([before, mixed, one], 110_000), 100_000)).toBe(false);
    expect(isWireClean(evidence([before, mixed, one, two], 114_000), 100_000)).toBe(true);
    expect(isWireClean(evidence([before, mixed, one, batch(114_000, 10, 1)], 114_000), 100_000)).toBe(false);
  });

  it('also when a proxy learned of it late', () => {
    const late = [batch(104_000, 10, 2), batch(124_000, 10, 1), batch(129_000, 10, 0), batch(134_000, 10, 0)];
    expect(isWireClean(evidence(late.slice(0, 3), 129_000), 100_000)).toBe(false);
    expect(isWireClean(evidence(late, 134_000), 100_000)).toBe(true);
  });

  it('also where the mesh flags as many as before, and not where it flags more', () => {
    const flags = (faulted: number) => evidence([batch(104_000, 500, 10), batch(114_000, 500, faulted)], 114_000);
    expect(isWireClean(flags(10), 100_000, seen(2_000, 40))).toBe(true);
    expect(isWireClean(flags(100), 100_000, seen(2_000, 40))).toBe(false);
    expect(isWireClean(flags(1), 100_000, seen(2_000, 0))).toBe(false);
  });

  it('also where nobody asks any more, but not while the source is silent', () => {
    expect(isWireClean(evidence([], 111_000), 100_000)).toBe(true);
    expect(isWireClean(evidence([], 111_000, 'stale'), 100_000)).toBeNull();
  });
});
