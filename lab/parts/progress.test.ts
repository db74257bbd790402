import { describe, expect, test } from 'vitest';
import { createProgressView, formatElapsed } from './progress.ts';

function view(isTerminal: boolean, columns = 80) {
  let nowMs = 0;
  const written: string[] = [];
  return {
    written,
    advance: (ms: number) => {
      nowMs += ms;
    },
    ...createProgressView({ write: (text) => written.push(text), isTerminal, columns, nowMs: () => nowMs }),
  };
}

describe('without a terminal', () => {
  test('each step is one line, its details are not repeated', () => {
    const { report, written } = view(false);
    report({ kind: 'step', part: 'etcd', step: 'compile', detail: '0/9' });
    report({ kind: 'step', part: 'etcd', step: 'compile', detail: '1/9' });
    report({ kind: 'step', part: 'etcd', step: 'check' });
    expect(written).toEqual(['etcd: compile 0/9 (0 ms)\n', 'etcd: check (0 ms)\n']);
  });

  test('a long step is mentioned again with its present detail', () => {
    const { report, tick, advance, written } = view(false);
    report({ kind: 'step', part: 'etcd', step: 'compile', detail: '0/9' });
    report({ kind: 'step', part: 'etcd', step: 'compile', detail: '5/9' });
    advance(14_999);
    tick();
    expect(written).toHaveLength(1);
    advance(1);
    tick();
    expect(written[1]).toBe('etcd: compile 5/9 (15.0 s)\n');
  });

  test('no control sequence is written', () => {
    const { report, tick, end, written } = view(false);
    report({ kind: 'step', part: 'etcd', step: 'compile' });
    report({ kind: 'done', part: 'etcd', result: 'installed', elapsedMs: 65_000 });
    tick();
    end();
    expect(written.join('')).toBe('etcd: compile (0 ms)\netcd: installed (1:05 min)\n');
  });
});

describe('on a terminal', () => {
  test('one live line shows every running part', () => {
    const { report, written } = view(true);
    report({ kind: 'step', part: 'etcd', step: 'compile', detail: '1/9' });
    report({ kind: 'step', part: 'envoy', step: 'download' });
    expect(written.at(-1)).toBe('\r\x1b[2Ketcd compile 1/9 0 ms · envoy download 0 ms');
    expect(written.join('')).not.toContain('\n');
  });

  test('a finished part leaves a line above the live one', () => {
    const { report, written } = view(true);
    report({ kind: 'step', part: 'etcd', step: 'compile' });
    report({ kind: 'step', part: 'envoy', step: 'download' });
    report({ kind: 'done', part: 'envoy', result: 'installed', elapsedMs: 1200 });
    expect(written.slice(-3)).toEqual(['\r\x1b[2K', 'envoy: installed (1.2 s)\n', '\r\x1b[2Ketcd compile 0 ms']);
  });

  test('the live line never wraps', () => {
    const { report, written } = view(true, 20);
    report({ kind: 'step', part: 'kube-apiserver', step: 'download modules', detail: 'x'.repeat(99) });
    expect(written.at(-1)?.replace('\r\x1b[2K', '').length).toBeLessThan(20);
  });
});

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1000, '1.0 s'],
  [59_949, '59.9 s'],
  [60_000, '1:00 min'],
  [754_400, '12:34 min'],
])('%d ms reads as %s', (ms, text) => {
  expect(formatElapsed(ms)).toBe(text);
});
