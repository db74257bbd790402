import type { TwoArms } from './counts.ts';

const RATIOS: readonly number[] = [1.5, 2, 3, 5, 8, 12, 20, 35, 60, 100, 200, 500, 1000];

/** Returns the failure ratios, canary over stable, that the test bets on: those above the margin, never none. */
export function ratioGrid(margin: number): readonly number[] {
  const above = RATIOS.filter((ratio) => ratio > margin);
  return above.length > 0 ? above : [margin * 2];
}

/**
 * Returns ln of the factor of one batch for each ratio: the odds that the batch's failures fell on the canary as they did, were its
 * failure ratio r times stable's, against `margin` times (analysis.md 2a, A1). Null where one version had no request.
 *
 * It equals x_c ln(q_r/q0) + x_s ln((1−q_r)/(1−q0)) with the two logarithms written so that neither loses digits.
 */
export function twoArmFactors(batch: TwoArms, ratios: readonly number[], margin: number): readonly number[] | null {
  const { canary, stable } = batch;
  if (canary.requests === 0 || stable.requests === 0) return null;
  const failures = canary.failures + stable.failures;
  const base = canary.requests * margin + stable.requests;
  return ratios.map(
    (ratio) =>
      canary.failures * Math.log(ratio / margin) - failures * Math.log1p((canary.requests * (ratio - margin)) / base),
  );
}
