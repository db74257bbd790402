import type { Cause, ExperimentContext, GivenDose, Outcome, VerdictKind } from './context.ts';
import type { SteadyStateKind } from './facts.ts';
import type { ExperimentPlan } from './plan.ts';

const STOPPED: readonly Cause[] = ['StopRequested', 'Halted', 'Deleted'];

/** The wire at the end, `at` in ms since the epoch. `isClean` is false where requests are still flagged, null where nobody could see. */
export interface WireAtEnd {
  readonly at: number;
  readonly isClean: boolean | null;
}

/** What an experiment has shown, once its fault is gone. */
export function outcomeOf(context: ExperimentContext, plan: ExperimentPlan, wire: WireAtEnd): Outcome {
  const { cause, message } = context.ended ?? { cause: 'Completed' as const, message: '' };
  const breached = context.doses.findLast(({ steadyState }) => isBreach(steadyState));
  // Samples that came after the end may have told of which kind the breach is.
  const kind = isBreach(cause) ? (breached?.steadyState ?? cause) : cause;
  const [verdict, why] = verdictOf(cause, context.doses, plan);
  return {
    verdict,
    reason: kind,
    message: `${why ?? message}${remainder(context, wire)}`,
    tolerancePpm: toleranceOf(context.doses, plan),
  };
}

/** What is to be said of the wire where it was not seen clean. */
function remainder({ injectedAt, goneAt }: ExperimentContext, { isClean, at }: WireAtEnd): string {
  if (isClean === true) return '';
  if (isClean === null || injectedAt === null || goneAt === null) {
    return '; nobody could see that callers are untouched again, the fault itself is gone';
  }
  return `; requests are still flagged, not by this fault: the object has been gone for ${Math.round((at - goneAt) / 1000)} s; look for limits of the mesh, or a proxy that istiod does not reach`;
}

export function isBreach(kind: Cause | SteadyStateKind | null): boolean {
  return kind === 'Breached' || kind === 'BreachedEverywhere';
}

function verdictOf(cause: Cause, doses: readonly GivenDose[], plan: ExperimentPlan): readonly [VerdictKind, string?] {
  const last = doses.at(-1);
  if (STOPPED.includes(cause)) return ['Stopped'];
  if (isBreach(cause)) return breachVerdict(doses);
  if (cause !== 'Completed' || last === undefined) return ['Inconclusive'];
  if (!plan.hasObjectives) return ['Inconclusive', 'every dose was given, but there is no steady state to judge by'];
  if (!isProven(last, plan)) {
    return ['Inconclusive', `the dose was not seen, so that nothing was tested: ${last.dose}`];
  }
  if (isBreach(last.steadyState)) return breachVerdict([last]);
  if (last.steadyState !== 'Holds') return ['Inconclusive', `too little was seen to tell: ${last.judged}`];
  const isEach = doses.every((dose) => isShown(dose, plan));
  return ['Passed', `the steady state held under ${isEach ? 'every' : 'the last'} dose: ${last.judged}`];
}

/** A breach is the fault's where requests were touched, and nothing as bad befell those that know no fault. */
function breachVerdict(doses: readonly GivenDose[]): readonly [VerdictKind, string?] {
  const breached = doses.findLast(({ steadyState }) => isBreach(steadyState));
  if (!doses.some(({ faulted }) => faulted > 0)) {
    return [
      'Inconclusive',
      'the steady state was breached, but no touched request was seen: it may have been something else',
    ];
  }
  const verdict = breached?.steadyState === 'BreachedEverywhere' ? 'Inconclusive' : 'Failed';
  return breached === undefined ? [verdict] : [verdict, breached.judged];
}

/** Highest dose that was proven and under which the steady state was shown to hold, below any that breached it; null when there is none. */
function toleranceOf(doses: readonly GivenDose[], plan: ExperimentPlan): number | null {
  const lowestBreached = Math.min(...doses.flatMap((dose) => (isBreach(dose.steadyState) ? [dose.dosePpm] : [])));
  const held = doses.filter((dose) => isShown(dose, plan) && dose.dosePpm < lowestBreached);
  return held.length === 0 ? null : Math.max(...held.map(({ dosePpm }) => dosePpm));
}

/** The dose was seen as asked, and touched enough requests to test anything. */
function isProven({ isProven: isRight, faulted }: GivenDose, { minFaulted }: ExperimentPlan): boolean {
  return isRight === true && faulted >= minFaulted;
}

/** The steady state was shown to hold under the dose. */
function isShown(dose: GivenDose, plan: ExperimentPlan): boolean {
  return isProven(dose, plan) && dose.steadyState === 'Holds';
}
