import type { Clock } from '../lib/clock.ts';
import { type Random, systemRandom, uniqueId } from '../lib/random.ts';
import { createAttempts } from './attempts.ts';
import { type BullSession, openBullSession } from './bull-session.ts';
import { deadline } from './deadline.ts';
import { createKeyedLock } from './keyed-lock.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { createMemoryQueue, type MemoryQueue, type Wake } from './memory.ts';
import { createOutbox } from './outbox.ts';
import type { Handler, Queue, Reason } from './port.ts';
import { watchRedis } from './redis-link.ts';

export interface BullQueueOptions {
  readonly redisUrl: string;
  /** Comes before every Redis key. Default `sluice`. */
  readonly prefix?: string | undefined;
  readonly clock: Clock;
  readonly random?: Random | undefined;
  /** Called when the queue changes between ready and degraded. */
  readonly onStateChange?: ((health: ReturnType<Queue['health']>) => void) | undefined;
}

/** `connecting` lasts until Redis has answered or kept silent for 2 s; `local` works without it. */
type Mode = 'connecting' | 'shared' | 'local' | 'closed';

const SEND_TIMEOUT_MS = 2_000;
/**
 * So long may keys wait although a worker is free; then the worker has come to a halt unnoticed. Longer than the 10 s for which BullMQ's
 * workers may block: until then a wake whose hint another replica took and lost is only late, and going on locally would let two
 * replicas work on one key.
 */
const HALT_MS = 11_000;

/**
 * The queue that several replicas share through Redis. While Redis cannot be used the process works its own keys from memory, and
 * hands what is left back afterwards; other replicas may then work on the same key at the same time.
 */
export function createBullQueue(options: BullQueueOptions): Queue {
  const { clock, redisUrl: url, prefix = 'sluice', random = systemRandom } = options;
  const instance = uniqueId();
  const memory = createMemoryQueue({ clock, random });
  const ledger = createLedger(clock);
  const shared = createShared({ clock, random, instance, memory, ledger });
  let isClosed = false;

  const enter = (mode: Mode): void => {
    shared.mode = mode;
    options.onStateChange?.(health());
  };

  const link = watchRedis({
    url,
    epochKey: `${prefix}:epoch`,
    instance,
    clock,
    async onUp() {
      // Every stretch has objects of its own: BullMQ's do not recover from every way in which a connection can break.
      const session = await openBullSession({ url, prefix, instance: uniqueId(), clock }).catch(() => undefined);
      if (isClosed) session?.abandon();
      if (isClosed || session === undefined) return false;
      shared.session = session;
      enter('shared');
      shared.takeOver();
      return true;
    },
    onDown: goLocal,
    onForgotten: shared.tellAgain,
    onBeat() {
      ledger.prune();
      void shared.hasHalted().then((hasHalted) => {
        if (!hasHalted || isClosed) return;
        link.reopen(`the workers took nothing for ${HALT_MS} ms`);
        goLocal();
      });
    },
  });

  function goLocal(): void {
    shared.session?.abandon();
    shared.session = undefined;
    enter('local');
    shared.giveUp();
  }

  function health(): ReturnType<Queue['health']> {
    if (shared.mode === 'shared') return { state: 'ready', message: 'shared through Redis' };
    const what = shared.mode === 'connecting' ? 'waiting for Redis' : 'working locally without Redis';
    return { state: 'degraded', message: `${what}: ${link.problem()}` };
  }

  return {
    add: shared.add,
    wakeAt: (key, name, atMs) => shared.schedule({ key, name, atMs, reason: 'wake' }),
    start: shared.start,
    async close() {
      isClosed = true;
      shared.mode = 'closed';
      link.close();
      await Promise.all([memory.close(), shared.session?.close(shared.idle) ?? shared.idle()]);
    },
    health,
  };
}

/** Moves keys and wakes between the session and the memory queue, as the mode asks for. */
function createShared(parts: {
  readonly clock: Clock;
  readonly random: Random;
  readonly instance: string;
  readonly memory: MemoryQueue;
  readonly ledger: Ledger;
}) {
  const { clock, memory, ledger } = parts;
  const lock = createKeyedLock();
  const active = new Set<Promise<void>>();
  const state: { mode: Mode; session: BullSession | undefined } = { mode: 'connecting', session: undefined };
  let worker: { readonly handler: Handler; readonly concurrency: number } | undefined;
  /** Since then keys wait, and none was taken although a worker was free. */
  let idleSinceMs = clock.now();
  /** The overdue wake that comes first, and since when it has been seen there: one that a dead replica left is late, but is soon taken. */
  let lateWake: { readonly atMs: number; readonly seenMs: number } | undefined;

  const inTime = <T>(work: Promise<T>): Promise<T> =>
    deadline(work, { clock, afterMs: SEND_TIMEOUT_MS, what: 'no answer from Redis' });

  const send = (key: string, reason: Reason): Promise<void> | undefined => {
    if (state.session === undefined) return undefined;
    ledger.entrust(key, reason);
    return inTime(state.session.add(key, reason));
  };

  const outbox = createOutbox(send, (key, reason) => {
    ledger.settle(key);
    memory.add(key, reason);
  });

  const sendWake = (wake: Wake): void => {
    const keep = (): void => memory.wakeAt(wake.key, wake.name, wake.atMs);
    if (state.mode === 'local') keep();
    else if (state.session !== undefined) inTime(state.session.wake(wake)).catch(keep);
  };

  const schedule = (wake: Wake): void => {
    if (state.mode !== 'closed' && ledger.noteWake(wake)) sendWake(wake);
  };

  const attempts = createAttempts({
    ...parts,
    schedule,
    cancel(wake) {
      ledger.dropWake(wake);
      state.session?.cancelWake(wake).catch(() => {});
    },
  });

  /** One run of a key that came from Redis; never at the same time as a run of it from memory. */
  const work = (key: string, reason: Reason): Promise<void> => {
    ledger.settle(key);
    idleSinceMs = clock.now();
    const run = lock(key, () => attempts.run(key, async () => worker?.handler(key, [reason])));
    active.add(run);
    return run.finally(() => active.delete(run));
  };

  return Object.assign(state, {
    schedule,
    add(key: string, reason: Reason): void {
      if (state.mode === 'local') memory.add(key, reason);
      else if (state.mode !== 'closed') outbox.add(key, reason);
    },
    start(handler: Handler, concurrency: number): void {
      worker = { handler, concurrency };
      memory.start((key, reasons) => lock(key, () => handler(key, reasons)), concurrency);
      state.session?.start(work, concurrency);
    },
    /** Redis is there: it gets all that is still to do. */
    takeOver(): void {
      lateWake = undefined;
      if (worker !== undefined) state.session?.start(work, worker.concurrency);
      const backlog = memory.drain();
      for (const { key, reasons } of backlog.keys) outbox.add(key, reasons[0] ?? 'resync');
      for (const wake of backlog.wakes) ledger.noteWake(wake);
      for (const wake of ledger.wakes()) sendWake(wake);
      outbox.flush();
    },
    /** Redis is gone: what it was entrusted with is worked from memory. */
    giveUp(): void {
      for (const [key, reason] of [...ledger.keys(), ...outbox.drain()]) memory.add(key, reason);
      ledger.clearKeys();
      for (const wake of ledger.wakes()) sendWake(wake);
    },
    /** Redis has lost what it was entrusted with. */
    tellAgain(): void {
      for (const [key, reason] of ledger.keys()) outbox.add(key, reason);
      for (const wake of ledger.wakes()) sendWake(wake);
    },
    /** Asked with each beat: whether keys or wakes wait although a worker of ours is free. */
    async hasHalted(): Promise<boolean> {
      const { session } = state;
      if (session === undefined || worker === undefined || active.size >= worker.concurrency) {
        idleSinceMs = clock.now();
        return false;
      }
      const asked = Promise.all([session.waitingKeys(), session.nextWakeMs()]);
      const [keys, wakeMs] = await inTime(asked).catch(() => [0, undefined] as const);
      if (keys === 0) idleSinceMs = clock.now();
      if (wakeMs === undefined || wakeMs > clock.now()) lateWake = undefined;
      else if (lateWake?.atMs !== wakeMs) lateWake = { atMs: wakeMs, seenMs: clock.now() };
      const since = Math.min(idleSinceMs, lateWake?.seenMs ?? Number.POSITIVE_INFINITY);
      return session === state.session && clock.now() - since >= HALT_MS;
    },
    async idle(): Promise<void> {
      while (active.size > 0) await Promise.all(active);
    },
  });
}
