import { logAddExp, logSumExp } from './log-space.ts';

/**
 * Evidence of one test: a bet on each alternative of its grid, begun anew at every batch in case the fault begins there
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

/** How a mixture spreads its stake. */
export interface Stake {
  /**
   * N: the batches at which a fault is expected to begin. With 1 the whole stake is on a fault that is there from the start.
   */
  readonly plannedBatches: number;
  /** ln of the share of each alternative; without it all have the same. The shares must sum to 1. */
  readonly lnShares?: readonly number[];
}

/** Stakes everything on alternatives that hold from the first batch on. */
export const FROM_THE_START: Stake = { plannedBatches: 1 };

/** Adds one batch: `lnFactors` holds ln of the likelihood ratio of each alternative of the grid against the null. */
export function grow(mixture: Mixture, lnFactors: readonly number[], stake: Stake): Mixture {
  const batches = mixture.batches + 1;
  const lnStart = Math.log(keptAfter(mixture.batches, stake.plannedBatches) - keptAfter(batches, stake.plannedBatches));
  const lnEqual = -Math.log(lnFactors.length);
  const lnMasses = lnFactors.map((lnFactor, i) => {
    const before = mixture.lnMasses[i];
    const started = lnStart + (stake.lnShares?.[i] ?? lnEqual);
    return (before === undefined ? started : logAddExp(before, started)) + lnFactor;
  });
  return { batches, lnMasses };
}

/** Returns ln E: the bets' growth and the part of the stake that is kept back for later starts. */
export function lnEvidence(mixture: Mixture, stake: Stake): number {
  if (mixture.batches === 0) return 0;
  const kept = keptAfter(mixture.batches, stake.plannedBatches);
  return logSumExp(kept > 0 ? [...mixture.lnMasses, Math.log(kept)] : mixture.lnMasses);
}

/**
 * Returns the mixture with its bets held to at most `lnCap` together. Lowering evidence is always allowed; it lets old proof be
 * forgotten.
 */
export function capped(mixture: Mixture, lnCap: number): Mixture {
  const lnEach = lnCap - Math.log(Math.max(1, mixture.lnMasses.length));
  return { ...mixture, lnMasses: mixture.lnMasses.map((lnMass) => Math.min(lnMass, lnEach)) };
}

/** Divides ln factors by the dispersion φ, so that failures in clumps count once (analysis.md 2d.2). */
export function temper(lnFactors: readonly number[], dispersion: number): readonly number[] {
  return dispersion === 1 ? lnFactors : lnFactors.map((lnFactor) => lnFactor / dispersion);
}

/** Part of the stake for faults that begin within the planned batches, and for those that begin later still. */
const PLANNED = 0.5;
const LATER = 0.1;

/**
 * The part of the stake that is not yet placed after a number of batches. The first batch gets what is for neither of the two parts.
 * The planned part goes in equal shares; what is for later shrinks as N/t and never ends, so that a release held overnight is still
 * watched: analysis.md 2d.1 has no such part, which costs ln 1.25 for faults that are there from the start.
 */
function keptAfter(batches: number, plannedBatches: number): number {
  if (batches === 0) return 1;
  if (plannedBatches <= 1) return 0;
  if (batches <= plannedBatches) return LATER + PLANNED * (1 - batches / plannedBatches);
  return (LATER * plannedBatches) / batches;
}
