import { logSumExp } from './log-space.ts';

/**
 * Evidence of one test: a bet on each alternative of its grid, started anew at every batch in case the fault begins there
 * (analysis.md 2d.1). Plain numbers, exact through JSON.
 */
export interface Mixture {
  /** Batches that carried information. */
  readonly batches: number;
  /** ln of what the bets on each alternative have grown to; empty before the first batch. */
  readonly lnMasses: readonly number[];
}

/** No evidence yet. */
export const EMPTY_MIXTURE: Mixture = { batches: 0, lnMasses: [] };

/** Adds one batch: `lnFactors` holds ln of the likelihood ratio of each alternative of the grid against the null. */
export function grow(mixture: Mixture, lnFactors: readonly number[], plannedBatches: number): Mixture {
  const batches = mixture.batches + 1;
  const share = startShare(batches, plannedBatches);
  const lnStart = Math.log(share / lnFactors.length);
  const lnMasses = lnFactors.map((lnFactor, i) => {
    const before = mixture.lnMasses[i];
    if (before === undefined) return lnStart + lnFactor;
    return (share === 0 ? before : logSumExp([before, lnStart])) + lnFactor;
  });
  return { batches, lnMasses };
}

/** Returns ln E: the bets' growth and the part of the stake that is kept back for later starts. */
export function lnEvidence(mixture: Mixture, plannedBatches: number): number {
  if (mixture.batches === 0) return 0;
  const kept = 0.5 * Math.max(0, 1 - mixture.batches / plannedBatches);
  return logSumExp(kept > 0 ? [...mixture.lnMasses, Math.log(kept)] : mixture.lnMasses);
}

/** Returns the mixture with its evidence held to at most `lnCap`. Lowering evidence is always allowed; it lets old proof be forgotten. */
export function capped(mixture: Mixture, lnCap: number): Mixture {
  const lnEach = lnCap - Math.log(Math.max(1, mixture.lnMasses.length));
  return { ...mixture, lnMasses: mixture.lnMasses.map((lnMass) => Math.min(lnMass, lnEach)) };
}

/** Half the stake and one share goes on a fault present from the start, one share on a start at each later batch. */
function startShare(batch: number, plannedBatches: number): number {
  if (batch === 1) return 0.5 + 0.5 / plannedBatches;
  return batch <= plannedBatches ? 0.5 / plannedBatches : 0;
}
