/** Fixed arrival times at a rate. Nothing that happens to earlier requests moves them: that is what open loop means. */
export interface Schedule {
  /** Times (ms) of the arrivals that are due at `nowMs` and were not returned before. */
  takeDue(nowMs: number): readonly number[];
  /** When the next arrival is due, ms; Infinity at rate 0. */
  nextAtMs(): number;
  /** Arrivals per second from `nowMs` on; those already due stay due. */
  setRate(rate: number, nowMs: number): void;
}

/** Arrivals at `rate` per second, the first one at `startMs`. */
export function createSchedule(rate: number, startMs: number): Schedule {
  let intervalMs = 1000 / rate;
  let anchorMs = startMs;
  let taken = 0;
  const next = () => anchorMs + taken * intervalMs;
  // With an interval of Infinity the first arrival would be 0 * Infinity.
  const nextAtMs = () => (Number.isFinite(intervalMs) ? next() : Number.POSITIVE_INFINITY);
  return {
    nextAtMs,
    takeDue(nowMs) {
      const due: number[] = [];
      while (nextAtMs() <= nowMs) {
        due.push(next());
        taken += 1;
      }
      return due;
    },
    setRate(newRate, nowMs) {
      anchorMs = Number.isFinite(intervalMs) ? Math.max(next(), nowMs) : nowMs;
      if (newRate > 0) anchorMs = Math.min(anchorMs, nowMs + 1000 / newRate);
      intervalMs = 1000 / newRate;
      taken = 0;
    },
  };
}
