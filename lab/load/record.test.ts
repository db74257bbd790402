import { describe, expect, it } from 'vitest';
import { createRecorder, type Outcome, quantileOf } from './record.ts';

const outcome = (dueAtMs: number, more: Partial<Outcome> = {}): Outcome => ({
  dueAtMs,
  endedAtMs: dueAtMs + 5,
  status: 200,
  versions: ['frontend=v1'],
  ...more,
});

function recorded(...outcomes: readonly Outcome[]) {
  const recorder = createRecorder();
  for (const each of outcomes) {
    recorder.sent(each.dueAtMs);
    recorder.ended(each);
  }
  return recorder;
}

describe('the record of a load', () => {
  it('counts a request in the second in which it was due, however late its answer', () => {
    const [second] = recorded(outcome(1_900, { endedAtMs: 3_100 })).takeClosed(4_000);
    expect(second).toMatchObject({ atMs: 1_000, requests: 1, latencyMs: { max: 1_200 } });
  });

  it('holds a second open while a request of it is under way', () => {
    const recorder = recorded(outcome(1_000));
    recorder.sent(1_500);
    expect(recorder.takeClosed(9_000)).toEqual([]);
    recorder.ended(outcome(1_500));
    expect(recorder.takeClosed(9_000)).toHaveLength(1);
    expect(recorder.takeClosed(9_000)).toEqual([]);
  });

  it('counts every version on the way of a request', () => {
    const recorder = recorded(outcome(1_000, { versions: ['frontend=v1', 'checkout=v2'] }), outcome(1_010));
    expect(recorder.takeClosed(5_000)[0]?.byVersion).toEqual({ 'frontend=v1': 2, 'checkout=v2': 1 });
  });

  it('blames only the hop that failed', () => {
    const failed = outcome(1_000, { status: 502, versions: ['frontend=v1', 'checkout=v2'], failedHop: 'checkout=v2' });
    const versions = recorded(failed).versions();
    expect(versions['checkout=v2']).toMatchObject({ answered: 1, failed: 1 });
    expect(versions['frontend=v1']).toMatchObject({ answered: 1, failed: 0 });
  });

  it('keeps the first and the last answer of a version, also when they come out of order', () => {
    const recorder = recorded(outcome(3_000), outcome(1_000), outcome(2_000));
    expect(recorder.versions()['frontend=v1']).toEqual({ firstAtMs: 1_005, lastAtMs: 3_005, answered: 3, failed: 0 });
  });

  it('notes each failure with its cause', () => {
    const recorder = recorded(
      outcome(1_000, { status: 0, versions: [], failedHop: 'frontend=none', cause: 'no answer within 50 ms' }),
    );
    const failure = {
      atMs: 1_000,
      endedAtMs: 1_005,
      status: 0,
      failedHop: 'frontend=none',
      versions: [],
      cause: 'no answer within 50 ms',
    };
    expect(recorder.takeFailures()).toEqual([failure]);
    expect(recorder.takeFailures()).toEqual([]);
    expect(recorder.failuresSince(1_000)).toEqual([failure]);
    expect(recorder.failuresSince(1_001)).toEqual([]);
  });

  it('counts refusals (4xx) as failures, since their callers get nothing', () => {
    expect(recorded(outcome(1_000, { status: 404 }), outcome(1_001, { status: 399 })).totals().failed).toBe(1);
  });
});

describe('a quantile', () => {
  it('is a value of the list', () => {
    expect(quantileOf([1, 2, 3, 4], 0.5)).toBe(3);
    expect(quantileOf([1, 2, 3, 4], 0.99)).toBe(4);
    expect(quantileOf([], 0.5)).toBe(0);
  });
});
