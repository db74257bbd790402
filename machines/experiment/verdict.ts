import type { Cause, ExperimentContext, GivenDose, Outcome, VerdictKind } from './context.ts';
import type { SteadyStateKind } from './facts.ts';
import type { ExperimentPlan } from './plan.ts';

const STOPPED: readonly Cause[] = ['StopRequested', 'Halted', 'Deleted'];

/** What an experiment has shown, once its fault is gone. `isSeenClean` false: nobody could see whether callers are still touched. */
export function outcomeOf(context: ExperimentContext, plan: ExperimentPlan, isSeenClean: boolean): Outcome {
  const { cause, message } = context.ended ?? { cause: 'Completed' as const, message: '' };
  const breached = context.doses.findLast(({ steadyState }) => isBreach(steadyState));
  // Samples that came after the end may have told of which kind the breach is.
  const kind = isBreach(cause) ? (breached?.steadyState ?? cause) : cause;
  const [verdict, why] = verdictOf(cause, context.doses, plan);
  const unseen = isSeenClean ? '' : '; nobody could see that callers are untouched again, the fault itself is gone';
  return {
    verdict,
    reason: kind,
    message: `${why ?? message}${unseen}`,
    tolerancePpm: toleranceOf(context.doses),
  };
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
  if (last.isProven !== true || last.faulted < plan.minFaulted) {
    return ['Inconclusive', `the dose was not seen, so that nothing was tested: ${last.dose}`];
  }
  if (isBreach(last.steadyState)) return breachVerdict([last]);
  if (last.steadyState !== 'Holds') return ['Inconclusive', `too little was seen to tell: ${last.judged}`];
  return ['Passed', `the steady state held under every dose: ${last.judged}`];
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
function toleranceOf(doses: readonly GivenDose[]): number | null {
  const lowestBreached = Math.min(...doses.flatMap((dose) => (isBreach(dose.steadyState) ? [dose.dosePpm] : [])));
  const held = doses.filter(
    ({ isProven, steadyState, dosePpm }) => isProven === true && steadyState === 'Holds' && dosePpm < lowestBreached,
  );
  return held.length === 0 ? null : Math.max(...held.map(({ dosePpm }) => dosePpm));
}
