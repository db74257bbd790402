import { expect, test } from 'vitest';
import { LabError } from '../lab-error.ts';
import { requireTool, run } from './run.ts';

test('the output of a command comes back whole', async () => {
  expect(await run('sh', ['-c', 'cat; echo "$ANIMAL"'], { input: 'a\n', env: { ANIMAL: 'b' } })).toBe('a\nb\n');
});

test('a failed command is told with its code and last lines', async () => {
  await expect(run('sh', ['-c', 'echo broken >&2; exit 3'])).rejects.toThrow(/ended with code 3:\nbroken$/);
});

test('a command that does not exist is told by name', async () => {
  await expect(run('no-such-command', [])).rejects.toThrow(/cannot run no-such-command/);
});

test('lines of standard error are told as they come', async () => {
  const lines: string[] = [];
  await run('sh', ['-c', 'echo one >&2; printf two >&2'], { onErrorLine: (line) => lines.push(line) });
  expect(lines).toEqual(['one', 'two']);
});

test('a missing tool is named together with the cure', () => {
  expect(() => requireTool('no-such-tool', 'install it', { PATH: '/usr/bin' })).toThrow(
    new LabError('"no-such-tool" is missing on this machine: install it', { missing: true }),
  );
});
