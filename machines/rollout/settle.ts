import { step } from '../kernel/step.ts';
import type { AnnounceCommand } from './announcements.ts';
import type { RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import type { Look } from './guards.ts';
import { rolloutMachine } from './machine.ts';

/** Where a release stands. */
export interface Standing {
  readonly state: RolloutState;
  readonly context: RolloutContext;
}

export interface Settled extends Standing {
  /** What users are to be told, in order. */
  readonly announcements: readonly AnnounceCommand[];
}

/** Transitions that one look can cause; more than this would be a cycle in the machine. */
const MAX_TRANSITIONS = 16;

/** Takes the machine as far as one look leads: until looking again changes nothing. Throws when it does not come to rest. */
export function settle(from: Standing, look: Look): Settled {
  let snapshot = rolloutMachine.resolveState({ value: from.state, context: from.context });
  const announcements: AnnounceCommand[] = [];
  for (let count = 0; count < MAX_TRANSITIONS; count += 1) {
    const event = { type: 'LOOKED' as const, ...look };
    const { next, commands } = step<typeof rolloutMachine, AnnounceCommand>(rolloutMachine, snapshot, event);
    announcements.push(...commands);
    // Contexts are JSON, and an update that changes nothing keeps the order of the fields.
    const isSame = next.value === snapshot.value && JSON.stringify(next.context) === JSON.stringify(snapshot.context);
    snapshot = next;
    if (isSame) return { state: snapshot.value as RolloutState, context: snapshot.context, announcements };
  }
  throw new Error(`the rollout machine does not come to rest in ${String(snapshot.value)}`);
}
