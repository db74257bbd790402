import type { ExperimentContext } from './context.ts';
import type { ExperimentState } from './desired.ts';
import { presentDose } from './look.ts';
import type { ExperimentPlan } from './plan.ts';

/** What is waited for is looked for this often, in ms: a breach, a change of admission, a fuse that needs renewal. */
const INTERVAL_MS: Readonly<Record<ExperimentState, number>> = {
  Pending: 5_000,
  Baseline: 5_000,
  Arming: 1_000,
  Injecting: 2_000,
  Recovering: 1_000,
  Finished: 0,
};

/** When to look again at the latest, in ms since the epoch; null only in the final state. */
export function wakeAt(
  state: ExperimentState,
  context: ExperimentContext,
  { plan, at }: { readonly plan: ExperimentPlan; readonly at: number },
): number | null {
  if (state === 'Finished') return null;
  const present = presentDose(context);
  const forMs = plan.ramp[context.doses.length - 1]?.forMs ?? 0;
  const times = [
    ...(state === 'Baseline' ? [context.since + plan.baselineMs] : []),
    ...(state === 'Injecting' && present?.since != null ? [present.since + forMs] : []),
  ];
  return Math.min(at + INTERVAL_MS[state], ...times.filter((time) => time > at));
}
