/** Why a key was asked for; goes into logs and the reconcile metric. */
export type Reason = 'change' | 'wake' | 'evidence' | 'resync' | 'retry';

/**
 * Works one key. A rejection is retried with back-off and jitter, at least as long as an AppError's `retryAfterMs`; a resolved
 * promise ends the attempt. Of many reasons a queue on a server may know only the latest.
 */
export type Handler = (key: string, reasons: readonly Reason[]) => Promise<void>;

/**
 * Carries keys to the handler: one key is never worked on twice at once, adds while a key is being worked on lead to exactly
 * one more run, and nothing that was added is lost while the process lives. It is a hint, never the truth: the owner of the
 * queue must also resync, because a queue on a server may forget.
 */
export interface Queue {
  /** Asks for a run as soon as possible. Never throws and never blocks on the network. */
  add(key: string, reason: Reason): void;
  /** Asks for a run at `atMs`. The same key, name and time again is a no-op; an earlier wake is never pushed out by a later. */
  wakeAt(key: string, name: string, atMs: number): void;
  /** Begins to call the handler, at most `concurrency` keys at a time. */
  start(handler: Handler, concurrency: number): void;
  /** Stops taking keys, waits for those being worked on, lets go of connections. */
  close(): Promise<void>;
  /** What the queue rests on at the moment; `degraded` works on without its server. */
  health(): { readonly state: 'ready' | 'degraded'; readonly message: string };
}
