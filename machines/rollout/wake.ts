import type { RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import type { Plan } from './plan.ts';
import { holdMsOf } from './steps.ts';

/** At rest a look now and then makes up for a lost hint. */
const REST_INTERVAL_MS = 300_000;
/** In a release every wait also has an event of its own; this bounds what a lost one costs. */
const RELEASE_INTERVAL_MS = 5_000;
/** A window of metrics that becomes complete is no event, so states that wait for one look for it. */
const PROOF_INTERVAL_MS = 1_000;

const AWAIT_PROOF: readonly RolloutState[] = ['RoutingStable', 'Shifting', 'Withdrawing', 'Returning', 'Relinquishing'];

/** When to look again at the latest, in ms since the epoch; null only in the final state. */
export function wakeAt(state: RolloutState, context: RolloutContext, plan: Plan, at: number): number | null {
  if (state === 'Gone') return null;
  const { release, since, readySince, routeSince, unreadySince } = context;
  const interval =
    release === null ? REST_INTERVAL_MS : AWAIT_PROOF.includes(state) ? PROOF_INTERVAL_MS : RELEASE_INTERVAL_MS;
  const hold = release === null ? 0 : holdMsOf(release, plan);
  const after = (from: number | null, delayMs: number) => (from === null ? [] : [from + delayMs]);
  const deadlines = [
    ...after(readySince, plan.propagationMs),
    ...after(routeSince, plan.propagationMs),
    ...after(routeSince, plan.drainMs),
    ...after(routeSince, hold),
    ...after(unreadySince, plan.progressDeadlineMs),
    ...(state === 'Baking' ? [since + plan.bakeMs] : []),
    ...(state === 'Scaling' ? [since + plan.progressDeadlineMs] : []),
    ...after(release?.deadlineAt ?? null, 0),
  ];
  return Math.min(at + interval, ...deadlines.filter((deadline) => deadline > at));
}
