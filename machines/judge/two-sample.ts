import type { TwoArms } from './counts.ts';

/** Guesses of the two ratios, made before the batch; both in (0, 1). */
export interface Guess {
  readonly canary: number;
  readonly stable: number;
}

/**
 * Returns ln of the factor of one batch for one guess (analysis.md 2a, A2; `failures` are what is counted, failed or slow): the odds of the counts at the guess against the member of
 * "canary at most `margin` times stable" that is nearest to the guess. Exact also for ratios near one half. It is 0, no
 * evidence, where a version had no request or where the guess itself lies within the margin.
 */
export function twoSampleFactor({ canary, stable }: TwoArms, guess: Guess, margin: number): number {
  if (canary.requests === 0 || stable.requests === 0 || guess.canary <= margin * guess.stable) return 0;
  const b = nearestStable({ canary, stable }, guess, margin);
  return lnOdds(canary, guess.canary, margin * b) + lnOdds(stable, guess.stable, b);
}

/**
 * Returns stable's ratio b in the null's nearest member (margin·b, b): the smaller root of
 * r0(n_c+n_s)b² − [S(1+r0)+F·r0+G]b + S = 0, which lies in (0, 1/r0). Written with the root in the denominator: the two terms of
 * the usual form nearly cancel where one version has most of the traffic.
 */
export function nearestStable({ canary, stable }: TwoArms, guess: Guess, margin: number): number {
  const slow = canary.requests * guess.canary + stable.requests * guess.stable;
  if (margin === 1) return slow / (canary.requests + stable.requests);
  const fastCanary = canary.requests * (1 - guess.canary);
  const fastStable = stable.requests * (1 - guess.stable);
  const square = margin * (canary.requests + stable.requests);
  const linear = slow * (1 + margin) + fastCanary * margin + fastStable;
  return (2 * slow) / (linear + Math.sqrt(Math.max(0, linear * linear - 4 * square * slow)));
}

function lnOdds(arm: TwoArms['canary'], guessed: number, nearest: number): number {
  const good = arm.requests - arm.failures;
  return arm.failures * Math.log(guessed / nearest) + good * (Math.log1p(-guessed) - Math.log1p(-nearest));
}
