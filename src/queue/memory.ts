import type { Clock } from '../lib/clock.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import type { Handler, Queue, Reason } from './port.ts';
import { retryDelayMs } from './retry.ts';

/** A wake-up that has not come yet. */
export interface Wake {
  readonly key: string;
  readonly name: string;
  readonly atMs: number;
  readonly reason: Reason;
}

/** All that a queue has still to do. */
export interface Backlog {
  readonly keys: readonly { readonly key: string; readonly reasons: readonly Reason[] }[];
  readonly wakes: readonly Wake[];
}

export interface MemoryQueue extends Queue {
  /** Hands out everything that has not begun yet, and forgets it. */
  drain(): Backlog;
}

interface Failure {
  readonly count: number;
  readonly atMs: number;
  readonly cancel: () => void;
}

/** The queue of a single replica: lives and dies with the process, needs nothing. */
export function createMemoryQueue(options: {
  readonly clock: Clock;
  readonly random?: Random | undefined;
}): MemoryQueue {
  const { clock, random = systemRandom } = options;
  const waiting = new Map<string, Set<Reason>>();
  const active = new Map<string, Promise<void>>();
  const wakes = new Map<string, Wake & { readonly cancel: () => void }>();
  const failures = new Map<string, Failure>();
  let worker: { readonly handler: Handler; readonly concurrency: number } | undefined;
  let isClosed = false;
  let isPumpDue = false;

  const enqueue = (key: string, reason: Reason): void => {
    if (isClosed) return;
    const reasons = waiting.get(key);
    if (reasons === undefined) waiting.set(key, new Set([reason]));
    else reasons.add(reason);
    pumpSoon();
  };

  /** Not at once, so that adds made in one go become one run. */
  const pumpSoon = (): void => {
    if (isPumpDue) return;
    isPumpDue = true;
    queueMicrotask(() => {
      isPumpDue = false;
      pump();
    });
  };

  const pump = (): void => {
    if (worker === undefined || isClosed) return;
    for (const [key, reasons] of waiting) {
      if (active.size >= worker.concurrency) return;
      if (active.has(key)) continue;
      waiting.delete(key);
      active.set(key, work(worker.handler, key, [...reasons]));
    }
  };

  const work = async (handler: Handler, key: string, reasons: readonly Reason[]): Promise<void> => {
    const earlier = failures.get(key);
    earlier?.cancel();
    try {
      await handler(key, reasons);
      failures.delete(key);
    } catch (error) {
      const count = (earlier?.count ?? 0) + 1;
      const delayMs = retryDelayMs(count, error, random);
      const cancel = isClosed ? () => {} : clock.after(delayMs, () => enqueue(key, 'retry'));
      failures.set(key, { count, atMs: clock.now() + delayMs, cancel });
    } finally {
      active.delete(key);
      pumpSoon();
    }
  };

  const cancelTimers = (): void => {
    for (const { cancel } of [...wakes.values(), ...failures.values()]) cancel();
  };

  return {
    add: enqueue,
    wakeAt(key, name, atMs) {
      const id = JSON.stringify([key, name, atMs]);
      if (isClosed || wakes.has(id)) return;
      const cancel = clock.after(atMs - clock.now(), () => {
        wakes.delete(id);
        enqueue(key, 'wake');
      });
      wakes.set(id, { key, name, atMs, reason: 'wake', cancel });
    },
    start(handler, concurrency) {
      worker = { handler, concurrency };
      pumpSoon();
    },
    async close() {
      isClosed = true;
      cancelTimers();
      await Promise.all(active.values());
    },
    health: () => ({
      state: 'ready',
      message: `in memory; ${active.size} keys being worked on, ${waiting.size} waiting`,
    }),
    drain() {
      const keys = [...waiting].map(([key, reasons]) => ({ key, reasons: [...reasons] }));
      const due = [...wakes.values()].map(({ key, name, atMs, reason }) => ({ key, name, atMs, reason }));
      const retries = [...failures]
        .filter(([key]) => !active.has(key) && !waiting.has(key))
        .map(([key, { atMs }]) => ({ key, name: 'retry', atMs, reason: 'retry' as const }));
      cancelTimers();
      waiting.clear();
      wakes.clear();
      failures.clear();
      return { keys, wakes: [...due, ...retries] };
    },
  };
}
