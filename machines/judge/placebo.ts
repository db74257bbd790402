import { type ArmCounts, addCounts, cleanCounts, NO_COUNTS } from './counts.ts';
import { EMPTY_MIXTURE, grow, lnEvidence, type Mixture, temper } from './mixture.ts';
import type { JudgeParameters } from './parameters.ts';
import { ratioGrid, twoArmFactors } from './two-arm.ts';

/** One stable pod judged as if it were the canary. */
interface Pretender {
  readonly evidence: Mixture;
  /** Largest ln evidence that it has ever shown; 0 at the start. */
  readonly lnPeak: number;
}

/** All stable pods, each judged against the others, by name. */
export type PlaceboState = Readonly<Record<string, Pretender>>;

/** What the pretenders show: how often this installation would have rolled back a pod that is known to be good. */
export interface PlaceboReport {
  /** Pods judged. */
  readonly pods: number;
  /** Pods that showed enough evidence for a rollback: `alarms / pods` is the realised share of false rollbacks. */
  readonly alarms: number;
  /** The strongest of them, ln; a canary that is no worse than its fellows stays below with probability pods/(pods + 1). */
  readonly lnPeak: number;
}

/** Nothing judged yet. */
export const NO_PLACEBO: PlaceboState = {};

/** More pods than this add cost and no certainty worth it; the first by name are taken. */
const MOST_PODS = 20;

/**
 * Judges each stable pod against the others in one batch (analysis.md 2d.3). A pod that has gone keeps what it showed; one more than
 * the limit is left out.
 */
export function addPlaceboBatch(
  state: PlaceboState,
  pods: Readonly<Record<string, ArmCounts>>,
  safe: JudgeParameters,
): PlaceboState {
  const names = Object.keys(pods).toSorted();
  const all = names.reduce((sum, name) => addCounts(sum, cleanCounts(pods[name] ?? NO_COUNTS)), NO_COUNTS);
  const next: Record<string, Pretender> = { ...state };
  for (const name of names) {
    if (next[name] === undefined && Object.keys(next).length >= MOST_PODS) continue;
    const pod = cleanCounts(pods[name] ?? NO_COUNTS);
    const others = { requests: all.requests - pod.requests, failures: all.failures - pod.failures };
    next[name] = judge(next[name] ?? { evidence: EMPTY_MIXTURE, lnPeak: 0 }, pod, others, safe);
  }
  return next;
}

/** Sums up what the pretenders have shown. */
export function placeboReport(state: PlaceboState, safe: JudgeParameters): PlaceboReport {
  const peaks = Object.values(state).map((pretender) => pretender.lnPeak);
  const lnNeeded = -Math.log(safe.falseRollback);
  return {
    pods: peaks.length,
    alarms: peaks.filter((lnPeak) => lnPeak >= lnNeeded).length,
    lnPeak: Math.max(0, ...peaks),
  };
}

function judge(before: Pretender, pod: ArmCounts, others: ArmCounts, safe: JudgeParameters): Pretender {
  const factors = twoArmFactors({ canary: pod, stable: others }, ratioGrid(safe.margin), safe.margin);
  if (factors === null) return before;
  const evidence = grow(before.evidence, temper(factors, safe.dispersion), safe);
  return { evidence, lnPeak: Math.max(before.lnPeak, lnEvidence(evidence, safe)) };
}
