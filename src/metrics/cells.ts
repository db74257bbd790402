/** Growth of one counter of one version, with what its requests count as. */
export interface ArmIncrement {
  /** Timestamp of the sample that showed it, in ms. */
  readonly at: number;
  readonly arm: 'canary' | 'stable';
  readonly requests: number;
  readonly failures: number;
  /** The pod that answered, where known. */
  readonly pod?: string | undefined;
  /** Timestamp of the sample that it is measured from; where nobody knows, −Infinity. */
  readonly since?: number;
  /** Of the same requests, how many took at most each edge (ms). */
  readonly durations?: { readonly edges: readonly number[]; readonly within: readonly number[] };
}

/** Which cells are open, and how long they are. Times in ms; both ends are cell borders, `closedUntil` the lower. */
export interface Grid {
  readonly closedUntil: number;
  readonly until: number;
  readonly cellMs: number;
}

/** Length of the cells into which batches are cut, in ms; cells are aligned to the epoch. */
export const DEFAULT_CELL_MS = 1000;

/** The latest cell border that samples stamped up to `at` can fill. */
export function lastBorder(at: number, cellMs: number): number {
  return Math.floor(at / cellMs) * cellMs;
}

/** The end of the cell that growth with this timestamp goes into; what belongs to a closed cell goes into the first open one. */
export function cellOf(at: number, { closedUntil, until, cellMs }: Grid): number {
  return Math.min(Math.max(Math.ceil(at / cellMs) * cellMs, closedUntil + cellMs), until);
}
