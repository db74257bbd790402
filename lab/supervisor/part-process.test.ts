import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type PartCommand, PartProcess } from './part-process.ts';

let folder: string;
let parts: PartProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-part-'));
  parts = [];
});
afterEach(async () => {
  await Promise.all(parts.map((part) => part.stop()));
  await rm(folder, { recursive: true, force: true });
});

/** A shell script as a part that is ready when it has written the file `ready`. */
function scriptPart(script: string, options: Partial<PartCommand> = {}): PartProcess {
  const ready = join(folder, 'ready');
  const part = new PartProcess({
    name: 'script',
    command: '/bin/sh',
    args: ['-c', script],
    cwd: folder,
    logFile: join(folder, 'script.log'),
    graceMs: 5_000,
    readyWithinMs: 20_000,
    probe: async () => (existsSync(ready) ? { ready: true } : { ready: false, seen: 'no file "ready"' }),
    ...options,
  });
  parts.push(part);
  return part;
}

const RUN_UNTIL_TERM = 'trap "rm ready; exit 0" TERM; touch ready; while :; do sleep 0.05; done';

test('a start is over when the probe says ready', async () => {
  const part = scriptPart(RUN_UNTIL_TERM);
  await part.start();
  expect(part.status()).toMatchObject({ state: 'ready', ready: true, restarts: 0, message: undefined });
  expect(part.status().pid).toBeGreaterThan(0);
});

test('a stop is over when the process is gone, and a stopped part starts again', async () => {
  const part = scriptPart(RUN_UNTIL_TERM);
  await part.start();
  const { pid = 0 } = part.status();
  await part.stop();
  expect(part.status()).toMatchObject({ state: 'stopped', pid: undefined, message: 'ended with code 0' });
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  await part.start();
  expect(part.status()).toMatchObject({ state: 'ready', restarts: 1 });
});

test('a part that ignores SIGTERM is killed after its grace', async () => {
  const part = scriptPart('trap "" TERM; touch ready; while :; do sleep 0.05; done', { graceMs: 50 });
  await part.start();
  await part.stop();
  expect(part.status().message).toBe('ended with SIGKILL');
});

test('a part that dies at its start is told with its last lines', async () => {
  const part = scriptPart('echo cannot bind port; exit 3');
  await expect(part.start()).rejects.toThrow(/script ended with code 3 before it was ready.*\n(.*\n)*cannot bind port/);
  expect(part.status().state).toBe('stopped');
});

test('a program that does not exist is told as such', async () => {
  const part = scriptPart('', { command: join(folder, 'nothing') });
  await expect(part.start()).rejects.toThrow(/script cannot start: .*ENOENT/);
});

test('a part that never becomes ready is told with what the probe saw, and ended', async () => {
  const part = scriptPart('sleep 60', { readyWithinMs: 100 });
  await expect(part.start()).rejects.toThrow(/script was not ready within 0.1 s \(no file "ready"\)/);
  expect(part.status()).toMatchObject({ state: 'stopped', pid: undefined });
});

test('a stop during a start ends it', async () => {
  const part = scriptPart('sleep 60');
  const start = part.start();
  const failure = expect(start).rejects.toThrow('script was stopped before it was ready');
  await part.stop();
  await failure;
  expect(part.status().state).toBe('stopped');
});

test('a part that crashes is started again', async () => {
  const part = scriptPart(RUN_UNTIL_TERM);
  await part.start();
  process.kill(part.status().pid ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(part.status()).toMatchObject({ state: 'ready', restarts: 1 }), { timeout: 10_000 });
});

test('a part whose probe fails later is shown as not ready with what the probe saw', async () => {
  const part = scriptPart(RUN_UNTIL_TERM);
  await part.start();
  await rm(join(folder, 'ready'));
  await vi.waitFor(
    () => expect(part.status()).toMatchObject({ state: 'unready', ready: false, message: 'no file "ready"' }),
    { timeout: 10_000 },
  );
});

test('a start of a running part changes nothing', async () => {
  const part = scriptPart(RUN_UNTIL_TERM);
  await part.start();
  const { pid } = part.status();
  await part.start();
  expect(part.status().pid).toBe(pid);
});

test('the log tells each start', async () => {
  const part = scriptPart(RUN_UNTIL_TERM);
  await part.start();
  expect(await readFile(join(folder, 'script.log'), 'utf8')).toMatch(/^--- .* start 1 of script\n/);
});
