import { setup } from 'xstate';
import { type AnnounceCommand, ended, finished, injecting, started } from './announcements.ts';
import { type ExperimentContext, initialContext } from './context.ts';
import type { ExperimentState } from './desired.ts';
import { reasonToEnd } from './ending.ts';
import { burningFuses, isDoseOver, type Look, nextDose } from './look.ts';
import { begin, endFrom, enter, finish, raise, remember, type Update } from './updates.ts';

/** The one event: somebody looked. A repeated look changes nothing, and a lost one is made up for by the next. */
export interface LookedEvent extends Look {
  readonly type: 'LOOKED';
}

interface Args {
  readonly context: ExperimentContext;
  readonly event: LookedEvent;
}

/** How long it is waited for a sight of callers that are untouched again, in ms; after that the verdict says what was seen instead. */
const UNSEEN_MS = 120_000;

const experimentSetup = setup({
  types: { context: {} as ExperimentContext, events: {} as LookedEvent },
  // The parameter is the whole command; performing it is the caller's business.
  actions: { command: (_, _command: AnnounceCommand) => undefined },
});

const update = (change: Update) => experimentSetup.assign(({ context, event }: Args) => change(context, event));
const announce = (announcement: (context: ExperimentContext, look: Look) => AnnounceCommand) => ({
  type: 'command' as const,
  params: ({ context, event }: Args) => announcement(context, event),
});
const when =
  (holds: (context: ExperimentContext, look: Look) => boolean) =>
  ({ context, event }: Args) =>
    holds(context, event);

/** The way out, considered before anything else. */
const endNow = (state: ExperimentState) => ({
  guard: when((context, look) => reasonToEnd(state, context, look) !== null),
  target: 'Recovering' as const,
  actions: [update(endFrom(state)), announce(ended)],
});

const keep = (state: ExperimentState) => ({ actions: [update(remember(state))] });

const isAdmitted = ({ facts }: Look) => facts.admission.state === 'allowed';

/** While somebody would see what a fault does. */
const canSee = ({ facts }: Look) => facts.evidence.state === 'fresh';

function isClean({ goneAt, injectedAt }: ExperimentContext, { at, facts }: Look): boolean {
  if (goneAt === null) return false;
  return injectedAt === null || facts.isClean === true || at >= goneAt + UNSEEN_MS;
}

/**
 * One experiment. The states and what each of them waits for:
 *
 *   Pending     it is admitted                                               → Baseline
 *   Baseline    the steady state was watched, and holds or may hold          → Arming
 *   Arming      a fuse burns, and it is still admitted                       → Injecting
 *   Injecting   one dose after the other, each for its time                  → Recovering
 *   Recovering  fault and fuses are gone and callers were seen untouched     → Finished
 *               (or were not, for two minutes)
 *
 *   from Pending..Injecting, at any time, before anything else: Recovering
 */
export const experimentMachine = experimentSetup.createMachine({
  id: 'experiment',
  context: initialContext,
  initial: 'Pending',
  states: {
    Pending: {
      on: {
        LOOKED: [
          endNow('Pending'),
          {
            guard: when((_, look) => isAdmitted(look)),
            target: 'Baseline',
            actions: [update(begin), announce(started)],
          },
          keep('Pending'),
        ],
      },
    },
    Baseline: {
      on: {
        LOOKED: [
          endNow('Baseline'),
          {
            guard: when(
              (context, look) => look.at >= context.since + look.plan.baselineMs && isAdmitted(look) && canSee(look),
            ),
            target: 'Arming',
            actions: [update(enter)],
          },
          keep('Baseline'),
        ],
      },
    },
    Arming: {
      on: {
        LOOKED: [
          endNow('Arming'),
          {
            guard: when((_, look) => burningFuses(look).length > 0 && isAdmitted(look) && canSee(look)),
            target: 'Injecting',
            actions: [update(raise), announce(injecting)],
          },
          keep('Arming'),
        ],
      },
    },
    Injecting: {
      on: {
        LOOKED: [
          endNow('Injecting'),
          {
            guard: when(
              (context, look) =>
                isDoseOver(context, look) &&
                nextDose(context, look.plan) !== undefined &&
                isAdmitted(look) &&
                canSee(look),
            ),
            actions: [update(raise), announce(injecting)],
          },
          keep('Injecting'),
        ],
      },
    },
    Recovering: {
      on: {
        LOOKED: [
          { guard: when(isClean), target: 'Finished', actions: [update(finish), announce(finished)] },
          keep('Recovering'),
        ],
      },
    },
    Finished: { type: 'final' },
  },
});
