import type { ArmCounts } from '../../machines/judge/index.ts';
import { estimatedP99, type Measured, RIVALS, type Rival } from '../simulate/rivals.ts';
import type { EvidenceRecord, RecordedObjective } from './record.ts';

/** What another tool's documented rule would have decided from the canary's requests of this release. */
export interface OtherDecision {
  readonly rule: string;
  readonly description: string;
  /** When it would have rolled back, in ms since the epoch; null where it would not have before the record ends. */
  readonly rolledBackAt: number | null;
}

/**
 * Applies the rivals' rules to the recorded batches: their checks and limits on the requests of this canary at the weights that Sluice
 * gave it, from its first weight on. It says nothing of what would have happened at their own weights: `sluice simulate` does.
 */
export function otherDecisions({ objectives, raises }: EvidenceRecord): readonly OtherDecision[] {
  const from = raises[0]?.at;
  const errors = objectives.find(({ parameters }) => parameters.latencyEdge === null);
  if (from === undefined || errors === undefined || errors.shortened !== null) return [];
  const timed = objectives.find(
    ({ batches, shortened }) => shortened === null && batches.some(({ latency }) => latency),
  );
  return RIVALS.map((rival) => ({
    rule: rival.name,
    description: rival.description,
    rolledBackAt: rolledBackAt(rival, { from, errors, timed }),
  }));
}

interface Evidence {
  readonly from: number;
  readonly errors: RecordedObjective;
  readonly timed: RecordedObjective | undefined;
}

function rolledBackAt(rival: Rival, evidence: Evidence): number | null {
  const rule = rival.rule();
  const end = evidence.errors.batches.at(-1)?.at ?? evidence.from;
  for (let at = evidence.from + rival.intervalS * 1000; at <= end; at += rival.intervalS * 1000) {
    if (rule(measuredAt(rival, evidence, at)) === 'RollBack') return at;
  }
  return null;
}

function measuredAt({ windowS, measuresP99 }: Rival, { errors, timed }: Evidence, at: number): Measured {
  const inWindow = <T extends { readonly at: number }>(batches: readonly T[]) =>
    batches.filter((batch) => batch.at > at - windowS * 1000 && batch.at <= at);
  const counts = inWindow(errors.batches).reduce<ArmCounts>(
    (sum, { canary }) => ({
      requests: sum.requests + canary.requests,
      failures: sum.failures + canary.failures,
    }),
    { requests: 0, failures: 0 },
  );
  const p99Ms = measuresP99 && timed !== undefined ? p99Of(inWindow(timed.batches)) : null;
  return { ...counts, p99Ms };
}

/** Null where nothing was timed. */
function p99Of(batches: RecordedObjective['batches']): number | null {
  const timed = batches.flatMap(({ latency }) => latency ?? []);
  const [first] = timed;
  if (first === undefined) return null;
  const requests = timed.reduce((sum, { canary }) => sum + canary.requests, 0);
  const within = first.edges.map((_, i) => timed.reduce((sum, { canary }) => sum + (canary.within[i] ?? 0), 0));
  return estimatedP99(first.edges, { requests, within });
}
