import { describe, expect, it } from 'vitest';
import { badRelease, goodRelease, PARAMETERS, recordOf, STARTED_AT } from '../../test/support/evidence-records.ts';
import { otherDecisions } from './other-rules.ts';
import type { EvidenceRecord } from './record.ts';

const decided = (record: EvidenceRecord) =>
  Object.fromEntries(
    otherDecisions(record).map(({ rule, rolledBackAt }) => [
      rule,
      rolledBackAt === null ? null : (rolledBackAt - STARTED_AT) / 1000,
    ]),
  );

describe("other tools' rules on the same requests", () => {
  it('see nothing yet where the release was taken back before their first check', () => {
    expect(Object.values(decided(badRelease()))).toEqual([null, null, null, null, null, null]);
  });

  it('leave a good release alone that has requests enough', () => {
    expect(decided(recordOf({ canaryFails: () => 0, seconds: 900 }))['argo-docs']).toBeNull();
  });

  it('roll back when enough checks have failed, each by its own interval', () => {
    const parameters = { ...PARAMETERS, sloFailureRatio: 0.5 };
    // Both versions fail alike and by less than is allowed, so that Sluice does not take it back and the record is long.
    const outage = recordOf({ canaryFails: () => 0.3, stableFails: () => 0.3, seconds: 1500, parameters });
    // First weight at 10 s; Flagger acts at the tick after the check that failed, Argo at once.
    expect(decided(outage)).toEqual({
      'flagger-default': 130,
      'flagger-docs': 370,
      'flagger-tuned': 30,
      'argo-default': 310,
      'argo-docs': 1210,
      'argo-tuned': 20,
    });
  });

  it('say nothing where batches were added up or left out, or the canary had no weight', () => {
    const [objective] = goodRelease().objectives;
    if (objective === undefined) throw new Error('no objective');
    const shortened = { kind: 'merged', batches: 900 } as const;
    expect(otherDecisions({ ...goodRelease(), objectives: [{ ...objective, shortened }] })).toEqual([]);
    expect(otherDecisions({ ...goodRelease(), raises: [] })).toEqual([]);
  });
});
