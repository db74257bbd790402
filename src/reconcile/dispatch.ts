import { AppError } from '../lib/errors.ts';
import type { Handler, Queue, Reason } from '../queue/port.ts';

/** What one controller sees of the queue: keys of its own. */
export type OwnQueue = Pick<Queue, 'add' | 'wakeAt'> & {
  /** Names who works these keys; those that come before are tried again until then. */
  handle(handler: Handler): void;
};

/** Several controllers on one queue, told apart by a prefix of the key; keys without any are those of Rollouts. */
export interface Dispatch {
  readonly rollouts: OwnQueue;
  readonly experiments: OwnQueue;
  readonly schedules: OwnQueue;
  start(concurrency: number): void;
}

export function createDispatch(queue: Queue): Dispatch {
  const handlers = new Map<string, Handler | null>();
  const own = (prefix: string): OwnQueue => {
    handlers.set(prefix, null);
    return {
      add: (key, reason) => queue.add(`${prefix}${key}`, reason),
      wakeAt: (key, name, atMs) => queue.wakeAt(`${prefix}${key}`, name, atMs),
      handle: (handler) => handlers.set(prefix, handler),
    };
  };
  const work = async (key: string, reasons: readonly Reason[]): Promise<void> => {
    // No namespace has a colon in its name.
    const prefix = key.slice(0, key.indexOf(':') + 1);
    const handler = handlers.get(prefix);
    // Another replica may have asked for it: it must not be lost with us.
    if (handler === null) throw new AppError('NotReadyError', 'NOT_SYNCED', `${key} waits for its local copies`);
    await handler?.(key.slice(prefix.length), reasons);
  };
  return {
    rollouts: own(''),
    experiments: own('experiment:'),
    schedules: own('schedule:'),
    start: (concurrency) => queue.start(work, concurrency),
  };
}
