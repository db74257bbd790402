import { createRandom } from '../../src/simulate/random.ts';
import { type Mean, meanOf, type Share, shareOf } from '../../src/simulate/statistics.ts';
import type { Rule } from './judge-rules.ts';
import { TICK_S, trafficOf, type World } from './judge-worlds.ts';

/** How a rule did over many runs of one world. */
export interface Outcome {
  /** Seconds to the rollback; a run without one counts with its whole length. */
  readonly seconds: Mean;
  /** Failed canary requests until then. */
  readonly failed: Mean;
  /** Runs that were rolled back. */
  readonly rolledBack: Share;
}

/** What to repeat, and how often. */
export interface Runs {
  readonly runs: number;
  readonly seed: number;
  /** Length of a run. */
  readonly seconds: number;
  /** Delay and failures count from here; what is rolled back before is left out. */
  readonly fromS?: number;
}

interface Result {
  readonly seconds: number;
  readonly failed: number;
  readonly rolledBack: boolean;
}

/** Shows every rule the same runs of a world. */
export function compare<Name extends string>(
  world: World,
  rules: Readonly<Record<Name, () => Rule>>,
  { runs, seed, seconds, fromS = 0 }: Runs,
): Readonly<Record<Name, Outcome>> {
  const names = Object.keys(rules) as Name[];
  const results = new Map<Name, Result[]>(names.map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const [name, result] of oneRun(world, rules, { runs, seed: seed + run * 7919, seconds, fromS })) {
      if (result !== null) results.get(name)?.push(result);
    }
  }
  return Object.fromEntries(names.map((name) => [name, outcomeOf(results.get(name) ?? [])])) as Record<Name, Outcome>;
}

function oneRun<Name extends string>(
  world: World,
  rules: Readonly<Record<Name, () => Rule>>,
  { seed, seconds, fromS = 0 }: Runs,
): ReadonlyMap<Name, Result | null> {
  const waiting = new Map((Object.keys(rules) as Name[]).map((name) => [name, rules[name]()]));
  const results = new Map<Name, Result | null>();
  let failed = 0;
  let t = 0;
  for (const batch of trafficOf(world, createRandom(seed), seconds)) {
    t += TICK_S;
    if (t > fromS) failed += batch.canary.failures;
    for (const [name, rule] of waiting) {
      if (!rule(batch)) continue;
      waiting.delete(name);
      results.set(name, t <= fromS ? null : { seconds: t - fromS, failed, rolledBack: true });
    }
    if (waiting.size === 0) return results;
  }
  for (const name of waiting.keys()) results.set(name, { seconds: seconds - fromS, failed, rolledBack: false });
  return results;
}

function outcomeOf(results: readonly Result[]): Outcome {
  return {
    seconds: meanOf(results.map((result) => result.seconds)),
    failed: meanOf(results.map((result) => result.failed)),
    rolledBack: shareOf(results.filter((result) => result.rolledBack).length, results.length),
  };
}
