import type { Clock } from '../lib/clock.ts';
import type { Wake } from './memory.ts';
import type { Reason } from './port.ts';

/** What this process has entrusted to the server and may have to say or do again, should the server forget it. */
export interface Ledger {
  entrust(key: string, reason: Reason): void;
  /** The key has come back to be worked on, or could not be entrusted at all. */
  settle(key: string): void;
  keys(): readonly (readonly [string, Reason])[];
  clearKeys(): void;
  /** False when the same wake is noted already. */
  noteWake(wake: Wake): boolean;
  dropWake(wake: Wake): void;
  wakes(): readonly Wake[];
  /** Forgets what is old enough to be done or covered by the owner's resync. */
  prune(): void;
}

/** Another replica may have worked on a key without our knowing; by this time the owner has resynced in any case. */
const KEY_TTL_MS = 600_000;
/** A wake that was due so long ago has fired. */
const WAKE_MARGIN_MS = 15_000;

export function createLedger(clock: Clock): Ledger {
  const keys = new Map<string, { readonly reason: Reason; readonly atMs: number }>();
  const wakes = new Map<string, Wake>();
  const idOf = ({ key, name, atMs }: Wake): string => JSON.stringify([key, name, atMs]);
  return {
    entrust(key, reason) {
      keys.set(key, { reason, atMs: clock.now() });
    },
    settle(key) {
      keys.delete(key);
    },
    keys: () => [...keys].map(([key, { reason }]) => [key, reason] as const),
    clearKeys: () => keys.clear(),
    noteWake(wake) {
      const id = idOf(wake);
      if (wakes.has(id)) return false;
      wakes.set(id, wake);
      return true;
    },
    dropWake(wake) {
      wakes.delete(idOf(wake));
    },
    wakes: () => [...wakes.values()],
    prune() {
      const now = clock.now();
      for (const [id, { atMs }] of wakes) if (atMs + WAKE_MARGIN_MS < now) wakes.delete(id);
      for (const [key, { atMs }] of keys) if (atMs + KEY_TTL_MS < now) keys.delete(key);
    },
  };
}
