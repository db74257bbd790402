import type { Clock } from '../lib/clock.ts';

/** Remembers which looks are due, so that each look asks for at most one more and chains of wakes cannot multiply. */
export interface Wakes {
  /** True when a look at `atMs` has to be asked for, because none is due before. The caller then asks. */
  isNew(key: string, atMs: number): boolean;
  /** For a key that asks for no more looks. */
  forget(key: string): void;
}

/**
 * Wakes once asked for cannot be taken back, so a later one that is pending stays; what matters is that it is counted. A wake that a
 * queue forgot costs one interval at most: it is not counted any more once its time is over.
 */
export function createWakes(clock: Clock): Wakes {
  const pending = new Map<string, readonly number[]>();
  return {
    isNew(key, atMs) {
      const due = (pending.get(key) ?? []).filter((time) => time > clock.now());
      const isDueBefore = due.some((time) => time <= atMs);
      const next = isDueBefore ? due : [...due, atMs];
      pending.set(key, next);
      return !isDueBefore;
    },
    forget: (key) => void pending.delete(key),
  };
}
