import type { FailurePattern } from './failures.ts';

/** How requests come, and how they fail when nothing is wrong. */
export interface Traffic {
  readonly name: string;
  /** For people; ends without a full stop. */
  readonly description: string;
  /** Requests per second on average, unless the user says otherwise. */
  readonly requestRate: number;
  /** Factor on the rate at a share of the day. */
  readonly factorAt: (dayShare: number) => number;
  readonly failures?: FailurePattern;
}

const always = () => 1;

/** The profiles of `--traffic`. */
export const TRAFFIC: readonly Traffic[] = [
  { name: 'steady', description: 'independent requests at a constant rate', requestRate: 100, factorAt: always },
  {
    name: 'diurnal',
    description: 'a day with four times as many requests at its height as at its low, begun at any hour',
    requestRate: 100,
    factorAt: (dayShare) => 1 + 0.6 * Math.sin(2 * Math.PI * dayShare),
  },
  { name: 'low', description: 'one request a second', requestRate: 1, factorAt: always },
  {
    name: 'bursty',
    description: 'failures come in clumps of five on average, as with retries',
    requestRate: 100,
    factorAt: always,
    failures: { kind: 'clumps', meanSize: 5 },
  },
  {
    name: 'autocorrelated',
    description: "each version's failure ratio wanders by itself over a minute or so",
    requestRate: 100,
    factorAt: always,
    failures: { kind: 'wandering', deviation: 0.6, memoryS: 60 },
  },
];
