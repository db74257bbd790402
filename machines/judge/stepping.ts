import { type ArmCounts, cleanCounts } from './counts.ts';
import { logSumExp } from './log-space.ts';

/** How fast a release may gain weight (analysis.md 3). */
export interface SteppingParameters {
  /** b: the share of all requests that may be expected to fail in addition during one reaction time; smaller is slower. */
  readonly riskBudget: number;
  /** h: the chance that a step itself breaks something, per unit of weight added. */
  readonly stepRisk: number;
  /** π: how likely a release is thought to be harmful before anything is known of it. */
  readonly harmPrior: number;
  /** γ: how much of what was learned still counts after a step, since behaviour may change with load. */
  readonly memory: number;
  /** κ: no step multiplies the weight by more than this. */
  readonly largestFactor: number;
  /** The same above a fifth of the traffic, where faults that depend on load appear. */
  readonly largestFactorAbove: number;
  /** The first weight, at most; between 0 and 1. */
  readonly firstWeight: number;
  /** F_cat: requests that may fail before a release that is broken altogether is taken back. */
  readonly catastropheCap: number;
  /** T_r: seconds from a failed request to the moment at which the canary gets none: scrape, evaluation, routing. */
  readonly reactionSeconds: number;
}

/** Defaults of analysis.md 3. */
export const DEFAULT_STEPPING: SteppingParameters = {
  riskBudget: 0.00125,
  stepRisk: 0.0005,
  harmPrior: 0.1,
  memory: 0.5,
  largestFactor: 2.5,
  largestFactorAbove: 1.75,
  firstWeight: 0.05,
  catastropheCap: 100,
  reactionSeconds: 20,
};

/** ln likelihood of each harm against none; empty before the first batch. Plain numbers, exact through JSON. */
export interface Risk {
  readonly lnLikelihoods: readonly number[];
}

/** Nothing known. */
export const UNKNOWN_RISK: Risk = { lnLikelihoods: [] };

/** Weights that a release may have, as shares. */
export const WEIGHTS: readonly number[] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1];

/** Failure ratios that a harmful release may have. The last stands for every request: with 1 itself one success would say never. */
const HARMS: readonly number[] = [0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 0.9999];

/** Where the steps become smaller, and where a release must be shown good first. */
const LOAD_MATTERS = 0.2;
const MUST_BE_GOOD = 0.5;

const SMALLEST_RATIO = 1e-9;
const LARGEST_RATIO = 0.99;

/** Learns from the canary's counts in one batch; `stableRatio` is what stable fails, known from before the batch. */
export function learn(risk: Risk, counts: ArmCounts, stableRatio: number): Risk {
  const { requests, failures } = cleanCounts(counts);
  const base = safeRatio(stableRatio);
  const lnLikelihoods = HARMS.map((harm, i) => {
    const gained = failures * Math.log(harm / base) + (requests - failures) * (Math.log1p(-harm) - Math.log1p(-base));
    return (risk.lnLikelihoods[i] ?? 0) + gained;
  });
  return { lnLikelihoods };
}

/** Forgets a part of what was learned: to be called at each step. */
export function forget(risk: Risk, { memory }: SteppingParameters): Risk {
  return { lnLikelihoods: risk.lnLikelihoods.map((lnLikelihood) => lnLikelihood * memory) };
}

/** ε: the share of the canary's requests that is expected to fail in addition, with harmless and harmful weighed by the evidence. */
export function expectedExtra(risk: Risk, stableRatio: number, { harmPrior }: SteppingParameters): number {
  const base = safeRatio(stableRatio);
  const lnEach = Math.log(harmPrior / HARMS.length);
  const lnHarms = HARMS.map((_, i) => lnEach + (risk.lnLikelihoods[i] ?? 0));
  const lnAll = logSumExp([Math.log1p(-harmPrior), ...lnHarms]);
  return HARMS.reduce((sum, harm, i) => {
    const probability = Math.exp((lnHarms[i] ?? Number.NEGATIVE_INFINITY) - lnAll);
    return sum + probability * Math.max(0, harm - base);
  }, 0);
}

/** Returns the first weight: small enough that even a release that always fails costs no more than the cap. */
export function firstWeight(requestRate: number, parameters: SteppingParameters): number {
  const most = parameters.catastropheCap / (Math.max(requestRate, 0) * parameters.reactionSeconds);
  return largestWeight((weight) => weight <= Math.min(parameters.firstWeight, most)) ?? WEIGHTS[0] ?? 0;
}

/** What the next weight depends on. */
export interface SteppingFacts {
  /** Present weight as a share. */
  readonly weight: number;
  readonly risk: Risk;
  readonly stableRatio: number;
  /** True when the accept test has shown the release good: needed for more than half of the traffic. */
  readonly isShownGood: boolean;
}

/**
 * Returns the next weight, or the present one while more would risk too much: the largest whose expected additional failures in one
 * reaction time, and the chance that the step itself breaks something, stay within the budget.
 */
export function nextWeight(facts: SteppingFacts, parameters: SteppingParameters): number {
  const { weight, risk, stableRatio, isShownGood } = facts;
  const extra = expectedExtra(risk, stableRatio, parameters);
  const factor = weight < LOAD_MATTERS ? parameters.largestFactor : parameters.largestFactorAbove;
  const isAllowed = (next: number) =>
    next * extra + (next - weight) * parameters.stepRisk <= parameters.riskBudget &&
    // A hair more, since 0.35 · 1.75 and the like are not exact.
    next <= weight * factor * (1 + 1e-9) &&
    (next <= MUST_BE_GOOD || isShownGood);
  const rung = largestWeight((next) => next > weight && isAllowed(next));
  // Between two rungs that are further apart than one step may be, and below the first one.
  const between = Math.min(1, weight * factor);
  return rung ?? (isRungInReach(weight, between) || !isAllowed(between) ? weight : between);
}

function isRungInReach(weight: number, most: number): boolean {
  return WEIGHTS.some((rung) => rung > weight && rung <= most * (1 + 1e-9));
}

function largestWeight(isAllowed: (weight: number) => boolean): number | undefined {
  return WEIGHTS.findLast(isAllowed);
}

function safeRatio(ratio: number): number {
  return ratio > 0 ? Math.min(LARGEST_RATIO, Math.max(SMALLEST_RATIO, ratio)) : SMALLEST_RATIO;
}
