import { step } from '../kernel/step.ts';
import type { AnnounceCommand } from './announcements.ts';
import type { ExperimentContext } from './context.ts';
import type { ExperimentState } from './desired.ts';
import type { Look } from './look.ts';
import { experimentMachine } from './machine.ts';

/** Where an experiment stands. */
export interface Standing {
  readonly state: ExperimentState;
  readonly context: ExperimentContext;
}

export interface Settled extends Standing {
  /** What users are to be told, in order. */
  readonly announcements: readonly AnnounceCommand[];
}

/** Transitions that one look can cause; more than this would be a cycle in the machine. */
const MAX_TRANSITIONS = 12;

/** Takes the machine as far as one look leads: until looking again changes nothing. Throws when it does not come to rest. */
export function settle(from: Standing, look: Look): Settled {
  let snapshot = experimentMachine.resolveState({ value: from.state, context: from.context });
  const announcements: AnnounceCommand[] = [];
  for (let count = 0; count < MAX_TRANSITIONS; count += 1) {
    const event = { type: 'LOOKED' as const, ...look };
    const { next, commands } = step<typeof experimentMachine, AnnounceCommand>(experimentMachine, snapshot, event);
    announcements.push(...commands);
    const isSame = next.value === snapshot.value && JSON.stringify(next.context) === JSON.stringify(snapshot.context);
    snapshot = next;
    if (isSame) return { state: snapshot.value as ExperimentState, context: snapshot.context, announcements };
  }
  throw new Error(`the experiment machine does not come to rest in ${String(snapshot.value)}`);
}
