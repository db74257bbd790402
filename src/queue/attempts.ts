import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Wake } from './memory.ts';
import { retryDelayMs } from './retry.ts';

/** Runs the handler of a key that came from the server, and turns a rejection into a wake-up after a back-off. */
export interface Attempts {
  /** Never rejects. */
  run(key: string, handler: () => Promise<void>): Promise<void>;
}

export function createAttempts(options: {
  readonly clock: Clock;
  readonly random: Random;
  /** Tells the wake-ups of this process from those of others. */
  readonly instance: string;
  readonly schedule: (wake: Wake) => void;
  readonly cancel: (wake: Wake) => void;
}): Attempts {
  const { clock, random, instance, schedule, cancel } = options;
  const failed = new Map<string, { readonly failures: number; readonly wake: Wake }>();
  return {
    async run(key, handler) {
      const earlier = failed.get(key);
      // This run takes the place of the retry; one that comes nevertheless is harmless.
      if (earlier !== undefined) cancel(earlier.wake);
      try {
        await handler();
        failed.delete(key);
      } catch (error) {
        const failures = (earlier?.failures ?? 0) + 1;
        const atMs = Math.round(clock.now() + retryDelayMs(failures, error, random));
        const wake: Wake = { key, name: `retry-${instance}`, atMs, reason: 'retry' };
        failed.set(key, { failures, wake });
        schedule(wake);
      }
    },
  };
}
