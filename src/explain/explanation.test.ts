import { describe, expect, it } from 'vitest';
import { badRelease, goodRelease, PARAMETERS, recordOf, STARTED_AT } from '../../test/support/evidence-records.ts';
import { explainRecord } from './explanation.ts';
import { decodeRecord, type EvidenceRecord, encodeRecord, type RecordedObjective } from './record.ts';
import { blameInWords, decisionInWords, placeboInWords, turnInWords } from './sentences.ts';

const through = (record: EvidenceRecord) => explainRecord(decodeRecord(encodeRecord(record)));
const withObjective = (record: EvidenceRecord, change: (objective: RecordedObjective) => RecordedObjective) => ({
  ...record,
  objectives: record.objectives.map(change),
});
const only = (record: EvidenceRecord) => {
  const [objective] = through(record).objectives;
  if (objective === undefined) throw new Error('no objective');
  return objective;
};

describe('a release decided again from its record', () => {
  it.each([
    ['bad', badRelease],
    ['good', goodRelease],
    ['late fault', () => recordOf({ canaryFails: (second) => (second > 200 ? 0.05 : 0.001) })],
    ['dependency outage', () => recordOf({ canaryFails: () => 0.3, stableFails: () => 0.3 })],
    ['no request', () => recordOf({ requestsPerSecond: 0 })],
  ])('gives the same verdict and odds to the last bit: %s', (_, release) => {
    const record = release();
    const { agreement, objectives } = through(record);
    expect(agreement).toMatchObject({ kind: 'exact' });
    expect(objectives[0]?.replay.verdict).toMatchObject(record.objectives[0]?.verdict ?? {});
  });

  it('disagrees when a count was edited so that another verdict comes out', () => {
    const { agreement } = through(
      withObjective(badRelease(), (objective) => ({
        ...objective,
        batches: objective.batches.map((batch) => ({ ...batch, canary: { ...batch.canary, failures: 0 } })),
      })),
    );
    expect(agreement.kind).toBe('differs');
    expect(agreement.message).toMatch(/^availability was Rollback \(HarmAgainstStable\), and is Hold \(\w+\) now: /);
  });

  it('disagrees when the verdict is the same but the odds are not', () => {
    const { agreement } = through(
      withObjective(goodRelease(), (objective) => ({
        ...objective,
        parameters: { ...objective.parameters, margin: 2 },
      })),
    );
    expect(agreement).toMatchObject({
      kind: 'differs',
      message: expect.stringContaining('odds differ by a factor of 1 + '),
    });
  });

  it('takes the last digit for rounding on another machine', () => {
    const { agreement } = through(
      withObjective(goodRelease(), (objective) => {
        const { verdict } = objective;
        return { ...objective, verdict: { ...verdict, lnTotal: verdict.lnTotal + 1e-13 } };
      }),
    );
    expect(agreement.kind).toBe('rounding');
  });

  it('says so when too little is left to decide', () => {
    const { agreement } = through(
      withObjective(goodRelease(), (objective) => ({
        ...objective,
        batches: objective.batches.slice(100),
        shortened: { kind: 'truncated', batches: 120 },
      })),
    );
    expect(agreement).toMatchObject({
      kind: 'unknown',
      message: expect.stringContaining('20 of 120 batches are left'),
    });
  });

  it('is as good as its worst objective', () => {
    const record = goodRelease();
    const wrong = (objective: RecordedObjective): RecordedObjective => ({
      ...objective,
      name: 'orders',
      verdict: { ...objective.verdict, kind: 'Rollback' },
    });
    const objectives = record.objectives.flatMap((objective) => [objective, wrong(objective)]);
    expect(through({ ...record, objectives }).agreement.kind).toBe('differs');
  });
});

describe('the batch that decided', () => {
  it('is the last one of a release that was taken back', () => {
    const objective = only(badRelease());
    const { turn, moments } = objective.replay;
    expect(turn?.kind).toBe('harm');
    expect(turn?.moment).toBe(moments.at(-1));
    expect(turnInWords(objective, STARTED_AT)).toMatch(
      /^Decided by the batch that ended 15s after the beginning \(2026-01-02T03:04:20\.000Z\): \d+ of \d+ failed, stable 0 of \d+ in it; from nothing against harmless to 1 in [\d,]+ against harmless$/,
    );
  });

  it('is the one since which a good release is good enough', () => {
    const { replay } = only(goodRelease());
    const index = replay.moments.findIndex(({ verdict }) => verdict.acceptance.reached);
    expect(replay.turn).toMatchObject({ kind: 'good', moment: replay.moments[index] });
    expect(replay.turn?.before?.acceptance.reached).toBe(false);
  });

  it('is missing while nothing is shown', () => {
    expect(only(recordOf({ seconds: 30 })).replay.turn).toBeNull();
    expect(only(recordOf({ seconds: 0 })).replay).toMatchObject({ turn: null, moments: [] });
  });
});

describe('sentences', () => {
  it('tell the decision with time and weight', () => {
    expect(decisionInWords(badRelease())).toBe('7f9c8b5d4f was taken back 16s after it began, at 5 %');
    expect(decisionInWords(goodRelease())).toBe('7f9c8b5d4f was promoted 10m1s after it began, at 100 %');
    expect(decisionInWords({ ...badRelease(), outcome: null })).toBe(
      '7f9c8b5d4f is in progress, as recorded 15s after it began, at 5 %',
    );
    expect(decisionInWords({ ...badRelease(), raises: [] })).toMatch(/before it had any request$/);
  });

  it('blame nothing where nothing is suspected', () => {
    expect(blameInWords(only(goodRelease()).replay.verdict)).toBeNull();
    expect(blameInWords(only(badRelease()).replay.verdict)).toMatch(/^failures beside stable \d+ %/);
  });

  it('tell what the rule says of stable pods where they are known', () => {
    const { verdict } = only(goodRelease()).replay;
    expect(placeboInWords(verdict)).toBeNull();
    expect(placeboInWords({ ...verdict, placebo: { pods: 4, alarms: 0 } })).toMatch(
      /^of 4 stable pods, .* none would have/,
    );
    expect(placeboInWords({ ...verdict, placebo: { pods: 4, alarms: 1 } })).toMatch(
      / 1 would have been taken back: failures/,
    );
  });

  it('explain each parameter with its value', () => {
    const parameters = { ...PARAMETERS, falseRollback: 0.002, dispersion: 2.345, minFailures: 5, latencyEdge: 300 };
    const text = only(recordOf({ parameters }))
      .meanings.map(({ meaning }) => meaning)
      .join('\n');
    for (const part of ['Of 500 harmless releases', 'divided by 2.35', 'Fewer than 5 failed', 'slower than 300 ms'])
      expect(text).toContain(part);
  });
});
