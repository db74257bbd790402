import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireLock, withLock } from './lock.ts';

/** A process that holds the lock until it is killed. */
async function startHolder(name: string): Promise<ChildProcess> {
  const script = `
    import { acquireLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
    await acquireLock(${JSON.stringify(name)});
    console.log('held');
    setInterval(() => {}, 60_000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (holder.stdout) await once(holder.stdout, 'data');
  return holder;
}

test('a lock that is given back can be taken again', async () => {
  const name = randomUUID();
  const release = await acquireLock(name);
  await release();
  await (await acquireLock(name))();
});

test('the second holder waits for the first', async () => {
  const name = randomUUID();
  const order: string[] = [];
  const release = await acquireLock(name);
  const waiting = new Promise<void>((resolve) => {
    void acquireLock(name, { onWait: () => resolve() }).then(async (unlock) => {
      order.push('second');
      await unlock();
      done();
    });
  });
  let done: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  await waiting;
  order.push('first');
  await release();
  await finished;
  expect(order).toEqual(['first', 'second']);
});

test('many at once hold it one at a time', async () => {
  const name = randomUUID();
  let holders = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withLock(name, {}, async () => {
        holders += 1;
        most = Math.max(most, holders);
        await new Promise(setImmediate);
        holders -= 1;
      }),
    ),
  );
  expect(most).toBe(1);
});

test('the lock of a living process is not taken, and its process id is told', async () => {
  const name = randomUUID();
  const holder = await startHolder(name);
  const toldHolder = await new Promise<number | undefined>((resolve) => {
    void acquireLock(name, { onWait: resolve });
  });
  expect(toldHolder).toBe(holder.pid);
  holder.kill('SIGKILL');
});

test('the lock of a process that was killed is taken over', async () => {
  const name = randomUUID();
  const holder = await startHolder(name);
  const taken = acquireLock(name, { onWait: () => holder.kill('SIGKILL') });
  const release = await taken;
  await release();
});

test('work that throws gives the lock back', async () => {
  const name = randomUUID();
  const failing = withLock(name, {}, () => Promise.reject(new Error('work failed')));
  await expect(failing).rejects.toThrow('work failed');
  await (await acquireLock(name))();
});
