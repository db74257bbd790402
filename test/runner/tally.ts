/** One test or check that did not pass. */
export interface Failure {
  readonly name: string;
  /** Everything that is known, ready to print. */
  readonly text: string;
}

/** One test that did not run, and why. */
export interface Skip {
  readonly name: string;
  readonly reason: string;
}

/** What one tier came to. */
export interface Tally {
  readonly tier: string;
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skips: readonly Skip[];
  readonly elapsedMs: number;
}

/** Passed, failed and skipped tests, as a tier counts them while it runs. */
export interface Counts {
  passed: number;
  readonly failures: Failure[];
  readonly skips: Skip[];
}

/** Counts with nothing in them. */
export function noCounts(): Counts {
  return { passed: 0, failures: [], skips: [] };
}

/** The tier's result. A tier in which no test ran at all has failed: nothing shows that it can. */
export function toTally(tier: string, counts: Counts, elapsedMs: number): Tally {
  const ran = counts.passed + counts.failures.length + counts.skips.length;
  const failures =
    ran > 0 ? counts.failures : [{ name: `${tier}: no test ran`, text: `the ${tier} tier found no test to run` }];
  return { tier, passed: counts.passed, failures, skips: counts.skips, elapsedMs };
}
