import type { IncomingHttpHeaders } from 'node:http';

/** What became of a call to the next hop. */
export interface HopResult {
  /** 200, or what our own caller gets instead: 502 when the hop failed, 503 when it could not be reached. */
  readonly status: number;
  /** Who answered, from here on: `checkout=v2,payments=v1`. */
  readonly via: string;
  /** Who failed: `checkout=v2`, or `checkout=none` when no pod answered. */
  readonly failedHop: string | undefined;
  /** Why, in the words of whoever knows: a proxy, or the connection. */
  readonly cause: string | undefined;
  /** The hop refused by a 429. */
  readonly isRefusal?: true;
  /** How long it asks to be left alone, ms. */
  readonly retryAfterMs?: number;
}

/** How a service treats a next hop that refuses, fails or is slow. */
export interface CallerPolicy {
  /** How long it waits for one answer, ms. */
  readonly nextTimeoutMs: number;
  /** Connections to the next hop; calls beyond wait for one, and their time runs. */
  readonly nextConnections: number;
  /** How often a call that failed is repeated, at once. */
  readonly retries: number;
  /** Repeats only after the time that Retry-After asked for. */
  readonly waitsRetryAfter: boolean;
  /** Makes no call at all before the time that the latest Retry-After asked for; what would have been one fails at once. */
  readonly honoursRetryAfter: boolean;
  /** After so many failures in a row no call is made for `breakerOpenMs`, and then one, whose result decides. 0: never. */
  readonly breakerFailures: number;
  readonly breakerOpenMs: number;
  /** A 429 is a failure; without it any answer below 500 will do. */
  readonly refusalsFail: boolean;
  /** Answers its own callers well even where its call failed. */
  readonly fallback: boolean;
}

/** What is to be done next for a request; only a call has a result. */
export type Step = { readonly kind: 'call' } | { readonly kind: 'wait'; readonly ms: number };

/** One request's way through the policy: gives steps, takes the result of each call, and ends with what the request gets. */
export type Way = Generator<Step, HopResult, HopResult | undefined>;

/** What a caller is made of. */
export interface CallerPorts {
  /** Name of the next hop. */
  readonly service: string;
  /** One call; gives up after `nextTimeoutMs`, and never rejects. */
  readonly call: (headers: IncomingHttpHeaders, policy: CallerPolicy) => Promise<HopResult>;
  /** In ms; never goes back. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** Calls the next hop as the policy says; the policy may be another one for each call. */
export type Caller = (headers: IncomingHttpHeaders, policy: CallerPolicy) => Promise<HopResult>;

export function createCaller({ service, call, now, sleep }: CallerPorts): Caller {
  const begin = createManners(service, now);
  return async (headers, policy) => {
    const way = begin(policy);
    let step = way.next();
    while (step.done !== true) {
      if (step.value.kind === 'call') step = way.next(await call(headers, policy));
      else {
        await sleep(step.value.ms);
        step = way.next();
      }
    }
    return step.value;
  };
}

/** The decisions of a caller, and what it remembers from one request to the next; a simulation takes the steps in its own time. */
export function createManners(service: string, now: () => number): (policy: CallerPolicy) => Way {
  const breaker = createBreaker(now);
  let quietUntil = Number.NEGATIVE_INFINITY;

  const notCalled = (cause: string): HopResult => ({
    ...{ status: 503, via: `${service}=none`, failedHop: `${service}=none`, cause },
  });

  function* attempt(policy: CallerPolicy): Way {
    if (policy.honoursRetryAfter && now() < quietUntil) return notCalled('told to come back later');
    const turn = breaker.take(policy);
    if (turn === 'no') return notCalled('the breaker is open');
    const answer = yield { kind: 'call' };
    const result = judged(service, answer ?? notCalled('no answer'), policy);
    breaker.tell(turn, isFailure(result), policy);
    if (result.retryAfterMs !== undefined) quietUntil = Math.max(quietUntil, now() + result.retryAfterMs);
    return result;
  }

  return function* begin(policy) {
    let result = yield* attempt(policy);
    for (let retry = 0; retry < policy.retries && isFailure(result); retry += 1) {
      if (policy.waitsRetryAfter && result.retryAfterMs !== undefined) yield { kind: 'wait', ms: result.retryAfterMs };
      result = yield* attempt(policy);
    }
    if (!isFailure(result) || !policy.fallback) return result;
    return { status: 200, via: `${service}=fallback`, failedHop: undefined, cause: undefined };
  };
}

const isFailure = ({ status }: HopResult): boolean => status !== 200;

function judged(service: string, result: HopResult, { refusalsFail }: CallerPolicy): HopResult {
  if (result.isRefusal !== true || !refusalsFail) return result;
  return { ...result, status: 503, failedHop: `${service}=none`, cause: '429' };
}

type Turn = 'yes' | 'probe' | 'no';

/** Opens after failures in a row, and lets one call through when its time is over. */
function createBreaker(now: () => number) {
  let failures = 0;
  let openUntil = Number.NEGATIVE_INFINITY;
  let isProbing = false;
  return {
    take({ breakerFailures }: CallerPolicy): Turn {
      if (breakerFailures === 0 || failures < breakerFailures) return 'yes';
      if (isProbing || now() < openUntil) return 'no';
      isProbing = true;
      return 'probe';
    },
    tell(turn: Turn, hasFailed: boolean, { breakerOpenMs }: CallerPolicy): void {
      if (turn === 'probe') isProbing = false;
      failures = hasFailed ? failures + 1 : 0;
      if (hasFailed) openUntil = now() + breakerOpenMs;
    },
  };
}
