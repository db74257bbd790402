import type { ExplainedObjective, Explanation } from '../../explain/explanation.ts';
import { decisionInWords, iso } from '../../explain/sentences.ts';
import type { EvidenceSummary } from '../../explain/stored.ts';

/** All of an explanation as plain data, times in ISO 8601: what `-o json` prints. */
export function explanationJson(
  { record, agreement, objectives, others }: Explanation,
  releases: readonly EvidenceSummary[],
): object {
  const { rollout, revision, stable, startedAt, outcome, raises } = record;
  return {
    ...{ rollout, revision, stable },
    startedAt: iso(startedAt),
    decision: decisionInWords(record),
    outcome: outcome === null ? null : { ...outcome, at: iso(outcome.at) },
    agreement,
    raises: raises.map(({ at, weightBp }) => ({ at: iso(at), weightPercent: weightBp / 100 })),
    objectives: objectives.map(objectiveJson),
    otherRules: others.map(({ rule, description, rolledBackAt }) => ({
      ...{ rule, description },
      rolledBackAt: rolledBackAt === null ? null : iso(rolledBackAt),
    })),
    otherReleases: releases.map((other) => ({
      revision: other.revision,
      startedAt: iso(other.startedAt),
      outcome: other.outcome,
    })),
  };
}

function objectiveJson({ recorded, replay, meanings, agreement }: ExplainedObjective): object {
  const { turn, verdict, moments } = replay;
  return {
    name: recorded.name,
    agreement,
    parameters: recorded.parameters,
    meanings,
    recorded: recorded.verdict,
    shortened: recorded.shortened,
    verdict,
    turn: turn === null ? null : { kind: turn.kind, at: iso(turn.moment.batch.at), batch: turn.moment.batch },
    history: moments.map(({ batch, verdict: after }) => ({
      ...batch,
      at: iso(batch.at),
      kind: after.kind,
      reason: after.reason,
      lnTotal: after.lnTotal,
      lnAccept: after.lnAccept,
      oddsAgainstHarmless: after.oddsAgainstHarmless,
    })),
  };
}
