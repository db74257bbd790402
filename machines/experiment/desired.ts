import type { ExperimentContext } from './context.ts';
import type { ExperimentPlan } from './plan.ts';

/** The states of the experiment machine; see machine.ts for what each waits for. */
export type ExperimentState = 'Pending' | 'Baseline' | 'Arming' | 'Injecting' | 'Recovering' | 'Finished';

/** What the cluster should look like in a state. */
export interface Desired {
  /** A fuse has to burn. */
  readonly fuse: boolean;
  /** Null: no fault. */
  readonly dosePpm: number | null;
  /** How much longer the fault is wanted, in ms. */
  readonly remainingMs: number;
}

/** What the cluster should look like in a state. Pure: the same inputs always give the same answer, whoever asks. */
export function desiredOf(
  state: ExperimentState,
  { doses }: Pick<ExperimentContext, 'doses'>,
  { plan, at }: { readonly plan: ExperimentPlan; readonly at: number },
): Desired {
  const present = doses.at(-1);
  const isInjecting = state === 'Injecting' && present !== undefined;
  if (!isInjecting && state !== 'Arming') return { fuse: false, dosePpm: null, remainingMs: 0 };
  const index = isInjecting ? doses.length - 1 : 0;
  const planned = plan.ramp.slice(index).reduce((sum, { forMs }) => sum + forMs, 0);
  const passedMs = isInjecting && present.since !== null ? at - present.since : 0;
  return {
    fuse: true,
    dosePpm: isInjecting ? present.dosePpm : null,
    remainingMs: Math.max(0, planned - passedMs),
  };
}
