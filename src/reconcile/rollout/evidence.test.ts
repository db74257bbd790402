import { describe, expect, it } from 'vitest';
import { goodRelease, PARAMETERS, STARTED_AT } from '../../../test/support/evidence-records.ts';
import { AT_REST, sampleRollout } from '../../../test/support/sample-rollout.ts';
import type { EvidenceRecords } from '../../effects/evidence-records.ts';
import type { EvidenceRecord } from '../../explain/record.ts';
import { keepEvidence } from './evidence.ts';
import type { RolloutObservation } from './observation.ts';
import type { RolloutRecord } from './record.ts';

const [objective] = goodRelease().objectives;
const release = {
  revision: '7f9c8b5d4f',
  startedAt: STARTED_AT,
  raises: [{ at: STARTED_AT, weightBp: 500 }],
  outcome: null as { kind: string } | null,
};

interface Look {
  readonly stable?: string;
  readonly state?: string;
  readonly batches?: readonly unknown[];
  readonly release?: object | null;
  readonly at?: number;
}

/** What is kept of a look; of observation and record it holds the parts that matter here. */
function kept(look: Look): readonly { readonly stamp: string; readonly record: EvidenceRecord }[] {
  const found: { stamp: string; record: EvidenceRecord }[] = [];
  const records: EvidenceRecords = {
    keep: (_, stamp, read) => found.push({ stamp, record: read() }),
    forget: () => {},
  };
  const { batches = objective?.batches, state = 'fresh', stable = 'k8s1' } = look;
  const verdicts = [{ ...objective?.verdict, objective: 'availability', parameters: PARAMETERS, batches }];
  const rollout = sampleRollout(AT_REST);
  const observation = { rollout, evidence: { state }, verdicts } as unknown as RolloutObservation;
  const context = { release: look.release === undefined ? release : look.release };
  keepEvidence(records, {
    observation,
    record: { context, comparedWith: stable } as unknown as RolloutRecord,
    at: look.at ?? STARTED_AT + 1000,
  });
  return found;
}

const stampOf = (look: Look) => kept(look)[0]?.stamp;

describe('the evidence of a look', () => {
  it('is kept with what was judged and against which version', () => {
    expect(kept({})[0]?.record).toMatchObject({
      rollout: { namespace: 'shop', name: 'checkout' },
      ...{ revision: '7f9c8b5d4f', stable: 'k8s1', startedAt: STARTED_AT, outcome: null },
      objectives: [objective],
    });
  });

  it('has another stamp at each step, after five minutes and at the end, and no other', () => {
    const step2 = { ...release, raises: [...release.raises, { at: STARTED_AT + 500, weightBp: 2500 }] };
    const ended = { ...step2, outcome: { kind: 'RolledBack' } };
    const stamps = [
      stampOf({}),
      stampOf({ at: STARTED_AT + 299_000 }),
      stampOf({ at: STARTED_AT + 300_000 }),
      stampOf({ release: step2 }),
      stampOf({ release: ended }),
      stampOf({ release: ended, at: STARTED_AT + 900_000 }),
    ];
    expect(stamps[1]).toBe(stamps[0]);
    expect(stamps[5]).toBe(stamps[4]);
    expect(new Set(stamps).size).toBe(4);
  });

  it.each([
    ['at rest', { release: null }],
    ['before the source has answered', { state: 'starting' }],
    ['before the first batch, as after a restart without metrics', { batches: [] }],
    ['where nobody knows any more what it was compared with', { stable: '7f9c8b5d4f' }],
  ])('is not kept %s', (_, look) => {
    expect(kept(look)).toEqual([]);
  });
});
