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

const PARAMETERS: JudgeParameters = { ...DEFAULT_PARAMETERS, sloFailureRatio: 0.01 };

type Row = readonly [canaryRequests: number, stableRequests: number, canaryFailures: number, stableFailures: number];

function judged(rows: readonly Row[], parameters = PARAMETERS): JudgeState {
  return rows.reduce((state, row, i) => addBatch(state, batchOf(row, i + 1), parameters), beginJudging());
}

function batchOf([canaryRequests, stableRequests, canaryFailures, stableFailures]: Row, number: number): Batch {
  return {
    at: number * 5000,
    canary: { requests: canaryRequests, failures: canaryFailures },
    stable: { requests: stableRequests, failures: stableFailures },
  };
}

function verdict(rows: readonly Row[], parameters = PARAMETERS) {
  return verdictOf(judged(rows, parameters), parameters);
}

describe('the judge', () => {
  it('waits for requests before it has seen any', () => {
    expect(verdict([])).toMatchObject({ kind: 'Hold', reason: 'TooFewRequests', oddsAgainstHarmless: 1 });
  });

  it('rolls back in one batch when half the canary answers fail', () => {
    expect(verdict([[100, 900, 50, 1]])).toMatchObject({ kind: 'Rollback', reason: 'HarmAgainstStable' });
  });

  it('rolls back a canary whose every answer fails', () => {
    expect(verdict([[10, 990, 10, 0]])).toMatchObject({ kind: 'Rollback' });
  });

  it('wants three failures however strong the odds are', () => {
    const rows: Row[] = [
      [5, 9995, 2, 0],
      [5, 9995, 0, 0],
    ];
    expect(verdict(rows).kind).not.toBe('Rollback');
  });

  it('lets a healthy canary go on', () => {
    const rows = Array.from({ length: 60 }, (): Row => [100, 900, 0, 1]);
    expect(verdict(rows)).toMatchObject({ kind: 'Advance', reason: 'NoEvidenceOfHarm' });
  });

  it('holds while an outage hits both versions, and goes on after it', () => {
    const before = Array.from({ length: 20 }, (): Row => [100, 900, 0, 1]);
    const outage = Array.from({ length: 20 }, (): Row => [100, 900, 30, 270]);
    const after = Array.from({ length: 60 }, (): Row => [100, 900, 0, 1]);
    expect(verdict([...before, ...outage])).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
    expect(verdict([...before, ...outage, ...after])).toMatchObject({ kind: 'Advance' });
  });

  it('judges by the objective alone at weight 100 %', () => {
    const healthy = Array.from({ length: 20 }, (): Row => [1000, 0, 1, 0]);
    expect(verdict(healthy)).toMatchObject({ kind: 'Advance' });
    expect(verdict([...healthy, [1000, 0, 100, 0]])).toMatchObject({ kind: 'Rollback', reason: 'SloBreach' });
  });

  it('judges by what stable did where there is no objective and stable is gone', () => {
    const noObjective = { ...PARAMETERS, sloFailureRatio: null };
    const rows = [
      ...Array.from({ length: 20 }, (): Row => [500, 500, 1, 1]),
      ...Array.from({ length: 20 }, (): Row => [1000, 0, 2, 0]),
    ];
    expect(verdict(rows, noObjective)).toMatchObject({ kind: 'Advance' });
    expect(verdict([...rows, [1000, 0, 300, 0]], noObjective)).toMatchObject({ kind: 'Rollback', reason: 'SloBreach' });
  });

  it('holds nothing against the canary while stable breaches too', () => {
    const outage = Array.from({ length: 20 }, (): Row => [500, 500, 250, 250]);
    expect(verdict(outage).lnSlo).toBeLessThan(Math.log(2));
  });

  it('goes on within seconds after a long outage, also with a strict objective', () => {
    const strict = { ...PARAMETERS, sloFailureRatio: 0.001 };
    const before = Array.from({ length: 20 }, (): Row => [100, 900, 0, 0]);
    const outage = Array.from({ length: 120 }, (): Row => [100, 900, 100, 900]);
    const after = Array.from({ length: 3 }, (): Row => [100, 900, 0, 0]);
    expect(verdict([...before, ...outage], strict)).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
    expect(verdict([...before, ...outage, ...after], strict)).toMatchObject({ kind: 'Advance' });
  });

  it('does not blame the canary that recovers from an outage later than stable', () => {
    const healthy = Array.from({ length: 20 }, (): Row => [100, 900, 0, 1]);
    const outage = Array.from({ length: 20 }, (): Row => [100, 900, 100, 900]);
    const quiet = Array.from({ length: 100 }, (): Row => [2, 900, 0, 1]);
    expect(verdict([...healthy, ...outage, ...quiet]).kind).not.toBe('Rollback');
  });

  it('does not blame the canary for an outage that stable has hardly the traffic to show', () => {
    const healthy = Array.from({ length: 20 }, (): Row => [950, 50, 1, 0]);
    const outage = Array.from({ length: 20 }, (_, i): Row => [950, 50, 48, i % 2 === 0 ? 3 : 2]);
    expect(verdict([...healthy, ...outage])).toMatchObject({ kind: 'Hold' });
  });

  it('holds a canary that breaches the objective by no more than stable comes close to it', () => {
    const rows = Array.from({ length: 60 }, (): Row => [900, 900, 12, 8]);
    expect(verdict(rows)).toMatchObject({ kind: 'Hold', reason: 'CanaryBreachesSlo' });
  });

  it('lets a canary go on that fails more than stable, but so seldom that nobody minds', () => {
    const rows = Array.from({ length: 200 }, (_, i): Row => [100_000, 900_000, i % 2, 0]);
    expect(verdict(rows)).toMatchObject({ kind: 'Advance' });
    expect(verdict(rows, { ...PARAMETERS, harmlessRatio: 0 })).toMatchObject({ kind: 'Rollback' });
    expect(verdict([...rows, [100_000, 900_000, 1000, 0]])).toMatchObject({ kind: 'Rollback' });
  });

  it('holds the canary while it is only suspected', () => {
    const healthy = Array.from({ length: 3 }, (): Row => [50, 950, 0, 1]);
    expect(verdict([...healthy, [50, 950, 2, 0], [50, 950, 2, 1]])).toMatchObject({
      kind: 'Hold',
      reason: 'SuspectedHarm',
    });
  });

  it('rolls back when both versions break as soon as the canary gets more traffic', () => {
    const raised = (rows: readonly Row[], raisedAt: number) =>
      verdictOf(
        rows.reduce(
          (state, row, i) => addBatch(state, { ...batchOf(row, i + 1), raisedAt }, PARAMETERS),
          beginJudging(),
        ),
        PARAMETERS,
      );
    const healthy = Array.from({ length: 20 }, (): Row => [100, 900, 0, 1]);
    const broken: readonly Row[] = [
      [200, 800, 0, 1],
      [200, 800, 40, 160],
      [200, 800, 40, 160],
    ];
    expect(raised([...healthy, ...broken], 100_000)).toMatchObject({ kind: 'Rollback', reason: 'BreachSinceStep' });
    expect(raised([...healthy, ...broken, ...broken.slice(1)], 130_000)).toMatchObject({ kind: 'Hold' });
    expect(raised([...healthy, ...broken], 20_000)).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
  });

  describe('where the requests can be taken from the canary that both versions broke with', () => {
    const parameters = { ...PARAMETERS, stepsBack: true };
    const RAISED_AT = 100_000;
    const LOWERED_AT = 112_000;
    const healthy = Array.from({ length: 20 }, (): Row => [100, 900, 0, 1]);
    const broken = Array.from({ length: 2 }, (): Row => [200, 800, 40, 160]);
    const timed = (row: Row, number: number) => ({ ...batchOf(row, number), from: (number - 1) * 5_000 });
    const without = (rows: readonly Row[]) => {
      const before = [...healthy, ...broken].map((row, i) => ({
        ...timed(row, i + 1),
        raisedAt: RAISED_AT,
        weight: 0.2,
      }));
      const after = rows.map((row, i) => ({
        ...timed(row, healthy.length + broken.length + i + 1),
        ...{ raisedAt: LOWERED_AT, weight: 0, isLowered: true },
      }));
      return [...before, ...after].reduce((state, batch) => addBatch(state, batch, parameters), beginJudging());
    };
    const failing: Row = [0, 1000, 0, 200];
    const well: Row = [0, 1000, 0, 1];
    const judge = (...rows: readonly Row[]) => verdictOf(without(rows), parameters);

    it('holds until stable is seen without them', () => {
      expect(judge()).toMatchObject({ kind: 'Hold', reason: 'BreachSinceStep' });
      expect(judge([0, 0, 0, 0], failing)).toMatchObject({ kind: 'Hold', reason: 'BreachSinceStep' });
      expect(judge(...Array.from({ length: 50 }, () => failing))).toMatchObject({
        kind: 'Hold',
        reason: 'BreachSinceStep',
      });
    });

    it('blames the canary when stable recovers at once', () => {
      expect(judge([0, 1000, 0, 90], well)).toMatchObject({ kind: 'Rollback', reason: 'BreachSinceStep' });
    });

    it('clears it when stable recovers before', () => {
      expect(judge(well)).toMatchObject({ kind: 'Advance' });
    });

    it('clears it when stable was broken for too large a part of the time before the step', () => {
      // A second after the step, and as many failures as in five seconds.
      const rows: Row[] = [...healthy, [200, 800, 40, 160], [200, 800, 10, 40]];
      const raisedAt = healthy.length * 5_000 + 4_000;
      const state = rows
        .map((row, i) => ({ ...timed(row, i + 1), raisedAt: i < 20 ? 0 : raisedAt, weight: 0.2 }))
        .reduce((sum, batch) => addBatch(sum, batch, parameters), beginJudging());
      expect(state).toMatchObject({ suspicion: null, wasCleared: true, decided: null });
    });

    it('suspects it from the first batch on, whatever was before', () => {
      const first = [1, 2].map((number) => ({ ...batchOf([200, 800, 40, 160], number), raisedAt: 5_000, weight: 0.2 }));
      const state = first.reduce((sum, batch) => addBatch(sum, batch, parameters), beginJudging());
      expect(verdictOf(state, parameters)).toMatchObject({ kind: 'Hold', reason: 'BreachSinceStep' });
    });

    it('clears it when stable recovers later, and blames it when the next step breaks both again', () => {
      const cleared = without([failing, failing, failing, failing, failing, well, well, well]);
      expect(cleared).toMatchObject({ suspicion: null, wasCleared: true, decided: null });
      const again = Array.from({ length: 3 }, (_, i) => ({
        ...batchOf([200, 800, 40, 160], 31 + i),
        ...{ raisedAt: 150_000, weight: 0.2 },
      }));
      const state = again.reduce((sum, batch) => addBatch(sum, batch, parameters), cleared);
      expect(verdictOf(state, parameters)).toMatchObject({ kind: 'Rollback', reason: 'BreachSinceStep' });
    });
  });

  it('wants stable to get requests again before it blames a breach that came when it had none', () => {
    const parameters = { ...PARAMETERS, stepsBack: true };
    const run = (rows: readonly (readonly [Row, number])[]) =>
      verdictOf(
        rows.reduce(
          (state, [row, weight], i) => addBatch(state, { ...batchOf(row, i + 1), weight, raisedAt: 0 }, parameters),
          beginJudging(),
        ),
        parameters,
      );
    const both = Array.from({ length: 20 }, (): readonly [Row, number] => [[500, 500, 0, 1], 0.5]);
    const alone = Array.from({ length: 5 }, (): readonly [Row, number] => [[1000, 0, 0, 0], 1]);
    const broken = Array.from({ length: 3 }, (): readonly [Row, number] => [[1000, 0, 300, 0], 1]);
    const before = [...both, ...alone, ...broken];
    expect(run(before)).toMatchObject({ kind: 'Hold', reason: 'BreachUncompared' });
    const outage = Array.from({ length: 3 }, (): readonly [Row, number] => [[100, 900, 30, 270], 0.1]);
    expect(run([...before, ...outage])).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
    const own = Array.from({ length: 2 }, (): readonly [Row, number] => [[100, 900, 30, 0], 0.1]);
    expect(run([...before, ...own])).toMatchObject({ kind: 'Rollback' });
  });

  it('blames what both versions do from the first batch on on the canary only where stable was well before', () => {
    const broken = Array.from({ length: 3 }, (): Row => [100, 900, 20, 180]);
    const judged = (calmBefore: boolean | null) => {
      const parameters = { ...PARAMETERS, calmBefore };
      const add = (state: ReturnType<typeof beginJudging>, row: Row, i: number) =>
        addBatch(state, { ...batchOf(row, i + 1), raisedAt: 0 }, parameters);
      return verdictOf(broken.reduce(add, beginJudging()), parameters);
    };
    expect(judged(true)).toMatchObject({ kind: 'Rollback', reason: 'BreachSinceStep' });
    expect(judged(null)).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
    expect(judged(false)).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
  });

  describe('where stable breaches the objective', () => {
    const bad = (canaryFailures: number): Row => [200, 800, canaryFailures, 40];

    it('lets a canary go on that is shown to keep it', () => {
      const rows = Array.from({ length: 4 }, () => bad(0));
      expect(verdict(rows.slice(0, 1))).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
      expect(verdict(rows)).toMatchObject({ kind: 'Advance', reason: 'BetterThanStable' });
      expect(verdict(rows).message).toMatch(
        /^The canary keeps the objective, which stable breaches: it fails less than 1 %; /,
      );
    });

    it('holds one that is no better, or better but not good', () => {
      for (const failures of [10, 5]) {
        const rows = Array.from({ length: 20 }, () => bad(failures));
        expect(verdict(rows)).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
      }
    });

    it('does not count what the canary showed before', () => {
      const good = Array.from({ length: 50 }, (): Row => [200, 800, 0, 1]);
      const outage = Array.from({ length: 2 }, (): Row => [200, 800, 40, 160]);
      expect(verdict([...good, ...outage])).toMatchObject({ kind: 'Hold', reason: 'StableBreachesSlo' });
    });

    it('holds a good canary soon when it begins to fail as well', () => {
      const rows = [...Array.from({ length: 50 }, () => bad(0)), bad(12)];
      expect(verdict(rows).kind).not.toBe('Advance');
    });
  });

  it('decides from the second batch on, or at once when the odds are overwhelming', () => {
    const suspicious: Row = [100, 900, 5, 0];
    expect(verdict([suspicious])).toMatchObject({ kind: 'Hold', reason: 'TooLittleToDecide' });
    expect(verdict([suspicious, suspicious]).kind).toBe('Rollback');
    expect(verdict([[100, 900, 40, 1]]).kind).toBe('Rollback');
  });

  it('counts a failure whose request was scraped later', () => {
    expect(
      verdict([
        [0, 900, 20, 0],
        [20, 900, 0, 0],
      ]),
    ).toMatchObject({ kind: 'Rollback' });
  });

  it('says how long it will take to show the canary good', () => {
    const { acceptance } = verdict(Array.from({ length: 3 }, (): Row => [50, 950, 0, 0]));
    expect(acceptance).toMatchObject({ reached: false, tolerableRatio: 0.01 });
    expect(acceptance.secondsLeft).toBeCloseTo((acceptance.requestsLeft ?? Number.NaN) / 10, 9);
    const { acceptance: later } = verdict(Array.from({ length: 20 }, (): Row => [50, 950, 0, 0]));
    expect(later).toMatchObject({ reached: true, requestsLeft: 0 });
  });

  it('holds when the canary gets nothing', () => {
    const rows: Row[] = [[100, 900, 0, 1], ...Array.from({ length: 3 }, (): Row => [0, 1000, 0, 1])];
    expect(verdict(rows)).toMatchObject({ kind: 'Hold', reason: 'StarvedCanary' });
  });

  it('says the odds and the counts in one sentence', () => {
    const { message } = verdict([
      [100, 1900, 4, 2],
      [112, 2131, 3, 1],
    ]);
    expect(message).toMatch(
      /^The canary fails more often than stable: 1 in [\d,]+ against harmless; 7 of 212 failed, stable 3 of 4,031$/,
    );
  });

  it('ignores a batch that it has had', () => {
    const state = judged([[100, 900, 1, 1]]);
    expect(addBatch(state, batchOf([100, 900, 50, 0], 1), PARAMETERS)).toBe(state);
  });

  it('survives JSON unchanged', () => {
    const state = judged([
      [100, 900, 1, 1],
      [0, 900, 0, 1],
      [100, 0, 1, 0],
    ]);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });
});
