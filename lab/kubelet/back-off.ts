/** How a failed start or a crash is repeated. */
export interface BackOff {
  /** First delay, ms; doubled each time. */
  readonly baseMs: number;
  /** No delay is longer, ms. */
  readonly capMs: number;
}

/** The kubelet's own: 10 s, 20 s, 40 s, … 5 min. */
export const KUBELET_BACK_OFF: BackOff = { baseMs: 10_000, capMs: 300_000 };

/** A container that ran this long starts with a clean record. */
export const RECORD_CLEAN_AFTER_MS = 600_000;

/** Delay before the repeat after `failures` failures in a row (1 or more), ms. */
export function backOffMs(failures: number, { baseMs, capMs }: BackOff = KUBELET_BACK_OFF): number {
  return Math.min(capMs, baseMs * 2 ** Math.max(0, failures - 1));
}

/**
 * Delay before a container is started again after its `crashes`-th exit in a row, ms. As in the kubelet the first restart is
 * immediate and only from the second on CrashLoopBackOff is seen.
 */
export function restartDelayMs(crashes: number, backOff: BackOff = KUBELET_BACK_OFF): number {
  return crashes <= 1 ? 0 : backOffMs(crashes - 1, backOff);
}
