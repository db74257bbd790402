import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { childOf, isAlive, startTicksOf } from './namespaces.ts';

test('a process is alive while it is the one that was recorded', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const recorded = { pid, startTicks: startTicksOf(pid) ?? '' };
  expect(isAlive(recorded)).toBe(true);
  expect(isAlive({ pid, startTicks: '1' })).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isAlive(recorded)).toBe(false);
});

test('the child of a process is found, and none where there is none', async () => {
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(parent.stdout, 'data');
  const child = Number(String(line));
  expect(childOf(parent.pid ?? 0)).toBe(child);
  expect(childOf(child)).toBeUndefined();
  process.kill(child, 'SIGKILL');
  await once(parent, 'exit');
});
