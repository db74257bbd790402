/** One change of the cluster. Each may be repeated: it says what should be, not what to add. */
export type Command =
  /** Idempotent by number: the same fuse is never lit twice. */
  | { readonly kind: 'LightFuse'; readonly number: number; readonly seconds: number }
  /** Creates or replaces the fault; its owners are exactly these fuses. */
  | { readonly kind: 'WriteFault'; readonly dosePpm: number; readonly fuses: readonly number[] }
  /** The fault first, then every fuse. */
  | { readonly kind: 'RemoveFault' };
