import { describe, expect, it } from 'vitest';
import { formatElapsed, renderReport, renderTotal } from './report.ts';
import { noCounts, type Tally, toTally } from './tally.ts';

const clean: Tally = { tier: 'unit', passed: 12, failures: [], skips: [], elapsedMs: 1500 };
const broken: Tally = {
  tier: 'lab',
  passed: 1,
  failures: [{ name: 'a release', text: 'expected 200\nreceived 503' }],
  skips: [
    { name: 'first', reason: 'go is missing' },
    { name: 'second', reason: 'go is missing' },
  ],
  elapsedMs: 125_000,
};

describe('the report of a test run', () => {
  it('ends with the total of all tiers', () => {
    expect(renderReport([clean, broken]).split('\n').at(-1)).toBe('13 passed, 1 failed, 2 skipped');
    expect(renderTotal([])).toBe('0 passed, 0 failed, 0 skipped');
  });

  it('prints every failure in full', () => {
    expect(renderReport([broken])).toContain('FAILED  lab: a release\n    expected 200\n    received 503');
  });

  it('groups skipped tests by their reason', () => {
    expect(renderReport([broken])).toContain('SKIPPED lab: 2 because go is missing\n    first\n    second');
  });

  it('has one row per tier', () => {
    const rows = renderReport([clean, broken]).split('\n');
    expect(rows).toContain('tier         passed failed skipped        time');
    expect(rows).toContain('unit             12      0       0       1.5 s');
    expect(rows).toContain('lab               1      1       2   2 min 5 s');
  });

  it('says minutes from one minute on', () => {
    expect(formatElapsed(59_900)).toBe('59.9 s');
    expect(formatElapsed(60_000)).toBe('1 min 0 s');
  });
});

describe('a tier in which no test ran', () => {
  it('has failed', () => {
    expect(toTally('golden', noCounts(), 1).failures).toHaveLength(1);
  });

  it('has not failed when all its tests were skipped for a reason', () => {
    const counts = { ...noCounts(), skips: [{ name: 'first', reason: 'no lab' }] };
    expect(toTally('lab', counts, 1).failures).toHaveLength(0);
  });
});
