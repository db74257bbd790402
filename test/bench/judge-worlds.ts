import type { ArmCounts, Batch } from '../../machines/judge/index.ts';
import { createWanderer, type FailurePattern, failuresOf } from '../../src/simulate/failures.ts';
import type { Random } from '../../src/simulate/random.ts';

/** Length of the finest batch in seconds; every rule looks at multiples of it. */
export const TICK_S = 5;

/** A service under load, as it truly is. */
export interface World {
  /** Requests per second of both versions together. */
  readonly rate: number;
  /** Share of the requests that the canary gets after `t` seconds. */
  readonly share: (t: number) => number;
  /** True failure ratios after `t` seconds. */
  readonly canary: (t: number) => number;
  readonly stable: (t: number) => number;
  /** How failures come; independent without it. */
  readonly failures?: FailurePattern;
}

/** Yields the batches of one run, each `TICK_S` long; `at` begins at one tick. */
export function* trafficOf(world: World, random: Random, seconds: number): Generator<Batch> {
  const arms = {
    canary: createWanderer(world.failures, random),
    stable: createWanderer(world.failures, random),
  };
  for (let t = 0; t < seconds; t += TICK_S) {
    const share = world.share(t);
    yield {
      at: (t + TICK_S) * 1000,
      canary: countsOf(world, random, world.rate * share * TICK_S, world.canary(t) * arms.canary(TICK_S)),
      stable: countsOf(world, random, world.rate * (1 - share) * TICK_S, world.stable(t) * arms.stable(TICK_S)),
    };
  }
}

/** Failed and good requests are independent Poisson numbers when failures are independent. */
function countsOf(world: World, random: Random, expected: number, ratio: number): ArmCounts {
  const p = Math.min(1, ratio);
  const good = random.poisson(expected * (1 - p));
  const failures = failuresOf(world.failures, random, expected * p);
  return { requests: good + failures, failures };
}

/** Adds up consecutive batches; the sum ends where the last one ends. */
export function joined(batches: readonly Batch[]): Batch {
  const sum = (arm: 'canary' | 'stable') => ({
    requests: batches.reduce((total, batch) => total + batch[arm].requests, 0),
    failures: batches.reduce((total, batch) => total + batch[arm].failures, 0),
  });
  return { at: batches.at(-1)?.at ?? 0, canary: sum('canary'), stable: sum('stable') };
}
