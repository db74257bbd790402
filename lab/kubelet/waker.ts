import type { Clock } from '../../src/lib/clock.ts';

/** Lets a loop wait for a time or for a poke, whichever is first; a poke while nobody waits is not lost. */
export interface Waker {
  poke(): void;
  /** Resolves at `untilMs` (never for Infinity) or with the next poke, at once when there was one since the last `begin`. */
  wait(untilMs: number): Promise<void>;
  /** Forgets pokes: the loop now looks at everything. */
  begin(): void;
}

/** A waker on `clock`. */
export function createWaker(clock: Clock): Waker {
  let isPoked = false;
  let wake = () => {};
  return {
    poke() {
      isPoked = true;
      wake();
    },
    begin() {
      isPoked = false;
    },
    wait(untilMs) {
      if (isPoked) return Promise.resolve();
      return new Promise((resolve) => {
        const cancel = Number.isFinite(untilMs) ? clock.after(untilMs - clock.now(), resolve) : () => {};
        wake = () => {
          cancel();
          resolve();
        };
      });
    },
  };
}
