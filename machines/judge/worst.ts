import type { Verdict } from './verdict.ts';

/** The reasons to hold that ask for another route come before all others. */
const ASKS_FOR_ROUTE: readonly Verdict['reason'][] = ['BreachSinceStep', 'BreachUncompared'];

/** Of the verdicts on several objectives the one that decides; undefined where there is none. */
export function worstVerdict<T extends Pick<Verdict, 'kind' | 'reason'>>(verdicts: readonly T[]): T | undefined {
  return (
    verdicts.find(({ kind }) => kind === 'Rollback') ??
    verdicts.find(({ reason }) => ASKS_FOR_ROUTE.includes(reason)) ??
    verdicts.find(({ kind }) => kind === 'Hold') ??
    verdicts[0]
  );
}
