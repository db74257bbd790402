import type { RolloutSpecInput } from '../../lab/shop/manifests.ts';
import { createDice } from '../sim/dice.ts';

/** A release of one Service and an experiment on it. */
export interface Scene {
  readonly run: number;
  /** Share of the new version's answers that fail; 0: a good one. */
  readonly errorRatio: number;
  readonly steps: NonNullable<RolloutSpecInput['steps']>;
  readonly fault: object;
  /** What callers' proxies write of a touched request. */
  readonly flag: 'FI' | 'DI';
  readonly ramp: readonly { readonly percentage: number; readonly for: string }[];
  /** When the experiment is created, counted from the begin of the release; negative: before it. */
  readonly offsetMs: number;
}

/** A baseline lasts 10 s, so the first dose falls between 10 s before the release and its end. */
const OFFSET_MS = [-20_000, 20_000] as const;

/** The same for the same number. */
export function sceneOf(run: number): Scene {
  const dice = createDice(run);
  const seconds = (min: number, max: number) => `${dice.int(min, max)}s`;
  const isBad = dice.chance(0.4);
  const isAbort = dice.chance(0.5);
  return {
    run,
    errorRatio: isBad ? dice.pick([0.3, 0.6, 1]) : 0,
    steps: [
      { weight: dice.int(10, 30), hold: seconds(3, 10) },
      { weight: dice.int(40, 80), hold: seconds(3, 10) },
      { weight: 100 },
    ],
    ...(isAbort
      ? { fault: { abort: { httpStatus: dice.pick([500, 503, 555]) } }, flag: 'FI' }
      : { fault: { delay: { fixed: `${dice.int(100, 400)}ms` } }, flag: 'DI' }),
    // A dose is proven by scrapes that begin 10 s after it.
    ramp: [
      { percentage: dice.int(5, 20), for: seconds(22, 30) },
      { percentage: dice.int(25, 50), for: seconds(22, 30) },
    ],
    offsetMs: dice.int(...OFFSET_MS),
  };
}

/** The route of a user who cares: all of it must be there at the end. */
export const USERS_ROUTE = {
  hosts: ['checkout'],
  http: [
    {
      name: 'beta',
      match: [{ headers: { 'x-beta': { exact: 'yes' } } }],
      rewrite: { uri: '/beta' },
      route: [{ destination: { host: 'checkout' } }],
    },
    {
      name: 'rest',
      timeout: '7s',
      retries: { attempts: 2, perTryTimeout: '3s', retryOn: 'connect-failure,refused-stream' },
      route: [{ destination: { host: 'checkout', port: { number: 80 } } }],
    },
  ],
} as const;
