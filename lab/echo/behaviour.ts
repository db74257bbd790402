/** How an echo answers; every field may be changed while it runs. */
export interface Behaviour {
  /** Share of requests answered with `errorStatus`, 0 to 1. */
  readonly errorRatio: number;
  readonly errorStatus: number;
  /** Delay of every answer, ms. */
  readonly latencyMs: number;
  /** Share of requests delayed by `slowMs` instead, 0 to 1. */
  readonly slowRatio: number;
  readonly slowMs: number;
  /** What `/healthz` says. */
  readonly ready: boolean;
}

/** What one request gets. */
export interface Fate {
  readonly isError: boolean;
  readonly delayMs: number;
}

const RANGES: Readonly<Record<Exclude<keyof Behaviour, 'ready'>, readonly [number, number]>> = {
  errorRatio: [0, 1],
  errorStatus: [400, 599],
  latencyMs: [0, 600_000],
  slowRatio: [0, 1],
  slowMs: [0, 600_000],
};

const VARIABLES: Readonly<Record<Exclude<keyof Behaviour, 'ready'>, string>> = {
  errorRatio: 'ERROR_RATIO',
  errorStatus: 'ERROR_STATUS',
  latencyMs: 'LATENCY_MS',
  slowRatio: 'SLOW_RATIO',
  slowMs: 'SLOW_MS',
};

const DEFAULTS: Behaviour = { errorRatio: 0, errorStatus: 500, latencyMs: 0, slowRatio: 0, slowMs: 0, ready: true };

function isRanged(field: string): field is keyof typeof RANGES {
  return field in RANGES;
}

function check(field: string, value: unknown): void {
  if (field === 'ready') {
    if (typeof value !== 'boolean') throw new Error('ready must be true or false');
    return;
  }
  if (!isRanged(field)) throw new Error(`there is no field ${field}; there are ${Object.keys(DEFAULTS).join(', ')}`);
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

/** The behaviour that the environment asks for (ERROR_RATIO, ERROR_STATUS, LATENCY_MS, SLOW_RATIO, SLOW_MS, READY). */
export function behaviourFrom(env: Readonly<Record<string, string | undefined>>): Behaviour {
  const change: Record<string, unknown> = {};
  for (const [field, variable] of Object.entries(VARIABLES)) {
    if (env[variable]) change[field] = Number(env[variable]);
  }
  if (env['READY']) change['ready'] = env['READY'] !== 'false';
  return changeBehaviour(DEFAULTS, change);
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
  return { isError, delayMs: isSlow ? behaviour.slowMs : behaviour.latencyMs };
}
