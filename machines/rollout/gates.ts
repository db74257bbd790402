import type { Gate, Release, RolloutContext } from './context.ts';
import type { RolloutState } from './desired.ts';
import { type Facts, revisionFact } from './facts.ts';
import { isPromoteRequested, isSuspended, type Look, mayGoOn } from './guards.ts';
import { nextTargetBp } from './steps.ts';

/** The first gate that is in the way of the next weight, or undefined. */
function gateAhead(release: Release, look: Look): string | undefined {
  const passed = release.gates.map(({ name }) => name);
  const nextBp = nextTargetBp(release, look);
  return look.plan.gates.find(({ name, atBp }) => atBp < nextBp && !passed.includes(name))?.name;
}

/** True when nothing but a gate keeps the release from its next step, and none is being tried. */
export function isGateDue(context: RolloutContext, look: Look): boolean {
  const { release } = context;
  if (release === null || release.gate !== null || isPromoteRequested(context, look)) return false;
  return mayGoOn(context, look) && gateAhead(release, look) !== undefined;
}

/** True when the release may have its next weight: nothing holds it, and no gate is in the way, or an operator skips them. */
export function mayTakeStep(context: RolloutContext, look: Look): boolean {
  const { release } = context;
  if (release === null || !mayGoOn(context, look)) return false;
  return isPromoteRequested(context, look) || (release.gate === null && gateAhead(release, look) === undefined);
}

/** True when the gate that is tried is passed, or shows nothing that stable does not show as well. */
export function isGatePassed({ release }: RolloutContext, { facts }: Look): boolean {
  const answer = answerOf(release, facts);
  return answer?.state === 'passed' || answer?.state === 'weakBefore';
}

/** What the experiment of the gate that is tried says; null where none is tried. */
export function answerOf(release: Release | null, { gate }: Pick<Facts, 'gate'>): Facts['gate'] {
  return release?.gate != null && gate?.name === release.gate.name ? gate : null;
}

export function openGate({ release }: RolloutContext, look: Look): Partial<RolloutContext> {
  const name = release === null ? undefined : gateAhead(release, look);
  if (release === null || name === undefined) return {};
  return { release: { ...release, gate: { name, openedAt: look.at } } };
}

export function closeGate({ release }: RolloutContext, { at, facts }: Look): Partial<RolloutContext> {
  const answer = answerOf(release, facts);
  if (release === null || answer === null) return {};
  const passed: Gate = {
    ...{ name: answer.name, at, message: answer.message },
    result: answer.state === 'passed' ? 'Passed' : 'WeakBefore',
  };
  return { release: { ...release, gate: null, gates: [...release.gates, passed] } };
}

/** The gate whose experiment has to exist now, or null. */
export function wantedGate(state: RolloutState, context: RolloutContext, facts: Facts): Release['gate'] {
  const { release } = context;
  if (state !== 'Holding' || release === null || release.gate === null || isSuspended(context)) return null;
  return answerOf(release, facts)?.state === 'absent' ? release.gate : null;
}

/**
 * Experiments that have to end now: those of a gate that is tried no longer, also before they inject, and those of others under which the
 * canary breaks. Of the second kind the release is not blamed before it was seen without the fault.
 */
export function experimentsToStop(
  state: RolloutState,
  context: RolloutContext,
  look: Look,
): readonly { readonly namespace: string; readonly name: string }[] {
  const { faults, trials } = look.facts;
  const isTried = state === 'Holding' && context.release?.gate != null;
  const own = trials.filter(({ isPresent, isStopping }) => !isStopping && !(isTried && isPresent));
  const isLost = isLostUnderFault(context, look);
  const others = faults.filter(
    ({ gate, until, isStopping, isBreached }) =>
      gate === null && until === null && !isStopping && (isBreached || isLost),
  );
  return [...own, ...others.filter(({ name }) => own.every((trial) => trial.name !== name))];
}

/** How long pods may take to be ready again after a fault, in ms. */
const RECOVERY_MS = 30_000;

/** True when neither version has a ready pod in or just after a fault: it may well be the fault that they do not bear. */
export function isLostUnderFault({ stable, release }: RolloutContext, { at, facts }: Look): boolean {
  const isLost = (revision: string | null | undefined) => revisionFact(facts, revision).ready === 0;
  const isNear = facts.faults.some(({ until }) => until === null || at < until + RECOVERY_MS);
  return isNear && release !== null && isLost(stable) && isLost(release.revision);
}
