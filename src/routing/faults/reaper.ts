import type { Kube } from '../../kube/port.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../telemetry/log.ts';
import { reap } from './reap.ts';

export interface ReaperOptions {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Log;
  /** Only this namespace; default all. */
  readonly namespace?: string | undefined;
  /** Told of each object that was deleted. */
  readonly onReaped?: (object: string) => void;
}

/** Ends faults whose time is over where the cluster's own controllers do not. */
export interface Reaper {
  /** Looks once. Rejects where the API server does not answer or refuses. */
  look(): Promise<void>;
  /** Looks twice a second until `signal` is aborted, whatever goes wrong. */
  run(signal: AbortSignal): Promise<void>;
  /** Why it does not see faults, or null when it does. */
  unready(): string | null;
}

const LOOK_EVERY_MS = 500;
/** Without a look for so long it is not ready. */
const BLIND_AFTER_MS = 10_000;

export function createReaper(options: ReaperOptions): Reaper {
  const { kube, clock, log, namespace, onReaped } = options;
  let lookedAt: number | null = null;
  let problem: unknown;

  const look = async (): Promise<void> => {
    for (const { object, why, error } of await reap(kube, { now: clock.now(), namespace })) {
      if (error !== undefined) {
        log.warn({ object, why, err: error }, 'not deleted');
        continue;
      }
      log.info({ object, why }, 'deleted');
      onReaped?.(object);
    }
    lookedAt = clock.now();
  };

  /** Only the first of several failures is told: it looks too often to repeat them. */
  const lookAgain = async (): Promise<void> => {
    try {
      await look();
      if (problem !== undefined) log.info({}, 'looks again');
      problem = undefined;
    } catch (error) {
      if (problem === undefined) log.warn({ err: error }, 'cannot look');
      problem = error;
    }
  };

  return {
    look,
    async run(signal) {
      while (!signal.aborted) {
        await lookAgain();
        await clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
      }
    },
    unready() {
      if (lookedAt !== null && clock.now() - lookedAt < BLIND_AFTER_MS) return null;
      return `faults were not looked at for ${BLIND_AFTER_MS / 1000} s: ${String(problem ?? 'not yet')}`;
    },
  };
}
