import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from '../e2e/support/caller.ts';
import type { Kind } from './chaos-kinds.ts';

/** Requests for one Service, one after the other at a steady rate, and which of them were touched. */
export interface Watch {
  /** When the first touched answer since `sinceMs` ended, in ms since the epoch; Infinity where there was none. */
  firstTouchedSince(sinceMs: number): number;
  /** When the last touched answer ended; -Infinity where there was none. */
  lastTouched(): number;
  /** Whole seconds within the time that had requests, and none of them touched. */
  gaps(fromMs: number, toMs: number): readonly number[];
  stop(): Promise<void>;
}

/** Asks so many times a second; waits for no answer. */
export function watchService(caller: Caller, service: string, kind: Kind, perSecond: number): Watch {
  const touched: number[] = [];
  const seconds = new Map<number, { asked: number; touched: number }>();
  const underway = new Set<Promise<void>>();
  let isStopped = false;

  const askOnce = async (): Promise<void> => {
    const answer = await caller.ask({ service, ...kind.ask }).catch(() => undefined);
    if (answer === undefined) return;
    const second = Math.floor(answer.askedAtMs / 1000);
    const count = seconds.get(second) ?? { asked: 0, touched: 0 };
    seconds.set(second, count);
    count.asked += 1;
    if (!kind.isTouched(answer)) return;
    count.touched += 1;
    touched.push(answer.endedAtMs);
  };
  const loop = async (): Promise<void> => {
    while (!isStopped) {
      const asking: Promise<void> = askOnce().finally(() => underway.delete(asking));
      underway.add(asking);
      await sleep(1000 / perSecond);
    }
    await Promise.all(underway);
  };
  const running = loop();

  return {
    firstTouchedSince: (sinceMs) => touched.find((atMs) => atMs >= sinceMs) ?? Number.POSITIVE_INFINITY,
    lastTouched: () => touched.reduce((last, atMs) => Math.max(last, atMs), Number.NEGATIVE_INFINITY),
    gaps(fromMs, toMs) {
      const whole = [...seconds].filter(([second]) => second * 1000 >= fromMs && (second + 1) * 1000 <= toMs);
      return whole.filter((entry) => entry[1].touched === 0).map(([second]) => second);
    },
    async stop() {
      isStopped = true;
      await running;
    },
  };
}
