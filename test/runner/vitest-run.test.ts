import { describe, expect, it } from 'vitest';
import { encodeEvent, type TestEvent } from './events.ts';
import { noCounts } from './tally.ts';
import { trackEvents } from './vitest-run.ts';

const passed: TestEvent = { kind: 'testEnded', file: 'a.test.ts', name: 'holds', outcome: 'passed' };
const failed: TestEvent = {
  kind: 'testEnded',
  file: 'a.test.ts',
  name: 'breaks',
  outcome: 'failed',
  errors: ['Error: no'],
};

describe('the events of a test process', () => {
  it('are counted', () => {
    const skipped: TestEvent = { ...passed, outcome: 'skipped', reason: 'no lab' };
    const { counts } = follow([passed, failed, skipped, { kind: 'runEnded' }], 1);
    expect(counts).toEqual({
      passed: 1,
      failures: [{ name: 'a.test.ts  breaks', text: 'Error: no' }],
      skips: [{ name: 'a.test.ts  holds', reason: 'no lab' }],
    });
  });

  it('count a test that was skipped without a reason as failed', () => {
    const { counts } = follow([{ ...passed, outcome: 'skipped' }, { kind: 'runEnded' }], 0);
    expect(counts.failures).toMatchObject([{ text: expect.stringContaining('without a reason') }]);
  });

  it('count what breaks outside tests as failed', () => {
    const broken: TestEvent = { kind: 'brokenOutsideTests', file: 'a.test.ts', errors: ['Error: cannot import'] };
    expect(follow([broken, { kind: 'runEnded' }], 1).counts.failures).toMatchObject([{ text: 'Error: cannot import' }]);
  });

  it('show a process that broke off as failed, with all that it said', () => {
    const { counts } = follow([passed, 'out of memory'], 134);
    expect(counts.failures).toMatchObject([{ text: 'vitest ended with exit code 134\nout of memory' }]);
  });

  it('show an exit code as failed that no test explains', () => {
    expect(follow([passed, { kind: 'runEnded' }], 1).counts.failures).toHaveLength(1);
  });

  it('leave a run without test files to the tier', () => {
    expect(follow([{ kind: 'runEnded' }], 1).counts).toEqual(noCounts());
  });

  it('show what tests wrote only when one of the file failed', () => {
    const logged: TestEvent = { kind: 'logged', file: 'a.test.ts', text: 'what I did\n' };
    const ended: TestEvent = { kind: 'moduleEnded', file: 'a.test.ts', elapsedMs: 5 };
    expect(follow([logged, passed, ended], 0).shown.join('\n')).not.toContain('what I did');
    expect(follow([logged, failed, ended], 1).shown.join('\n')).toContain('what I did');
  });

  it('show notes always', () => {
    const logged: TestEvent = { kind: 'logged', file: 'a.test.ts', text: 'note: long file\n' };
    expect(follow([logged], 0).shown).toEqual(['  note: long file']);
  });
});

function follow(lines: readonly (TestEvent | string)[], code: number) {
  const counts = noCounts();
  const shown: string[] = [];
  const terminal = { line: (text: string) => shown.push(text), activity: () => undefined, close: () => undefined };
  const tracker = trackEvents(counts, terminal);
  for (const line of lines) tracker.take(typeof line === 'string' ? line : encodeEvent(line));
  tracker.close(code);
  return { counts, shown };
}
