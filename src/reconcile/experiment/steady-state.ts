import type { SteadyStateKind } from '../../../machines/experiment/facts.ts';
import {
  type ArmCounts,
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
  readonly kind: SteadyStateKind;
  readonly message: string;
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
 * Judges by the objective (analysis 2b for the breach, 2d.8 for what holds): as `canary` users of callers that know the fault, as `stable` those
 * of the control group, of callers that do not; without one nothing is `stable`. A breach that the control group shares is not the fault's. Pure,
 * and the same however often and from whatever restart it is asked.
 */
export function steadyStateOf(rule: SteadyStateRule, batches: readonly Batch[]): SteadyState {
  const verdict = judgedAlone(rule, batches, 'canary');
  const kind = kindOf(verdict);
  if (kind !== 'Breached')
    return { objective: rule.objective, kind, message: sentence(rule, kind, { verdict, batches }) };
  const shared = isShared(rule, batches) ? 'BreachedEverywhere' : 'Breached';
  return { objective: rule.objective, kind: shared, message: sentence(rule, shared, { verdict, batches }) };
}

/** The worst of several; null where there is none. */
export function worstOf(states: readonly SteadyState[]): SteadyState | null {
  return (
    WORST_FIRST.map((kind) => states.find((state) => state.kind === kind)).find((state) => state !== undefined) ?? null
  );
}

const WORST_FIRST: readonly SteadyStateKind[] = ['Breached', 'BreachedEverywhere', 'Undecided', 'Holds'];

/**
 * The control group breaches the objective too; or it fails more than the objective allows, so far too rarely to show it, and nothing shows the
 * others to be worse (two samples, analysis 2a).
 */
function isShared(rule: SteadyStateRule, batches: readonly Batch[]): boolean {
  const control = judgedAlone(rule, batches, 'stable');
  if (control.kind === 'Rollback') return true;
  const { requests, failures } = control.canary;
  if (requests === 0 || failures / requests <= rule.allowedRatio) return false;
  const harm = { ...parametersOf(rule), weights: { harm: 1, latency: 0, slo: 0 } };
  const counts = batches.map(({ at, canary, stable }) => ({ at, canary, stable }));
  return verdictBy(counts, harm).kind !== 'Rollback';
}

function judgedAlone(rule: SteadyStateRule, batches: readonly Batch[], arm: 'canary' | 'stable'): Verdict {
  const alone = batches.map((batch) => ({ at: batch.at, canary: batch[arm], stable: { requests: 0, failures: 0 } }));
  return verdictBy(alone, { ...parametersOf(rule), weights: { harm: 0, latency: 0, slo: 1 } });
}

function verdictBy(batches: readonly Pick<Batch, 'at' | 'canary' | 'stable'>[], parameters: JudgeParameters): Verdict {
  const judged = batches.reduce((state, batch) => addBatch(state, batch, parameters), beginJudging());
  return verdictOf(judged, parameters);
}

function parametersOf({ allowedRatio, falseStop, dispersion }: SteadyStateRule): JudgeParameters {
  return { ...DEFAULT_PARAMETERS, falseRollback: falseStop, sloFailureRatio: allowedRatio, dispersion };
}

function kindOf({ kind, acceptance }: Verdict): SteadyStateKind {
  if (kind === 'Rollback') return 'Breached';
  return acceptance.reached ? 'Holds' : 'Undecided';
}

const LEADS: Readonly<Record<SteadyStateKind, string>> = {
  Breached: 'breached',
  BreachedEverywhere: 'breached, but without the fault too',
  Holds: 'holds',
  Undecided: 'not shown either way yet',
};

function sentence(
  { objective, allowedRatio }: SteadyStateRule,
  kind: SteadyStateKind,
  { verdict, batches }: { readonly verdict: Verdict; readonly batches: readonly Batch[] },
): string {
  const { canary, lnTotal, at } = verdict;
  // What decided stays, so what is told beside it ends with it.
  const control = totalOf(batches.filter(({ at: end }) => at === null || end <= at));
  const odds = kind === 'Breached' || kind === 'BreachedEverywhere' ? `, ${oddsInWords(lnTotal)}` : '';
  const allowed = `${percent(allowedRatio)} are allowed`;
  const counts = inWords(canary);
  return control.requests === 0
    ? `${objective}: ${LEADS[kind]}${odds}: ${counts} failed, ${allowed}`
    : `${objective}: ${LEADS[kind]}${odds}: ${counts} failed under the fault, ${inWords(control)} without, ${allowed}`;
}

function totalOf(batches: readonly Batch[]): ArmCounts {
  return batches.reduce(
    ({ requests, failures }, { stable }) => ({
      requests: requests + stable.requests,
      failures: failures + stable.failures,
    }),
    { requests: 0, failures: 0 },
  );
}

function inWords({ requests, failures }: ArmCounts): string {
  return `${grouped(failures)} of ${grouped(requests)}`;
}
