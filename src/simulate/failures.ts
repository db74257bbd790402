import type { Random } from './random.ts';

/** How the failures of a service come; independent of each other where no pattern is given. */
export type FailurePattern = Clumps | Wandering;

/** Failures come in clumps of geometric size: retries, one bad connection, one bad customer. */
export interface Clumps {
  readonly kind: 'clumps';
  readonly meanSize: number;
}

/** Each version's failure ratio wanders by itself: exp of an AR(1) process, its mean kept. */
export interface Wandering {
  readonly kind: 'wandering';
  readonly deviation: number;
  readonly memoryS: number;
}

/** Number of failures of which `expected` are expected; in clumps their number varies more. */
export function failuresOf(pattern: FailurePattern | undefined, random: Random, expected: number): number {
  if (pattern?.kind !== 'clumps') return random.poisson(expected);
  let sum = 0;
  for (let left = random.poisson(expected / pattern.meanSize); left > 0; left--)
    sum += random.geometric(pattern.meanSize);
  return sum;
}

/** Gives the factor on one version's failure ratio for the next `seconds`; always 1 unless it wanders. */
export function createWanderer(pattern: FailurePattern | undefined, random: Random): (seconds: number) => number {
  if (pattern?.kind !== 'wandering') return () => 1;
  const { deviation, memoryS } = pattern;
  let level = deviation * random.normal();
  return (seconds) => {
    const keep = Math.exp(-seconds / memoryS);
    level = keep * level + deviation * Math.sqrt(1 - keep * keep) * random.normal();
    return Math.exp(level - (deviation * deviation) / 2);
  };
}
