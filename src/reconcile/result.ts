/** What a reconcile asks of the queue: look again at a time, or wait for a change. */
export interface ReconcileResult {
  /** ms since the epoch; null: nothing but a change will matter. */
  readonly nextLookAt: number | null;
}
