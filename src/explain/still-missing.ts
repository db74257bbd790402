import { outlookInWords, type Verdict } from '../../machines/judge/index.ts';

/** What a release waits for whose evidence holds it, by the verdict's reason. Reasons of which only more requests are missing have none. */
const MISSING: Readonly<Record<string, string>> = {
  StableBreachesSlo: 'goes on once stable keeps the objective again, or the canary alone is shown to keep it',
  CanaryBreachesSlo: 'goes on once the canary keeps the objective',
  BreachSinceStep: 'taken back if stable recovers without it as fast, goes on if that takes longer',
  BreachUncompared: 'goes back to a weight at which stable gets requests to compare with',
  StarvedCanary: 'goes on once it gets requests',
  TooLittleToDecide: 'the next requests decide',
  StablePodAsBad: 'the next requests decide',
  SuspectedHarm: 'the next requests decide',
};

/** What has to happen before a release that is held goes on; null where nothing but more requests is missing. */
export function missingFor(reason: string): string | null {
  return MISSING[reason] ?? null;
}

/** What is missing until the objective is shown to be kept, and when that is expected; null once the release is taken back. */
export function stillMissing({
  kind,
  reason,
  acceptance,
}: Pick<Verdict, 'kind' | 'reason' | 'acceptance'>): string | null {
  // What can be tolerated follows stable, which says nothing where stable is what is wrong.
  const isSaid = reason === 'BetterThanStable' && acceptance.reached;
  return kind === 'Rollback' || isSaid ? null : (missingFor(reason) ?? outlookInWords(acceptance));
}
