import { type ExperimentContext, type GivenDose, measuredDose } from './context.ts';
import type { ExperimentState } from './desired.ts';
import { reasonToEnd } from './ending.ts';
import type { SteadyStateFact } from './facts.ts';
import { type Look, nextDose, presentDose } from './look.ts';
import { isBreach, outcomeOf } from './verdict.ts';

/** What a transition changes of the context. */
export type Update = (context: ExperimentContext, look: Look) => Partial<ExperimentContext>;

export const enter: Update = (_, { at }) => ({ since: at });

export const begin: Update = (_, { at }) => ({ since: at, startedAt: at });

/** Decides the next dose; the one before ends when this one is read back. */
export const raise: Update = (context, { at, plan }) => {
  const planned = nextDose(context, plan);
  if (planned === undefined) return {};
  const dose: GivenDose = {
    ...{ dosePpm: planned.dosePpm, decidedAt: at, since: null, until: null, matched: 0, faulted: 0 },
    ...{ isProven: null, dose: '', steadyState: null, judged: '' },
  };
  return { since: at, injectedAt: context.injectedAt ?? at, doses: [...context.doses, dose] };
};

export const endFrom =
  (state: ExperimentState): Update =>
  (context, look) => {
    const ending = reasonToEnd(state, context, look);
    if (ending === null) return {};
    const doses = measured(context, look).map((dose) =>
      dose.since !== null && dose.until === null ? { ...dose, until: look.at } : dose,
    );
    return { since: look.at, doses, ended: { at: look.at, ...ending } };
  };

export const finish: Update = (context, look) => {
  const { at, plan, facts } = look;
  // What came to be known with this very look counts too.
  const doses = measured(context, look);
  return {
    since: at,
    doses,
    outcome: { at, ...outcomeOf({ ...context, doses }, plan, { at, isClean: facts.isClean }) },
  };
};

/** Brings what is remembered up to date; the only thing that changes without a transition. */
export const remember =
  (state: ExperimentState): Update =>
  (context, look) => {
    const { at, facts } = look;
    const { fault } = facts;
    const numbers = fault.fuses.map(({ number }) => number);
    const isGone = state === 'Recovering' && !fault.exists && fault.fuses.length === 0;
    const isBlind = facts.evidence.state !== 'fresh' || facts.admission.state === 'unknown';
    return {
      createdAt: context.createdAt ?? at,
      doses: withReadBack(measured(context, look), look),
      faultSeenAt: fault.exists && context.doses.length > 0 ? (context.faultSeenAt ?? at) : context.faultSeenAt,
      goneAt: isGone ? (context.goneAt ?? at) : null,
      lastFuse: Math.max(context.lastFuse, ...numbers),
      fuseUntil: maxOf([context.fuseUntil, ...fault.fuses.map(({ expiresAt }) => expiresAt)]),
      blindSince: isBlind ? (context.blindSince ?? at) : null,
    };
  };

function maxOf(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** A dose counts from the moment at which the fault was read back with it. */
function withReadBack(doses: readonly GivenDose[], { at, facts: { fault } }: Look): readonly GivenDose[] {
  const present = presentDose({ doses });
  if (present === undefined || present.since !== null || !fault.exists || fault.dosePpm !== present.dosePpm)
    return doses;
  const earlier = doses.slice(0, -1).map((dose) => ({ ...dose, until: dose.until ?? at }));
  return [...earlier, { ...present, since: at }];
}

/**
 * What was counted and judged goes to the dose that it is about. Evidence that knows less than was known already is being read anew, after a
 * restart or where a host went: it takes nothing back.
 */
function measured(context: ExperimentContext, { facts }: Look): readonly GivenDose[] {
  const about = measuredDose(context);
  const { measuredFrom, dose, steadyState } = facts;
  if (about === null || measuredFrom === null || about.since !== measuredFrom) return context.doses;
  const isReadAnew = facts.evidence.state === 'starting' || dose.matched < about.matched;
  if (isReadAnew && !isBreach(steadyState?.kind ?? null)) return context.doses;
  const update: GivenDose = {
    ...about,
    ...(!isReadAnew && {
      ...{ matched: dose.matched, faulted: dose.faulted, isProven: dose.isProven, dose: dose.message },
    }),
    ...judgedOf(about, steadyState),
  };
  return context.doses.map((one) => (one === about ? update : one));
}

function judgedOf(about: GivenDose, now: SteadyStateFact | null): Pick<GivenDose, 'steadyState' | 'judged'> {
  const isForgotten = isBreach(about.steadyState) && !isBreach(now?.kind ?? null);
  if (now === null || isForgotten) return { steadyState: about.steadyState, judged: about.judged };
  return { steadyState: now.kind, judged: now.message };
}
