import type { EvidenceRecords } from '../../effects/evidence-records.ts';
import type { EvidenceRecord, RecordedObjective } from '../../explain/record.ts';
import { keyOf } from '../key.ts';
import type { ObjectiveVerdict } from './judging.ts';
import type { RolloutObservation } from './observation.ts';
import type { RolloutRecord } from './record.ts';

/** So that an explanation of a release in progress is never much older than this. */
const REFRESH_MS = 300_000;

/**
 * Keeps what the release is judged by: at each step, every five minutes, and at its end. To be called after routes were written; it
 * returns at once and never throws.
 */
export function keepEvidence(
  records: EvidenceRecords,
  {
    observation,
    record,
    at,
  }: { readonly observation: RolloutObservation; readonly record: RolloutRecord; readonly at: number },
): void {
  const { release } = record.context;
  const { comparedWith: stable } = record;
  const { evidence, verdicts, rollout } = observation;
  if (release === null || evidence === null || evidence.state === 'starting') return;
  // A record of an older controller does not say what a promoted release was compared with.
  if (stable === null || stable === release.revision) return;
  // Without a single batch there is nothing to explain, and a record from before a restart must not be replaced by nothing.
  if (verdicts.every(({ batches }) => batches.length === 0)) return;
  const { startedAt, raises, outcome, revision } = release;
  const progress = outcome?.kind ?? `${raises.length}/${Math.floor((at - startedAt) / REFRESH_MS)}`;
  records.keep(keyOf(rollout), `${revision}@${startedAt}/${progress}`, () =>
    evidenceRecordOf(observation, stable, release),
  );
}

function evidenceRecordOf(
  { rollout: { metadata }, verdicts }: RolloutObservation,
  stable: string,
  { revision, startedAt, raises, outcome }: NonNullable<RolloutRecord['context']['release']>,
): EvidenceRecord {
  return {
    rollout: { namespace: metadata.namespace ?? 'default', name: metadata.name, uid: metadata.uid ?? '' },
    ...{ revision, stable, startedAt, raises, outcome },
    objectives: verdicts.map(objectiveOf),
  };
}

function objectiveOf({ objective, parameters, batches, ...verdict }: ObjectiveVerdict): RecordedObjective {
  const { kind, reason, message, at, lnTotal, lnAccept } = verdict;
  return {
    name: objective,
    ...{ parameters, batches, shortened: null },
    verdict: { kind, reason, message, at, lnTotal, lnAccept },
  };
}
