import { addBatch, type Batch, beginJudging, type JudgeParameters } from '../../machines/judge/index.ts';
import { lnFactorial } from '../../src/simulate/random.ts';
import { argo, flagger, type TickRule } from '../../src/simulate/rivals.ts';
import { joined, TICK_S } from './judge-worlds.ts';

/** A rule at work on one run: takes the next tick's batch and says whether it rolls back now. */
export type Rule = (batch: Batch) => boolean;

/** Sluice's judge, which gets a batch every `intervalS`. */
export function sluiceRule(intervalS: number, parameters: JudgeParameters): Rule {
  let state = beginJudging();
  return every(intervalS, (batches) => {
    state = addBatch(state, joined(batches), parameters);
    return state.decided !== null;
  });
}

/** A rule that compares the success ratio of a window with a threshold at each tick. */
export interface ThresholdSetting {
  readonly intervalS: number;
  readonly windowS: number;
  /** Failure ratio above which a check fails. */
  readonly most: number;
}

/** Flagger's rule at its ticks, on failures alone. */
export function flaggerRule(setting: ThresholdSetting & { readonly threshold: number }): Rule {
  return atTicks(setting, flagger(setting));
}

/** The rule of Argo Rollouts at its measurements. */
export function argoRule(setting: ThresholdSetting & { readonly failureLimit: number }): Rule {
  return atTicks(setting, argo(setting));
}

function atTicks({ intervalS, windowS }: ThresholdSetting, rule: TickRule): Rule {
  let seen: readonly Batch[] = [];
  return every(intervalS, (batches) => {
    seen = [...seen, ...batches].slice(-windowS / TICK_S);
    return rule({ ...joined(seen).canary, p99Ms: null }) === 'RollBack';
  });
}

/** P(a check fails) with `expected` requests in its window of which each fails with probability p: sums over both numbers. */
export function checkFails(expected: number, p: number, most: number, emptyFails: boolean): number {
  let sum = emptyFails ? Math.exp(-expected) : 0;
  const spread = 8 * Math.sqrt(expected) + 20;
  for (let n = Math.max(1, Math.floor(expected - spread)); n <= expected + spread; n++) {
    const lnWeight = n * Math.log(expected) - expected - lnFactorial(n);
    let passes = 0;
    for (let x = 0; x <= most * n && x <= n; x++) passes += Math.exp(lnBinomial(n, x, p));
    sum += Math.exp(lnWeight) * Math.max(0, 1 - passes);
  }
  return sum;
}

/** P(at least k of n checks fail). */
export function atLeast(k: number, n: number, p: number): number {
  let below = 0;
  for (let x = 0; x < k; x++) below += Math.exp(lnBinomial(n, x, p));
  return 1 - below;
}

function lnBinomial(n: number, x: number, p: number): number {
  if (p <= 0) return x === 0 ? 0 : Number.NEGATIVE_INFINITY;
  if (p >= 1) return x === n ? 0 : Number.NEGATIVE_INFINITY;
  return lnFactorial(n) - lnFactorial(x) - lnFactorial(n - x) + x * Math.log(p) + (n - x) * Math.log1p(-p);
}

function every(intervalS: number, decide: (batches: readonly Batch[]) => boolean): Rule {
  let waiting: Batch[] = [];
  return (batch) => {
    waiting.push(batch);
    if (waiting.length * TICK_S < intervalS) return false;
    const batches = waiting;
    waiting = [];
    return decide(batches);
  };
}
