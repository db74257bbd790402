import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addBatch } from './add-batch.ts';
import { type ArmLatencies, addLatencies, EMPTY_LATENCY, type LatencyBatch, lnSlower } from './latency.ts';
import { lnEvidence } from './mixture.ts';
import { DEFAULT_PARAMETERS, type JudgeParameters } from './parameters.ts';
import { beginJudging } from './state.ts';

/** Every way in which `total` requests fall into buckets, with its multinomial probability. */
function* histograms(total: number, shares: readonly number[]): Generator<{ arm: ArmLatencies; probability: number }> {
  const [share = 1, ...rest] = shares;
  if (rest.length === 0) {
    yield { arm: { requests: total, within: [] }, probability: share ** total };
    return;
  }
  for (let count = 0; count <= total; count++) {
    for (const { arm, probability } of histograms(total - count, rest)) {
      yield {
        arm: { requests: total, within: [count, ...arm.within.map((within) => within + count)] },
        probability: choose(total, count) * share ** count * probability,
      };
    }
  }
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i;
  return ways;
}

/** The two-sample root loses half of its digits where a guess all but touches the null. */
const ROUNDING = 1e-7;

const EDGES = [10, 100];
const weights = fc.tuple(...EDGES.map(() => fc.double({ min: 0, max: 1, noNaN: true })), fc.constant(0.2));
const sharesOf = (parts: readonly number[]) => parts.map((part) => part / parts.reduce((sum, other) => sum + other));
const arm = fc
  .tuple(fc.nat(40), fc.nat(40), fc.nat(40))
  .map(([a, b, c]) => ({ requests: a + b + c, within: [a, a + b] }));

describe('the evidence of durations', () => {
  it('is not expected to grow by a batch while both versions are as fast, whatever came before', () => {
    fc.assert(
      fc.property(
        weights,
        fc.array(fc.tuple(arm, arm), { maxLength: 3 }),
        fc.constantFrom(1, 1.1),
        (parts, past, latencyMargin) => {
          const parameters: JudgeParameters = { ...DEFAULT_PARAMETERS, latencyMargin, plannedBatches: 4 };
          const batch = (canary: ArmLatencies, stable: ArmLatencies): LatencyBatch => ({
            edges: EDGES,
            canary,
            stable,
          });
          const before = past.reduce(
            (state, [canary, stable]) => addLatencies(state, batch(canary, stable), parameters),
            EMPTY_LATENCY,
          );
          let expectation = 0;
          for (const canary of histograms(3, sharesOf(parts))) {
            for (const stable of histograms(4, sharesOf(parts))) {
              const after = addLatencies(before, batch(canary.arm, stable.arm), parameters);
              expectation += canary.probability * stable.probability * Math.exp(lnSlower(after, parameters));
            }
          }
          expect(expectation).toBeLessThanOrEqual(Math.exp(lnSlower(before, parameters)) * (1 + ROUNDING));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the evidence that the judge keeps', () => {
  const parameters: JudgeParameters = {
    ...DEFAULT_PARAMETERS,
    sloFailureRatio: 0.1,
    tolerableFailureRatio: 0.1,
    plannedBatches: 4,
  };
  const counts = fc
    .integer({ min: 0, max: 30 })
    .chain((requests) => fc.record({ requests: fc.constant(requests), failures: fc.nat(Math.min(2, requests)) }));
  const past = fc.array(fc.tuple(counts, counts), { maxLength: 3 });
  const unit = fc.double({ min: 0, max: 1, noNaN: true });

  /** Expected evidence after one more batch, over every outcome of `requests` canary and stable requests. */
  function expected(
    name: 'harm' | 'canaryBreach' | 'accept',
    rows: readonly (readonly [Counts, Counts])[],
    truth: readonly [number, number],
  ) {
    const before = rows.reduce(
      (state, [canary, stable], i) => addBatch(state, { at: i + 1, canary, stable }, parameters),
      beginJudging(),
    );
    const [canaryRequests, stableRequests] = [5, 9];
    const stake = name === 'accept' ? { plannedBatches: 1 } : parameters;
    let after = 0;
    for (let xc = 0; xc <= canaryRequests; xc++) {
      for (let xs = 0; xs <= stableRequests; xs++) {
        const batch = {
          at: 1000,
          canary: { requests: canaryRequests, failures: xc },
          stable: { requests: stableRequests, failures: xs },
        };
        const probability = binomial(canaryRequests, xc, truth[0]) * binomial(stableRequests, xs, truth[1]);
        after += probability * Math.exp(lnEvidence(addBatch(before, batch, parameters)[name], stake));
      }
    }
    return { before: Math.exp(lnEvidence(before[name], stake)), after, isDecided: before.decided !== null };
  }

  it.each([
    ['harm', (p: number, q: number) => [Math.min(1, 1.5 * q) * p, q]],
    ['canaryBreach', (p: number, q: number) => [0.1 * p, q]],
    ['accept', (p: number, q: number) => [0.1 + 0.9 * p, q]],
  ] as const)('is not expected to grow where nothing is to be found: %s', (name, truthOf) => {
    fc.assert(
      fc.property(past, unit, unit, (rows, p, q) => {
        const [canary = 0, stable = 0] = truthOf(p, q);
        const { before, after, isDecided } = expected(name, rows, [canary, stable]);
        if (!isDecided) expect(after).toBeLessThanOrEqual(before * (1 + 1e-9));
      }),
      { numRuns: 60 },
    );
  });
});

interface Counts {
  readonly requests: number;
  readonly failures: number;
}

function binomial(n: number, x: number, p: number): number {
  return choose(n, x) * p ** x * (1 - p) ** (n - x);
}
