import type { Cause, ExperimentContext, GivenDose, Outcome, VerdictKind } from './context.ts';
import type { ExperimentPlan } from './plan.ts';

const STOPPED: readonly Cause[] = ['StopRequested', 'Halted', 'Deleted'];

/** What an experiment has shown, once its fault is gone. `isSeenClean` false: nobody could see whether callers are still touched. */
export function outcomeOf(context: ExperimentContext, plan: ExperimentPlan, isSeenClean: boolean): Outcome {
  const { cause, message } = context.ended ?? { cause: 'Completed' as const, message: '' };
  const [verdict, why] = verdictOf(cause, context.doses, plan);
  const unseen = isSeenClean ? '' : '; nobody could see that callers are untouched again, the fault itself is gone';
  return {
    verdict,
    reason: cause,
    message: `${why ?? message}${unseen}`,
    tolerancePpm: toleranceOf(context.doses),
  };
}

function verdictOf(cause: Cause, doses: readonly GivenDose[], plan: ExperimentPlan): readonly [VerdictKind, string?] {
  const last = doses.at(-1);
  if (STOPPED.includes(cause)) return ['Stopped'];
  const wasTouched = doses.some(({ faulted }) => faulted > 0);
  if (cause === 'Breached' && !wasTouched) {
    return [
      'Inconclusive',
      'the steady state was breached, but no touched request was seen: it may have been something else',
    ];
  }
  if (cause === 'Breached') return ['Failed'];
  if (cause !== 'Completed' || last === undefined) return ['Inconclusive'];
  if (!plan.hasObjectives) return ['Inconclusive', 'every dose was given, but there is no steady state to judge by'];
  if (last.isProven !== true || last.faulted < plan.minFaulted) {
    return ['Inconclusive', `the dose was not seen, so that nothing was tested: ${last.dose}`];
  }
  if (last.steadyState === 'Breached') return ['Failed', last.judged];
  if (last.steadyState !== 'Holds') return ['Inconclusive', `too little was seen to tell: ${last.judged}`];
  return ['Passed', `the steady state held under every dose: ${last.judged}`];
}

/** Highest dose that was proven and under which the steady state was shown to hold, below any that breached it; null when there is none. */
function toleranceOf(doses: readonly GivenDose[]): number | null {
  const lowestBreached = Math.min(...doses.flatMap((dose) => (dose.steadyState === 'Breached' ? [dose.dosePpm] : [])));
  const held = doses.filter(
    ({ isProven, steadyState, dosePpm }) => isProven === true && steadyState === 'Holds' && dosePpm < lowestBreached,
  );
  return held.length === 0 ? null : Math.max(...held.map(({ dosePpm }) => dosePpm));
}
