import { describe, expect, it } from 'vitest';
import { PLAIN } from './behaviour.ts';
import { type CallerPolicy, createCaller, type HopResult } from './caller.ts';
import { hopResult } from './next-hop.ts';

const GOOD = hopResult('payments', 200, { 'x-version': 'v1' });
const BAD = hopResult('payments', 503, {});
const REFUSED = hopResult('payments', 429, { 'retry-after': '2' });

/** A caller on a clock of its own whose next hop answers as it is told, the last answer for ever. */
function scene(...answers: HopResult[]) {
  let at = 0;
  let calls = 0;
  const caller = createCaller({
    service: 'payments',
    call: async () => answers[Math.min(calls++, answers.length - 1)] ?? GOOD,
    now: () => at,
    sleep: async (ms) => {
      at += ms;
    },
  });
  return {
    ask: (policy: Partial<CallerPolicy> = {}) => caller({}, { ...PLAIN, ...policy }),
    wait: (ms: number) => {
      at += ms;
    },
    now: () => at,
    calls: () => calls,
  };
}

describe('a caller', () => {
  it('calls once and passes on what came where it has no policy', async () => {
    const { ask, calls } = scene(BAD);
    expect(await ask()).toEqual(BAD);
    expect(calls()).toBe(1);
  });

  it('repeats what failed, and only that', async () => {
    const { ask, calls } = scene(BAD, BAD, GOOD, GOOD);
    expect(await ask({ retries: 3 })).toEqual(GOOD);
    expect(await ask({ retries: 3 })).toEqual(GOOD);
    expect(calls()).toBe(4);
  });

  it('answers well without the next hop where it has a fallback', async () => {
    expect(await scene(BAD).ask({ fallback: true })).toMatchObject({ status: 200, via: 'payments=fallback' });
    expect(await scene(GOOD).ask({ fallback: true })).toEqual(GOOD);
  });

  it('takes a refusal for an answer unless that is a failure', async () => {
    expect(await scene(REFUSED).ask()).toMatchObject({ status: 200 });
    expect(await scene(REFUSED).ask({ refusalsFail: true })).toMatchObject({ status: 503, cause: '429' });
  });
});

describe('Retry-After', () => {
  it('is waited for before the call is repeated', async () => {
    const { ask, now } = scene(REFUSED, REFUSED, GOOD);
    expect(await ask({ refusalsFail: true, retries: 2, waitsRetryAfter: true })).toEqual(GOOD);
    expect(now()).toBe(4_000);
  });

  it('keeps all calls away until it is over', async () => {
    const { ask, wait, calls } = scene(REFUSED, GOOD);
    const policy = { refusalsFail: true, honoursRetryAfter: true };
    await ask(policy);
    wait(1_999);
    expect(await ask(policy)).toMatchObject({ status: 503, cause: 'told to come back later' });
    expect(calls()).toBe(1);
    wait(1);
    expect(await ask(policy)).toEqual(GOOD);
  });
});

describe('the breaker', () => {
  const policy = { breakerFailures: 2, breakerOpenMs: 1_000 };

  it('opens after failures in a row, and closes when the one call that it lets through succeeds', async () => {
    const { ask, wait, calls } = scene(BAD, GOOD, BAD, BAD, BAD, GOOD, GOOD);
    for (let call = 0; call < 4; call += 1) await ask(policy);
    expect(await ask(policy)).toMatchObject({ cause: 'the breaker is open' });
    expect(calls()).toBe(4);
    wait(1_000);
    expect(await ask(policy)).toEqual(BAD);
    expect(await ask(policy)).toMatchObject({ cause: 'the breaker is open' });
    wait(1_000);
    expect(await ask(policy)).toEqual(GOOD);
    expect(await ask(policy)).toEqual(GOOD);
    expect(calls()).toBe(7);
  });

  it('lets only one call through at a time', async () => {
    let finish = (_: HopResult) => {};
    let at = 0;
    const answers = [BAD, BAD];
    const caller = createCaller({
      service: 'payments',
      call: () => {
        const answer = answers.shift();
        return answer === undefined ? new Promise((resolve) => (finish = resolve)) : Promise.resolve(answer);
      },
      now: () => at,
      sleep: async () => {},
    });
    const ask = () => caller({}, { ...PLAIN, ...policy });
    await ask();
    await ask();
    at = 1_000;
    const probe = ask();
    expect(await ask()).toMatchObject({ cause: 'the breaker is open' });
    finish(GOOD);
    expect(await probe).toEqual(GOOD);
  });
});
