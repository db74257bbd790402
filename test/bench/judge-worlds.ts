import type { ArmCounts, Batch } from '../../machines/judge/index.ts';
import type { Random } from './judge-random.ts';

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
  readonly failures?: Clumps | Wandering;
}

/** Failures come in clumps of geometric size: retries, one bad connection, one bad customer. */
export interface Clumps {
  readonly kind: 'clumps';
  readonly meanSize: number;
}

/** Each version's failure ratio wanders by itself: exp of an AR(1) process with mean ratio kept. */
export interface Wandering {
  readonly kind: 'wandering';
  readonly deviation: number;
  readonly memoryS: number;
}

/** Yields the batches of one run, each `TICK_S` long; `at` begins at one tick. */
export function* trafficOf(world: World, random: Random, seconds: number): Generator<Batch> {
  const arms = { canary: wanderer(world, random), stable: wanderer(world, random) };
  for (let t = 0; t < seconds; t += TICK_S) {
    const share = world.share(t);
    yield {
      at: (t + TICK_S) * 1000,
      canary: countsOf(world, random, world.rate * share * TICK_S, world.canary(t) * arms.canary()),
      stable: countsOf(world, random, world.rate * (1 - share) * TICK_S, world.stable(t) * arms.stable()),
    };
  }
}

/** Failed and good requests are independent Poisson numbers when failures are independent. */
function countsOf(world: World, random: Random, expected: number, ratio: number): ArmCounts {
  const p = Math.min(1, ratio);
  const good = random.poisson(expected * (1 - p));
  const failures = failuresOf(world, random, expected * p);
  return { requests: good + failures, failures };
}

function failuresOf({ failures }: World, random: Random, expected: number): number {
  if (failures?.kind !== 'clumps') return random.poisson(expected);
  let sum = 0;
  for (let left = random.poisson(expected / failures.meanSize); left > 0; left--)
    sum += random.geometric(failures.meanSize);
  return sum;
}

function wanderer({ failures }: World, random: Random): () => number {
  if (failures?.kind !== 'wandering') return () => 1;
  const { deviation, memoryS } = failures;
  const keep = Math.exp(-TICK_S / memoryS);
  let level = deviation * random.normal();
  return () => {
    level = keep * level + deviation * Math.sqrt(1 - keep * keep) * random.normal();
    return Math.exp(level - (deviation * deviation) / 2);
  };
}

/** Adds up consecutive batches; the sum ends where the last one ends. */
export function joined(batches: readonly Batch[]): Batch {
  const sum = (arm: 'canary' | 'stable') => ({
    requests: batches.reduce((total, batch) => total + batch[arm].requests, 0),
    failures: batches.reduce((total, batch) => total + batch[arm].failures, 0),
  });
  return { at: batches.at(-1)?.at ?? 0, canary: sum('canary'), stable: sum('stable') };
}
