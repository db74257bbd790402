import { describe, expect, it } from 'vitest';
import { type Behaviour, behaviourFrom, changeBehaviour, environmentFor, nextFate, seededRandom } from './behaviour.ts';

const plain = behaviourFrom({});

function fates(behaviour: Behaviour, seed: string, count: number) {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => nextFate(behaviour, random));
}

describe('the behaviour of an echo', () => {
  it('is to answer well and at once where nothing else is asked for', () => {
    expect(fates(plain, 'a', 100).every(({ isError, delayMs }) => !isError && delayMs === 0)).toBe(true);
    expect(plain.ready).toBe(true);
  });

  it('comes from the environment', () => {
    const env = {
      ERROR_RATIO: '0.3',
      ERROR_STATUS: '503',
      LATENCY_MS: '20',
      LATENCY_SPREAD: '0.3',
      SLOW_RATIO: '0.01',
      SLOW_MS: '900',
      OVERLOADS: 'true',
      OVERLOAD_MS: '2000',
      ANSWER_BYTES: '4096',
      READY: 'false',
      NEXT_TIMEOUT_MS: '400',
      NEXT_CONNECTIONS: '4',
      RETRIES: '3',
      WAITS_RETRY_AFTER: 'true',
      HONOURS_RETRY_AFTER: 'true',
      BREAKER_FAILURES: '5',
      BREAKER_OPEN_MS: '2000',
      REFUSALS_FAIL: 'true',
      FALLBACK: 'true',
    };
    const behaviour: Behaviour = {
      errorRatio: 0.3,
      errorStatus: 503,
      latencyMs: 20,
      latencySpread: 0.3,
      slowRatio: 0.01,
      slowMs: 900,
      overloads: true,
      overloadMs: 2000,
      answerBytes: 4096,
      ready: false,
      nextTimeoutMs: 400,
      nextConnections: 4,
      retries: 3,
      waitsRetryAfter: true,
      honoursRetryAfter: true,
      breakerFailures: 5,
      breakerOpenMs: 2_000,
      refusalsFail: true,
      fallback: true,
    };
    expect(behaviourFrom(env)).toEqual(behaviour);
    expect(environmentFor(behaviour)).toEqual(env);
  });

  it('keeps what a change does not name', () => {
    expect(changeBehaviour({ ...plain, latencyMs: 5 }, { errorRatio: 1 })).toMatchObject({
      errorRatio: 1,
      latencyMs: 5,
    });
  });

  it.each([
    [{ errorRatio: 2 }, 'errorRatio must be a number from 0 to 1'],
    [{ errorRatio: '0.3' }, 'errorRatio must be'],
    [{ errorStatus: 200 }, 'errorStatus must be'],
    [{ latencyMs: Number.NaN }, 'latencyMs must be'],
    [{ overloads: 1 }, 'overloads must be true or false'],
    [{ ready: 1 }, 'ready must be true or false'],
    [{ erorRatio: 0 }, 'there is no field erorRatio'],
    [null, 'send a JSON object'],
  ])('refuses %j by name', (change, message) => {
    expect(() => changeBehaviour(plain, change)).toThrow(message);
  });

  it('may be to close the connection instead of an error', () => {
    expect(changeBehaviour(plain, { errorStatus: 0 }).errorStatus).toBe(0);
  });

  it('fails about its share of requests', () => {
    const errors = fates({ ...plain, errorRatio: 0.3 }, 'pod-1', 10_000).filter(({ isError }) => isError).length;
    expect(errors).toBeGreaterThan(2_850);
    expect(errors).toBeLessThan(3_150);
  });

  it('decides the same again with the same seed, and otherwise with another', () => {
    const half = { ...plain, errorRatio: 0.5 };
    expect(fates(half, 'pod-1', 100)).toEqual(fates(half, 'pod-1', 100));
    expect(fates(half, 'pod-1', 100)).not.toEqual(fates(half, 'pod-2', 100));
  });

  it('slows its share of requests and no others', () => {
    const delays = fates({ ...plain, latencyMs: 10, slowRatio: 0.1, slowMs: 500 }, 'x', 10_000).map(
      ({ delayMs }) => delayMs,
    );
    const slow = delays.filter((delayMs) => delayMs === 510).length;
    expect(slow).toBeGreaterThan(850);
    expect(slow).toBeLessThan(1_150);
    expect(delays.filter((delayMs) => delayMs === 10)).toHaveLength(10_000 - slow);
  });

  it('spreads its delays around their median', () => {
    const delays = fates({ ...plain, latencyMs: 40, latencySpread: 0.3 }, 'x', 10_000)
      .map(({ delayMs }) => delayMs)
      .sort((a, b) => a - b);
    expect(delays[5_000]).toBeCloseTo(40, -1);
    // One standard deviation above: 40 ms · e^0.3 = 54 ms.
    expect(delays[8_413]).toBeGreaterThan(52);
    expect(delays[8_413]).toBeLessThan(56);
  });
});
