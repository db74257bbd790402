import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addBatch,
  type Batch,
  beginJudging,
  DEFAULT_PARAMETERS,
  type JudgeParameters,
  type JudgeState,
  verdictOf,
} from './index.ts';
import { lnEvidence } from './mixture.ts';
import { weigh } from './weigh.ts';

/** Counts as they come, and as they should never come. */
const anyCount = fc.oneof(
  { weight: 8, arbitrary: fc.nat(5000) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 0.5, Number.MAX_VALUE) },
  { weight: 1, arbitrary: fc.nat(2 ** 31 - 1) },
);

const anyArm = fc.record({ requests: anyCount, failures: anyCount });

const anyBatches = fc
  .array(fc.record({ canary: anyArm, stable: anyArm, gap: fc.integer({ min: -1, max: 60_000 }) }), { maxLength: 40 })
  .map((rows) => {
    let at = 1e12;
    return rows.map(({ gap, ...arms }): Batch => {
      at += gap;
      return { at, ...arms };
    });
  });

const fraction = fc.double({ min: 0, max: 1 });

/** Parameters within reason, at their limits and beyond them. */
const anyParameters: fc.Arbitrary<JudgeParameters> = fc.record({
  falseRollback: fraction,
  falseAccept: fraction,
  margin: fc.constantFrom(Number.NaN, 0, 1, 1.5, 10, 1000, 1e300),
  latencyMargin: fc.constantFrom(0, 1, 1.1, 1e300),
  sloFailureRatio: fc.constantFrom(null, 0, 1e-300, 0.001, 0.01, 0.5, 0.999, 1, 2, Number.NaN),
  harmlessRatio: fc.constantFrom(null, 0, 1e-6, 1, Number.NaN),
  latencyEdge: fc.constantFrom(null, 100),
  tolerableFailureRatio: fc.constantFrom(null, 0, 0.01, 1, Number.NaN),
  minFailures: fc.constantFrom(0, 3, Number.NaN),
  minBatches: fc.constantFrom(0, 2),
  minRequests: fc.constantFrom(0, 50),
  plannedBatches: fc.constantFrom(0, 1, 240, 1e300),
  dispersion: fc.constantFrom(0, 1, 4.5, 1e300),
  blameWindowMs: fc.constantFrom(0, 15_000),
  stepsBack: fc.boolean(),
  calmBefore: fc.option(fc.boolean()),
  weights: fc.record({ harm: fraction, latency: fraction, slo: fraction }),
});

function judged(batches: readonly Batch[], parameters: JudgeParameters): JudgeState {
  return batches.reduce((state, batch) => addBatch(state, batch, parameters), beginJudging());
}

/** Healthy and unhealthy traffic of one size, so that a rollback is neither sure nor rare. */
const usualBatches = fc
  .array(fc.tuple(fc.nat(200), fc.nat(2000), fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 30 })
  .map((rows) =>
    rows.map(
      ([canary, stable, canaryFailures, stableFailures], i): Batch => ({
        at: (i + 1) * 5000,
        canary: { requests: canary + canaryFailures, failures: canaryFailures },
        stable: { requests: stable + stableFailures, failures: stableFailures },
      }),
    ),
  );

const PARAMETERS: JudgeParameters = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };

/** Never decides, so that evidence can be compared after any number of batches. */
const UNDECIDED: JudgeParameters = { ...PARAMETERS, minFailures: 1e9 };

describe('the judge, whatever it is given,', () => {
  it('keeps a state of finite numbers that survives JSON bit for bit', () => {
    fc.assert(
      fc.property(anyBatches, anyParameters, (batches, parameters) => {
        const state = judged(batches, parameters);
        expect(JSON.parse(JSON.stringify(state))).toStrictEqual(state);
      }),
    );
  });

  it('gives a verdict of finite numbers', () => {
    fc.assert(
      fc.property(anyBatches, anyParameters, (batches, parameters) => {
        const verdict = verdictOf(judged(batches, parameters), parameters);
        const { lnHarm, lnLatency, lnSlo, lnStableSlo, lnTotal, lnAccept, oddsAgainstHarmless } = verdict;
        const numbers = [lnHarm, lnLatency, lnSlo, lnStableSlo, lnTotal, lnAccept, oddsAgainstHarmless];
        expect(numbers.filter((value) => !Number.isFinite(value))).toEqual([]);
        expect(verdict.message).not.toMatch(/NaN|Infinity|undefined/);
        const { harm, latency, slo } = verdict.blame;
        expect(harm + latency + slo).toBeCloseTo(1, 9);
      }),
    );
  });

  it('gives the same state for the same batches, also when they are read in parts', () => {
    fc.assert(
      fc.property(anyBatches, fc.nat(40), (batches, cut) => {
        const whole = judged(batches, PARAMETERS);
        const part: JudgeState = JSON.parse(JSON.stringify(judged(batches.slice(0, cut), PARAMETERS)));
        expect(batches.slice(cut).reduce((state, batch) => addBatch(state, batch, PARAMETERS), part)).toStrictEqual(
          whole,
        );
      }),
    );
  });

  it('does not change what it was given', () => {
    fc.assert(
      fc.property(anyBatches, (batches) => {
        const state = judged(batches, PARAMETERS);
        const before = JSON.stringify(state);
        addBatch(
          state,
          { at: 2e12, canary: { requests: 9, failures: 9 }, stable: { requests: 9, failures: 0 } },
          PARAMETERS,
        );
        expect(JSON.stringify(state)).toBe(before);
      }),
    );
  });
});

describe('evidence', () => {
  it('of harm never falls when one more canary request fails', () => {
    fc.assert(
      fc.property(usualBatches, fc.nat(29), (batches, pick) => {
        const index = pick % batches.length;
        const worse = batches.map((batch, i) => {
          const { requests, failures } = batch.canary;
          return i === index ? { ...batch, canary: { requests, failures: Math.min(requests, failures + 1) } } : batch;
        });
        const [before, after] = [judged(batches, UNDECIDED), judged(worse, UNDECIDED)];
        expect(lnEvidence(after.harm, UNDECIDED)).toBeGreaterThanOrEqual(lnEvidence(before.harm, UNDECIDED) - 1e-9);
        expect(weigh(after, UNDECIDED).lnAccept).toBeLessThanOrEqual(weigh(before, UNDECIDED).lnAccept + 1e-9);
      }),
    );
  });

  it('of harm never rises when one more stable request fails', () => {
    fc.assert(
      fc.property(usualBatches, fc.nat(29), (batches, pick) => {
        const index = pick % batches.length;
        const shared = batches.map((batch, i) => {
          const { requests, failures } = batch.stable;
          return i === index ? { ...batch, stable: { requests, failures: Math.min(requests, failures + 1) } } : batch;
        });
        const [before, after] = [judged(batches, UNDECIDED), judged(shared, UNDECIDED)];
        expect(lnEvidence(after.harm, UNDECIDED)).toBeLessThanOrEqual(lnEvidence(before.harm, UNDECIDED) + 1e-9);
      }),
    );
  });

  it('does not depend on the order of batches when all is staked on the start', () => {
    const parameters = { ...UNDECIDED, plannedBatches: 1, sloFailureRatio: null };
    const shuffled = usualBatches.chain((batches) =>
      fc.tuple(fc.constant(batches), fc.shuffledSubarray([...batches], { minLength: batches.length })),
    );
    fc.assert(
      fc.property(shuffled, ([batches, other]) => {
        const inOrder = other.map((batch, i) => ({ ...batch, at: (i + 1) * 5000 }));
        const [one, two] = [judged(batches, parameters), judged(inOrder, parameters)];
        expect(weigh(two, parameters).lnHarm).toBeCloseTo(weigh(one, parameters).lnHarm, 8);
      }),
    );
  });

  it('is divided by the dispersion', () => {
    const parameters = { ...UNDECIDED, plannedBatches: 1 };
    fc.assert(
      fc.property(usualBatches, (batches) => {
        const [plain, tempered] = [judged(batches, parameters), judged(batches, { ...parameters, dispersion: 4 })];
        tempered.harm.lnMasses.forEach((lnMass, i) => {
          const lnShare = -Math.log(tempered.harm.lnMasses.length);
          expect((lnMass - lnShare) * 4).toBeCloseTo((plain.harm.lnMasses[i] ?? Number.NaN) - lnShare, 6);
        });
      }),
    );
  });
});

describe('a decision to roll back', () => {
  it('stays whatever comes after it', () => {
    fc.assert(
      fc.property(usualBatches, anyBatches, (batches, later) => {
        const broken = { at: 1e9, canary: { requests: 100, failures: 90 }, stable: { requests: 900, failures: 0 } };
        const decided = judged([...batches, broken], PARAMETERS);
        expect(verdictOf(decided, PARAMETERS).kind).toBe('Rollback');
        expect(later.reduce((state, batch) => addBatch(state, batch, PARAMETERS), decided)).toBe(decided);
      }),
    );
  });

  it('never comes from fewer canary failures than it needs', () => {
    fc.assert(
      fc.property(usualBatches, (batches) => {
        const state = judged(batches, PARAMETERS);
        if (state.decided !== null) expect(state.canary.failures).toBeGreaterThanOrEqual(PARAMETERS.minFailures);
      }),
    );
  });
});
