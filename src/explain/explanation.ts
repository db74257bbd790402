import type { Verdict } from '../../machines/judge/index.ts';
import { meaningsOf, type ParameterMeaning } from './meanings.ts';
import { type OtherDecision, otherDecisions } from './other-rules.ts';
import type { EvidenceRecord, RecordedObjective, RecordedVerdict } from './record.ts';
import { type Replay, replay } from './replay.ts';

/** A record, decided again. */
export interface Explanation {
  readonly record: EvidenceRecord;
  readonly objectives: readonly ExplainedObjective[];
  readonly agreement: Agreement;
  /** What other tools' documented rules would have decided. */
  readonly others: readonly OtherDecision[];
}

export interface ExplainedObjective {
  readonly recorded: RecordedObjective;
  readonly replay: Replay;
  readonly meanings: readonly ParameterMeaning[];
  readonly agreement: Agreement;
}

/** How the verdict that was computed again compares with the one that was recorded. */
export interface Agreement {
  /**
   * `exact`: the same in every bit. `rounding`: the same verdict, odds equal in nine digits: another processor or version of Node.
   * `merged`: the same verdict from batches that were added up. `unknown`: the record is truncated. `differs`: another verdict.
   */
  readonly kind: 'exact' | 'rounding' | 'merged' | 'unknown' | 'differs';
  /** For people: what was recorded and what came out. */
  readonly message: string;
}

/** From best to worst. */
const ORDER = ['exact', 'rounding', 'merged', 'unknown', 'differs'] as const;

/** Odds that agree in this part of themselves were computed from the same numbers. */
const ROUNDING = 1e-9;

/** Decides again from the record alone: the same judge, batches, weights and parameters. */
export function explainRecord(record: EvidenceRecord): Explanation {
  const objectives = record.objectives.map((recorded): ExplainedObjective => {
    const again = replay(recorded, record.raises);
    return {
      recorded,
      replay: again,
      meanings: meaningsOf(recorded.parameters, again.verdict),
      agreement: compare(recorded, again.verdict),
    };
  });
  const [worst] = objectives
    .map(({ agreement }) => agreement)
    .toSorted((a, b) => ORDER.indexOf(b.kind) - ORDER.indexOf(a.kind));
  const agreement = worst ?? { kind: 'unknown', message: 'no objective was recorded' };
  return { record, objectives, agreement, others: otherDecisions(record) };
}

function compare({ verdict, shortened, batches, name }: RecordedObjective, again: Verdict): Agreement {
  const isSame = verdict.kind === again.kind && verdict.reason === again.reason && verdict.at === again.at;
  if (shortened?.kind === 'truncated') {
    const left = `${batches.length} of ${shortened.batches} batches are left of the record of ${name}`;
    return { kind: 'unknown', message: `${left}: too little to decide again` };
  }
  if (!isSame) {
    const [was, is] = [verdict, again].map(({ kind, reason }) => `${kind} (${reason})`);
    const cause = 'this command and the controller may be of different versions, or the record was edited';
    return { kind: 'differs', message: `${name} was ${was}, and is ${is} now: ${cause}` };
  }
  if (shortened?.kind === 'merged') {
    const message = `the same verdict, from ${batches.length} batches into which ${shortened.batches} were added up`;
    return { kind: 'merged', message };
  }
  const largest = largestDifference(verdict, again);
  if (largest === 0) return { kind: 'exact', message: 'the same verdict, and the same odds in every bit' };
  const message = `the same verdict, but its odds differ by a factor of 1 + ${largest.toPrecision(1)}`;
  return { kind: largest <= ROUNDING ? 'rounding' : 'differs', message };
}

function largestDifference(verdict: RecordedVerdict, again: Verdict): number {
  return Math.max(Math.abs(verdict.lnTotal - again.lnTotal), Math.abs(verdict.lnAccept - again.lnAccept));
}
