import type { Reason } from './port.ts';

/** Keys on their way to a server: at most one send for each key at a time, and at most one more to follow. */
export interface Outbox {
  add(key: string, reason: Reason): void;
  /** Sends what waits, now that it may be possible. */
  flush(): void;
  /** Hands out what has not been sent, and forgets it. */
  drain(): readonly (readonly [string, Reason])[];
}

/** `send` returns undefined while nothing can be sent; when it rejects, `onLost` gets the key. */
export function createOutbox(
  send: (key: string, reason: Reason) => Promise<void> | undefined,
  onLost: (key: string, reason: Reason) => void,
): Outbox {
  const waiting = new Map<string, Reason>();
  const sending = new Set<string>();

  const flush = (): void => {
    for (const [key, reason] of waiting) {
      // The answer to the first send may be late: only a send after it is sure to lead to a further run.
      if (sending.has(key)) continue;
      const sent = send(key, reason);
      if (sent === undefined) return;
      waiting.delete(key);
      sending.add(key);
      void sent
        .catch(() => onLost(key, reason))
        .finally(() => {
          sending.delete(key);
          if (waiting.has(key)) flush();
        });
    }
  };

  return {
    add(key, reason) {
      waiting.set(key, reason);
      flush();
    },
    flush,
    drain() {
      const left = [...waiting];
      waiting.clear();
      return left;
    },
  };
}
