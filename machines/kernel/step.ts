import { type AnyStateMachine, type EventFromLogic, type SnapshotFrom, transition } from 'xstate';

/** The result of one event: the next snapshot and the commands that the machine gave on the way, in order. */
export interface Step<TMachine extends AnyStateMachine, TCommand> {
  readonly next: SnapshotFrom<TMachine>;
  readonly commands: readonly TCommand[];
}

/**
 * Takes one event through a machine without running anything. Only the action `command` may appear, because whatever else a
 * machine could ask for (timers, actors, sends) would be an effect that nobody performs: it throws, so that purity is checked on every call.
 */
export function step<TMachine extends AnyStateMachine, TCommand>(
  machine: TMachine,
  snapshot: SnapshotFrom<TMachine>,
  event: EventFromLogic<TMachine>,
): Step<TMachine, TCommand> {
  const [next, actions] = transition(machine, snapshot, event);
  const commands = actions.map((executable): TCommand => {
    const action: { readonly type: string; readonly params?: unknown } = executable;
    if (action.type !== 'command') {
      throw new Error(`impure action "${action.type}" in machine "${machine.id}": only "command" is performed`);
    }
    return action.params as TCommand;
  });
  return { next: next as SnapshotFrom<TMachine>, commands };
}
