import { type Job, Queue, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Clock } from '../lib/clock.ts';
import { deadline } from './deadline.ts';
import type { Wake } from './memory.ts';
import type { Reason } from './port.ts';
import { openRedis } from './redis-link.ts';

/** The two BullMQ queues over one stretch of time in which Redis can be reached; thrown away as a whole when it cannot. */
export interface BullSession {
  /** Resolves when Redis has taken the key. */
  add(key: string, reason: Reason): Promise<void>;
  /** Resolves when Redis has taken the wake. The same wake again is a no-op. */
  wake(wake: Wake): Promise<void>;
  cancelWake(wake: Wake): Promise<void>;
  /** How many keys wait for a worker. */
  waitingKeys(): Promise<number>;
  /** When the wake that comes next, or should have come, is due; in ms since the epoch. */
  nextWakeMs(): Promise<number | undefined>;
  /** Begins to take keys; `work` must not reject. */
  start(work: (key: string, reason: Reason) => Promise<void>, concurrency: number): void;
  /** Stops taking keys, waits until `idle` resolves (nothing is being worked on), and for Redis no longer than a moment. */
  close(idle: () => Promise<void>): Promise<void>;
  /** Lets go of every connection at once. What was being worked on is no longer reported to Redis. */
  abandon(): void;
}

export interface BullSessionOptions {
  readonly url: string;
  readonly prefix: string;
  readonly instance: string;
  readonly clock: Clock;
}

interface KeyJob {
  readonly key: string;
  readonly reason: Reason;
}

/** A worker that died is noticed when its lock has run out and two checks have passed: 5 to 9 s. */
const LOCK_MS = 5_000;
const STALLED_CHECK_MS = 2_000;
const WAKE_CONCURRENCY = 8;
const OPEN_TIMEOUT_MS = 2_000;
const CLOSE_TIMEOUT_MS = 800;

/** Opens the queues. Rejects with a TransientError when Redis is not ready within 2 s. */
export async function openBullSession(options: BullSessionOptions): Promise<BullSession> {
  const { clock, prefix, instance } = options;
  const { redis, disconnect } = openConnections(options.url);
  const base = { connection: redis, prefix };
  // Nobody listens to BullMQ's event streams; a short one costs nothing.
  const streams = { events: { maxLen: 100 } };
  const reconcile = new Queue<KeyJob>('reconcile', { ...base, streams });
  const wakes = new Queue<KeyJob>('wake', { ...base, streams });
  const workers: Worker<KeyJob>[] = [];
  for (const queue of [reconcile, wakes]) queue.on('error', () => {});

  const add = async (key: string, reason: Reason): Promise<void> => {
    await reconcile.add('reconcile', { key, reason }, { ...FORGET, jobId: nextId(), deduplication: onePerKey(key) });
  };

  // Ids that count from 1 again after a flush would let two different jobs share one lock record inside a worker.
  let count = 0;
  const nextId = (): string => `${instance}-${++count}`;

  const work = (name: string, concurrency: number, process: (job: KeyJob) => Promise<void>): void => {
    const worker = new Worker<KeyJob>(name, (job: Job<KeyJob>) => process(job.data), {
      ...base,
      ...WORKER_OPTIONS,
      concurrency,
    });
    worker.on('error', () => {});
    workers.push(worker);
  };

  const abandon = (): void => {
    for (const worker of workers) void worker.close(true).catch(() => {});
    for (const queue of [reconcile, wakes]) void queue.close().catch(() => {});
    disconnect();
  };

  try {
    const ready = Promise.all([reconcile.waitUntilReady(), wakes.waitUntilReady()]);
    await deadline(ready, { clock, afterMs: OPEN_TIMEOUT_MS, what: 'the queues were not ready' });
  } catch (error) {
    abandon();
    throw error;
  }

  return {
    add,
    async wake({ key, name, atMs, reason }) {
      const delay = Math.max(0, atMs - clock.now());
      await wakes.add('wake', { key, reason }, { ...FORGET, jobId: wakeId(key, name, atMs), delay });
    },
    waitingKeys: () => reconcile.getWaitingCount(),
    async nextWakeMs() {
      const [waiting, delayed] = await Promise.all([wakes.getWaiting(0, 0), wakes.getDelayed(0, 0)]);
      const [next] = [...waiting, ...delayed];
      return next === undefined ? undefined : next.timestamp + next.delay;
    },
    async cancelWake({ key, name, atMs }) {
      await wakes.remove(wakeId(key, name, atMs));
    },
    start(handle, concurrency) {
      work('reconcile', concurrency, ({ key, reason }) => handle(key, reason));
      work('wake', WAKE_CONCURRENCY, ({ key, reason }) => add(key, reason));
    },
    async close(idle) {
      const closed = Promise.all(workers.map((worker) => worker.close()));
      await idle();
      await deadline(closed, { clock, afterMs: CLOSE_TIMEOUT_MS, what: 'the workers did not close' }).catch(() => {});
      abandon();
    },
    abandon,
  };
}

const FORGET = { removeOnComplete: true, removeOnFail: true } as const;

const WORKER_OPTIONS = {
  lockDuration: LOCK_MS,
  stalledInterval: STALLED_CHECK_MS,
  // Each death of a worker counts as one; giving up on a key is not an option.
  maxStalledCount: Number.MAX_SAFE_INTEGER,
  // Seconds until an idle worker looks by itself: the hint for a job may have gone to a worker that died with it.
  drainDelay: 2,
  // The default waits 15 s after a lost connection.
  runRetryDelay: 500,
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 0 },
} satisfies Partial<WorkerOptions>;

/** Ids may hold no colon. */
const onePerKey = (key: string) => ({ id: encodeURIComponent(key), keepLastIfActive: true });
const wakeId = (key: string, name: string, atMs: number): string =>
  `${encodeURIComponent(key)}|${encodeURIComponent(name)}|${atMs}`;

/** One connection for commands; BullMQ duplicates it for each worker that blocks, and must not leave those behind. */
function openConnections(url: string): { readonly redis: Redis; readonly disconnect: () => void } {
  const redis = openRedis(url, { maxRetriesPerRequest: null });
  const opened: Redis[] = [redis];
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (override) => {
    const copy = duplicate(override);
    copy.on('error', () => {});
    opened.push(copy);
    return copy;
  };
  return {
    redis,
    disconnect() {
      for (const connection of opened) connection.disconnect();
    },
  };
}
