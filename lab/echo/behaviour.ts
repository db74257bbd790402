import type { CallerPolicy } from './caller.ts';

/** How an echo answers, and calls its next hop; every field may be changed while it runs. */
export interface Behaviour extends CallerPolicy {
  /** Share of requests answered with `errorStatus`, 0 to 1. */
  readonly errorRatio: number;
  /** 400 to 599; 0: the connection is closed without an answer. */
  readonly errorStatus: number;
  /** Median delay of an answer, ms. */
  readonly latencyMs: number;
  /** How far delays lie apart: standard deviation of their logarithm. 0: all the same; 0.3: nine in ten within a factor of 1.6. */
  readonly latencySpread: number;
  /** Share of requests delayed by `slowMs` more, 0 to 1. */
  readonly slowRatio: number;
  readonly slowMs: number;
  /** Calls of the next hop ask it to fail; see `overloadMs`. */
  readonly overloads: boolean;
  /** How long all requests fail after one that asks for it, ms; 0: such a request is one like any other. */
  readonly overloadMs: number;
  /** An answer's body is at least so long, in bytes. */
  readonly answerBytes: number;
  /** What `/healthz` says. */
  readonly ready: boolean;
}

/** What one request gets. */
export interface Fate {
  readonly isError: boolean;
  readonly delayMs: number;
}

const FLAGS = ['overloads', 'ready', 'waitsRetryAfter', 'honoursRetryAfter', 'refusalsFail', 'fallback'] as const;
type Flag = (typeof FLAGS)[number];

const RANGES: Readonly<Record<Exclude<keyof Behaviour, Flag>, readonly [number, number]>> = {
  errorRatio: [0, 1],
  errorStatus: [400, 599],
  latencyMs: [0, 600_000],
  latencySpread: [0, 3],
  slowRatio: [0, 1],
  slowMs: [0, 600_000],
  overloadMs: [0, 600_000],
  answerBytes: [0, 1_048_576],
  nextTimeoutMs: [1, 600_000],
  nextConnections: [1, 4096],
  retries: [0, 10],
  breakerFailures: [0, 1000],
  breakerOpenMs: [0, 600_000],
};

const VARIABLES: Readonly<Record<keyof Behaviour, string>> = {
  errorRatio: 'ERROR_RATIO',
  errorStatus: 'ERROR_STATUS',
  latencyMs: 'LATENCY_MS',
  latencySpread: 'LATENCY_SPREAD',
  slowRatio: 'SLOW_RATIO',
  slowMs: 'SLOW_MS',
  overloads: 'OVERLOADS',
  overloadMs: 'OVERLOAD_MS',
  answerBytes: 'ANSWER_BYTES',
  ready: 'READY',
  nextTimeoutMs: 'NEXT_TIMEOUT_MS',
  nextConnections: 'NEXT_CONNECTIONS',
  retries: 'RETRIES',
  waitsRetryAfter: 'WAITS_RETRY_AFTER',
  honoursRetryAfter: 'HONOURS_RETRY_AFTER',
  breakerFailures: 'BREAKER_FAILURES',
  breakerOpenMs: 'BREAKER_OPEN_MS',
  refusalsFail: 'REFUSALS_FAIL',
  fallback: 'FALLBACK',
};

/** How an echo answers where nothing else is asked for. */
export const PLAIN: Behaviour = {
  errorRatio: 0,
  errorStatus: 500,
  latencyMs: 0,
  latencySpread: 0,
  slowRatio: 0,
  slowMs: 0,
  overloads: false,
  overloadMs: 0,
  answerBytes: 0,
  ready: true,
  nextTimeoutMs: 5_000,
  nextConnections: 256,
  retries: 0,
  waitsRetryAfter: false,
  honoursRetryAfter: false,
  breakerFailures: 0,
  breakerOpenMs: 1_000,
  refusalsFail: false,
  fallback: false,
};

const isFlag = (field: string): field is Flag => (FLAGS as readonly string[]).includes(field);

function isRanged(field: string): field is keyof typeof RANGES {
  return field in RANGES;
}

function check(field: string, value: unknown): void {
  if (field === 'errorStatus' && value === 0) return;
  if (isFlag(field)) {
    if (typeof value !== 'boolean') throw new Error(`${field} must be true or false`);
    return;
  }
  if (!isRanged(field)) throw new Error(`there is no field ${field}; there are ${Object.keys(PLAIN).join(', ')}`);
  const [from, to] = RANGES[field];
  const isInRange = typeof value === 'number' && value >= from && value <= to;
  if (!isInRange) throw new Error(`${field} must be a number from ${from} to ${to}`);
}

/** `before` with the fields of `change` replaced. Throws an Error that names the field and what it may be. */
export function changeBehaviour(before: Behaviour, change: unknown): Behaviour {
  if (typeof change !== 'object' || change === null) throw new Error('send a JSON object, such as {"errorRatio": 0.3}');
  for (const [field, value] of Object.entries(change)) check(field, value);
  return { ...before, ...change };
}

/** The behaviour that the environment asks for (ERROR_RATIO, LATENCY_MS, READY and so on). */
export function behaviourFrom(env: Readonly<Record<string, string | undefined>>): Behaviour {
  const change: Record<string, unknown> = {};
  for (const [field, variable] of Object.entries(VARIABLES)) {
    const value = env[variable];
    if (value) change[field] = isFlag(field) ? value !== 'false' : Number(value);
  }
  return changeBehaviour(PLAIN, change);
}

/** The environment that asks for `change`. */
export function environmentFor(change: Partial<Behaviour>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(change).map(([field, value]) => [VARIABLES[field as keyof Behaviour], String(value)]),
  );
}

/** A sequence of numbers from 0 to 1 that is the same for the same seed (mulberry32 over a hash of the seed). */
export function seededRandom(seed: string): () => number {
  let state = 2_166_136_261;
  for (const character of seed) state = Math.imul(state ^ character.charCodeAt(0), 16_777_619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Decides about each request on its own, like real faults do: the number of errors in a row of requests is binomial, and the
 * same seed gives the same decisions in the same order.
 */
export function nextFate(behaviour: Behaviour, random: () => number): Fate {
  const isError = random() < behaviour.errorRatio;
  const isSlow = random() < behaviour.slowRatio;
  const spread = behaviour.latencySpread === 0 ? 1 : Math.exp(behaviour.latencySpread * normal(random));
  return { isError, delayMs: behaviour.latencyMs * spread + (isSlow ? behaviour.slowMs : 0) };
}

/** A standard normal number, by Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
