import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { createBullQueue } from '../../src/queue/bullmq.ts';
import { createMemoryQueue } from '../../src/queue/memory.ts';
import type { Queue } from '../../src/queue/port.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisServer, reasonToSkipRedis, startRedis } from '../support/redis.ts';
import { gate, queueContract, Recorder } from './queue.contract.ts';

describe('the queue in memory', () => {
  queueContract(() => createMemoryQueue({ clock: systemClock }));
});

describe('the queue on Redis', () => {
  const reasonToSkip = reasonToSkipRedis();
  let redis: RedisServer;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    if (reasonToSkip === undefined) redis = await startRedis();
  });
  afterAll(() => redis?.close());
  beforeEach(async ({ skip }) => {
    if (reasonToSkip !== undefined) skip(reasonToSkip);
    await redis.command('FLUSHALL');
    vi.spyOn(console, 'error');
    vi.spyOn(console, 'warn');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
    if (reasonToSkip === undefined)
      expect([vi.mocked(console.error), vi.mocked(console.warn)].flatMap((spy) => spy.mock.calls)).toEqual([]);
    vi.restoreAllMocks();
  });

  const createQueue = (): Queue => {
    const queue = createBullQueue({ redisUrl: redis.url, clock: systemClock });
    open.push(queue);
    return queue;
  };

  const state = (queue: Queue, wanted: 'ready' | 'degraded') =>
    eventually(`a ${wanted} queue`, () => queue.health().state === wanted, { lastSeen: () => queue.health() });

  const readyQueue = async (): Promise<{ readonly queue: Queue; readonly recorder: Recorder }> => {
    const queue = createQueue();
    await state(queue, 'ready');
    return { queue, recorder: new Recorder() };
  };

  describe('keeps the contract', () => {
    queueContract(createQueue);
  });

  describe('shared by several replicas', () => {
    const startReplica = async (
      mode: 'hang' | 'count',
    ): Promise<{ readonly child: ChildProcess; lines(): string[] }> => {
      const script = fileURLToPath(new URL('./queue-worker.child.ts', import.meta.url));
      const child = spawn(process.execPath, [script, redis.url, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout?.on('data', (chunk) => {
        output += String(chunk);
      });
      open.push({
        async close() {
          child.kill('SIGKILL');
        },
      });
      await eventually('the replica to start', () => output.includes('started'));
      return { child, lines: () => output.split('\n') };
    };

    test('gives a key to another replica when the one that worked on it was killed', async () => {
      const { queue, recorder } = await readyQueue();
      const replica = await startReplica('hang');
      queue.add('a', 'change');
      await eventually('the replica to take the key', () => replica.lines().includes('run a'));
      queue.start(recorder.handler, 1);
      replica.child.kill('SIGKILL');
      await recorder.reached('a', 1);
    });

    test('never works on a key in two processes at once', async () => {
      await startReplica('count');
      await startReplica('count');
      const { queue } = await readyQueue();
      for (let round = 0; round < 60; round += 1) {
        for (const key of ['a', 'b', 'c']) queue.add(key, 'change');
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
      await eventually('many runs', async () => Number((await redis.command('STRLEN', 'runs')).slice(1)) >= 2);
      expect(await redis.command('EXISTS', 'overlaps')).toBe(':0');
    });

    test('runs a key that one replica adds while another works on it exactly once more', async () => {
      const { queue: first, recorder } = await readyQueue();
      const { queue: second } = await readyQueue();
      const hold = gate();
      recorder.behave = () => hold.opened;
      first.start(recorder.handler, 1);
      second.start(recorder.handler, 1);
      first.add('a', 'change');
      await recorder.reached('a', 1);
      for (let count = 0; count < 20; count += 1) {
        first.add('a', 'change');
        second.add('a', 'change');
      }
      await eventually(
        'the adds to arrive',
        async () => (await redis.command('EXISTS', 'sluice:reconcile:dn:a')) === ':1',
      );
      hold.open();
      await recorder.reached('a', 2);
      expect(recorder.overlaps).toEqual([]);
    });
  });

  describe('when Redis fails', () => {
    afterEach(async () => {
      if (reasonToSkip !== undefined) return;
      redis.thaw();
      if ((await redis.command('PING').catch(() => '')) !== '+PONG') await redis.start();
    });

    test('works on without it, says so, and goes back when it returns', async () => {
      const changes: string[] = [];
      const onStateChange = (health: ReturnType<Queue['health']>) => changes.push(health.state);
      const queue = createBullQueue({ redisUrl: redis.url, clock: systemClock, onStateChange });
      open.push(queue);
      const recorder = new Recorder();
      queue.start(recorder.handler, 2);
      await state(queue, 'ready');
      await redis.stop();
      queue.add('during', 'change');
      queue.wakeAt('woken', 'deadline', Date.now() + 100);
      await recorder.reached('during', 1);
      await recorder.reached('woken', 1);
      expect(queue.health().state).toBe('degraded');
      expect(queue.health().message).toMatch(/without Redis: .*ECONNREFUSED/);
      await redis.start();
      await state(queue, 'ready');
      queue.add('after', 'change');
      await recorder.reached('after', 1);
      expect(changes).toEqual(['ready', 'degraded', 'ready']);
    });

    test('works on the keys and wakes that were lost with it', async () => {
      const { queue, recorder } = await readyQueue();
      const hold = gate();
      recorder.behave = () => hold.opened;
      queue.start(recorder.handler, 1);
      queue.add('first', 'change');
      await recorder.reached('first', 1);
      for (const key of ['a', 'b', 'c']) queue.add(key, 'change');
      queue.wakeAt('w', 'deadline', Date.now() + 500);
      await eventually(
        'the keys in Redis',
        async () => (await redis.command('LLEN', 'sluice:reconcile:wait')) === ':3',
      );
      await redis.stop();
      hold.open();
      for (const key of ['a', 'b', 'c', 'w']) await recorder.reached(key, 1);
      expect(recorder.overlaps).toEqual([]);
    });

    test('hands over what is left when it returns', async () => {
      const { queue, recorder } = await readyQueue();
      await redis.stop();
      await state(queue, 'degraded');
      queue.add('a', 'change');
      queue.wakeAt('b', 'deadline', Date.now() + 60_000);
      await redis.start();
      await state(queue, 'ready');
      await eventually('the key in Redis', async () => (await redis.command('LLEN', 'sluice:reconcile:wait')) === ':1');
      await eventually('the wake in Redis', async () => (await redis.command('ZCARD', 'sluice:wake:delayed')) === ':1');
      queue.start(recorder.handler, 1);
      await recorder.reached('a', 1);
    });

    test('survives a flush and tells Redis again what it had been told', async () => {
      const { queue, recorder } = await readyQueue();
      const hold = gate();
      recorder.behave = (key) => (key === 'first' ? hold.opened : Promise.resolve());
      queue.start(recorder.handler, 1);
      queue.add('first', 'change');
      await recorder.reached('first', 1);
      queue.add('waiting', 'change');
      queue.wakeAt('woken', 'deadline', Date.now() + 1_500);
      await eventually('the key in Redis', async () => (await redis.command('LLEN', 'sluice:reconcile:wait')) === ':1');
      await eventually('the wake in Redis', async () => (await redis.command('ZCARD', 'sluice:wake:delayed')) === ':1');
      await redis.command('FLUSHALL');
      queue.add('later', 'change');
      hold.open();
      for (const key of ['later', 'waiting', 'woken']) await recorder.reached(key, 1);
      queue.add('first', 'change');
      await recorder.reached('first', 2);
      expect(recorder.overlaps).toEqual([]);
    });

    test('does not wait for a Redis that hangs', async () => {
      const { queue, recorder } = await readyQueue();
      queue.start(recorder.handler, 1);
      redis.freeze();
      queue.add('a', 'change');
      await recorder.reached('a', 1);
      await state(queue, 'degraded');
      redis.thaw();
      await state(queue, 'ready');
      queue.add('b', 'change');
      await recorder.reached('b', 1);
    });

    test.each(['reconcile', 'wake'])('works on its keys although the %s worker has come to a halt', async (name) => {
      const { queue, recorder } = await readyQueue();
      queue.start(recorder.handler, 2);
      queue.add('first', 'change');
      await recorder.reached('first', 1);
      await redis.command('HSET', `sluice:${name}:meta`, 'paused', '1');
      if (name === 'wake') queue.wakeAt('a', 'deadline', Date.now() + 10);
      else queue.add('a', 'change');
      await recorder.reached('a', 1);
    });

    test('is not halted by the overdue wakes that a dead replica has left behind', async () => {
      const { queue: dead } = await readyQueue();
      const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 60_000);
      for (let index = 1; index <= 50; index += 1) dead.wakeAt(`left ${index}`, 'look', Date.now());
      await eventually('the wakes in Redis', async () => (await redis.command('LLEN', 'sluice:wake:wait')) === ':50');
      now.mockRestore();
      const states: string[] = [];
      const heir = createBullQueue({
        ...{ redisUrl: redis.url, clock: systemClock },
        onStateChange: ({ state: entered }) => states.push(entered),
      });
      open.push(heir);
      const recorder = new Recorder();
      heir.start(recorder.handler, 2);
      for (let index = 1; index <= 50; index += 1) await recorder.reached(`left ${index}`, 1);
      expect(states).toEqual(['ready']);
    });

    test('does not notice that its connections are cut', async () => {
      const { queue, recorder } = await readyQueue();
      queue.start(recorder.handler, 2);
      for (let round = 1; round <= 5; round += 1) {
        queue.add(`before ${round}`, 'change');
        expect(await redis.command('CLIENT', 'KILL', 'TYPE', 'normal')).toMatch(/^:[0-9]+$/);
        queue.add(`after ${round}`, 'change');
        await recorder.reached(`before ${round}`, 1);
        await recorder.reached(`after ${round}`, 1);
      }
      expect(queue.health().state).toBe('ready');
    });

    const seed = Number(process.env['SLUICE_QUEUE_SEED'] ?? 1);

    test(`loses no key through a series of failures (SLUICE_QUEUE_SEED=${seed})`, { timeout: 90_000 }, async () => {
      const { queue, recorder } = await readyQueue();
      const random = seededRandom(seed);
      const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      const failures: readonly (() => Promise<unknown>)[] = [
        () => redis.command('FLUSHALL'),
        () => redis.command('CLIENT', 'KILL', 'TYPE', 'normal'),
        () => redis.stop().then(() => redis.start()),
        () =>
          redis
            .stop()
            .then(() => pause(2_500))
            .then(() => redis.start()),
        async () => redis.freeze(),
        async () => redis.freeze(),
      ];
      const addedAt = new Map<string, number>();
      const begunAt = new Map<string, number>();
      recorder.behave = async (key) => {
        begunAt.set(key, performance.now());
        await pause(10 * random());
        if (random() < 0.1) throw new Error('a failure of the handler');
      };
      queue.start(recorder.handler, 3);
      const adding = setInterval(() => {
        const key = `key ${Math.floor(20 * random())}`;
        addedAt.set(key, performance.now());
        queue.add(key, 'change');
      }, 7);
      const story: string[] = [];
      for (let step = 0; step < 8; step += 1) {
        const failure = failures[Math.floor(failures.length * random())];
        story.push(String(failure));
        await failure?.();
        await pause(2_000 * random());
        redis.thaw();
      }
      clearInterval(adding);
      await state(queue, 'ready');
      const missing = () => [...addedAt].filter(([key, at]) => (begunAt.get(key) ?? 0) < at).map(([key]) => key);
      const lastSeen = () => ({ missing: missing(), story });
      await eventually('a run of each key after its last add', () => missing().length === 0, {
        withinMs: 20_000,
        lastSeen,
      });
      expect(addedAt.size).toBe(20);
      expect(recorder.overlaps).toEqual([]);
    });

    test('starts without it, and closes without it', async () => {
      await redis.stop();
      const queue = createQueue();
      const recorder = new Recorder();
      queue.start(recorder.handler, 1);
      queue.add('a', 'change');
      await recorder.reached('a', 1);
      expect(queue.health().state).toBe('degraded');
      let isClosed = false;
      void queue.close().then(() => {
        isClosed = true;
      });
      await eventually('the queue to close', () => isClosed, { withinMs: 2_000 });
    });

    test('closes although it hangs', async () => {
      const { queue, recorder } = await readyQueue();
      queue.start(recorder.handler, 1);
      redis.freeze();
      let isClosed = false;
      void queue.close().then(() => {
        isClosed = true;
      });
      await eventually('the queue to close', () => isClosed, { withinMs: 3_000 });
    });

    test('works locally when it refuses writes', async () => {
      const { queue, recorder } = await readyQueue();
      queue.start(recorder.handler, 1);
      await redis.command('REPLICAOF', '127.0.0.1', '1');
      queue.add('a', 'change');
      await recorder.reached('a', 1);
      await state(queue, 'degraded');
      expect(queue.health().message).toMatch(/READONLY/);
      await redis.command('REPLICAOF', 'NO', 'ONE');
      await state(queue, 'ready');
    });
  });
});

/** Mulberry32: small, and the same for the same seed. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
