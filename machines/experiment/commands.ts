import type { ExperimentContext } from './context.ts';
import { desiredOf, type ExperimentState } from './desired.ts';
import { burningFuses, type Look } from './look.ts';

/** One change of the cluster. Each may be repeated: it says what should be, not what to add. */
export type Command =
  /** Idempotent by number: the same fuse is never lit twice. */
  | { readonly kind: 'LightFuse'; readonly number: number; readonly seconds: number }
  /** Creates or replaces the fault; its owners are exactly these fuses. */
  | { readonly kind: 'WriteFault'; readonly dosePpm: number; readonly fuses: readonly number[] }
  /** The fault first, then every fuse. */
  | { readonly kind: 'RemoveFault' };

/** The cluster's clocks and queues may make a fuse burn a little early, in ms. */
const MARGIN_MS = 15_000;

/** How long a fuse is to burn whose fault is wanted for so much longer. */
export function fuseSeconds({ fuseMs }: Pick<Look['plan'], 'fuseMs'>, remainingMs: number): number {
  return Math.ceil(Math.min(fuseMs, remainingMs + MARGIN_MS) / 1000);
}

/** What has to be changed now, in order: a fuse always before the fault that it ends. Pure. */
export function commandsFor(state: ExperimentState, context: ExperimentContext, look: Look): readonly Command[] {
  const { plan, facts, at } = look;
  const desired = desiredOf(state, context, { plan, at });
  const { fault } = facts;
  if (!desired.fuse) return fault.exists || fault.fuses.length > 0 ? [{ kind: 'RemoveFault' }] : [];
  const burning = burningFuses(look);
  const leftMs = Math.max(0, ...burning.map(({ expiresAt }) => expiresAt - at));
  const seconds = fuseSeconds(plan, desired.remainingMs);
  if (leftMs < (seconds * 1000) / 2) {
    const number = Math.max(context.lastFuse, ...fault.fuses.map((fuse) => fuse.number)) + 1;
    return [{ kind: 'LightFuse', number, seconds }];
  }
  if (desired.dosePpm === null) return [];
  const isHeld = burning.every(({ isOwner }) => isOwner);
  if (fault.exists && fault.dosePpm === desired.dosePpm && isHeld) return [];
  // Somebody's edit ends the experiment; it is not written over.
  if (fault.isForeign) return [];
  return [{ kind: 'WriteFault', dosePpm: desired.dosePpm, fuses: burning.map(({ number }) => number) }];
}
