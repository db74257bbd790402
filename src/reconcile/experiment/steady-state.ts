import {
  addBatch,
  beginJudging,
  DEFAULT_PARAMETERS,
  grouped,
  type JudgeParameters,
  oddsInWords,
  percent,
  type Verdict,
  verdictOf,
} from '../../../machines/judge/index.ts';
import type { Batch } from '../../metrics/port.ts';

/** What one objective of the steady state says of the callers' own users. */
export interface SteadyState {
  readonly objective: string;
  /** `Holds` only when it is shown; nothing seen is `Undecided`. */
  readonly kind: 'Holds' | 'Breached' | 'Undecided';
  readonly message: string;
  readonly requests: number;
  readonly failures: number;
}

/** An objective, and how sure to be. */
export interface SteadyStateRule {
  readonly objective: string;
  /** Share of failures that the objective allows, from 0 to 1. */
  readonly allowedRatio: number;
  /** α: share of experiments that harm nobody and are stopped all the same, at most. */
  readonly falseStop: number;
  /** φ of the past. */
  readonly dispersion: number;
}

/**
 * Judges by the objective alone (analysis 2b for the breach, 2d.8 for what holds): an experiment has no second version to compare with. Pure, and
 * the same however often and from whatever restart it is asked.
 */
export function steadyStateOf(rule: SteadyStateRule, batches: readonly Batch[]): SteadyState {
  const parameters = parametersOf(rule);
  const alone = batches.map((batch) => ({ at: batch.at, canary: batch.canary, stable: { requests: 0, failures: 0 } }));
  const verdict = verdictOf(
    alone.reduce((state, batch) => addBatch(state, batch, parameters), beginJudging()),
    parameters,
  );
  const { requests, failures } = verdict.canary;
  const kind = kindOf(verdict);
  return { objective: rule.objective, kind, message: sentence(rule, kind, verdict), requests, failures };
}

/** The worst of several; null where there is none. */
export function worstOf(states: readonly SteadyState[]): SteadyState | null {
  return (
    states.find(({ kind }) => kind === 'Breached') ??
    states.find(({ kind }) => kind === 'Undecided') ??
    states[0] ??
    null
  );
}

function parametersOf({ allowedRatio, falseStop, dispersion }: SteadyStateRule): JudgeParameters {
  return {
    ...DEFAULT_PARAMETERS,
    ...{ falseRollback: falseStop, sloFailureRatio: allowedRatio, dispersion },
    weights: { harm: 0, latency: 0, slo: 1 },
  };
}

function kindOf({ kind, acceptance }: Verdict): SteadyState['kind'] {
  if (kind === 'Rollback') return 'Breached';
  return acceptance.reached ? 'Holds' : 'Undecided';
}

function sentence({ objective, allowedRatio }: SteadyStateRule, kind: SteadyState['kind'], verdict: Verdict): string {
  const { canary, lnTotal } = verdict;
  const counts = `${grouped(canary.failures)} of ${grouped(canary.requests)} failed, ${percent(allowedRatio)} are allowed`;
  if (kind === 'Breached') return `${objective}: breached, ${oddsInWords(lnTotal)}: ${counts}`;
  return kind === 'Holds' ? `${objective}: holds: ${counts}` : `${objective}: not shown either way yet: ${counts}`;
}
