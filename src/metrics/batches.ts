import type { Batch } from './port.ts';

/** What a request counts as. `excluded`: answered by a fault or a rate limit of the mesh, so it says nothing about a version. */
export type Outcome = 'ok' | 'failure' | 'excluded';

/** Growth of one counter of one version, with what its requests count as. */
export interface ArmIncrement {
  /** Timestamp of the sample that showed it, in ms. */
  readonly at: number;
  readonly arm: 'canary' | 'stable';
  readonly failed: boolean;
  readonly amount: number;
}

/** Length of the cells into which batches are cut, in ms; cells are aligned to the epoch. */
export const DEFAULT_CELL_MS = 1000;

/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the codes by which a server says that it failed. */
const GRPC_SERVER_FAILURES: ReadonlySet<string> = new Set(['2', '4', '12', '13', '14', '15']);
/** Envoy's flags for an injected abort and for a local rate limit. */
const EXCLUDED_FLAGS: readonly string[] = ['FI', 'RL'];
/** Envoy's flag for a client that went away: code 0 and often no fault of the server. */
const CLIENT_GONE = 'DC';

/** What the requests of a series with these labels count as. A client that went away is a request, but no failure. */
export function outcomeOf(labels: Readonly<Record<string, string>>): Outcome {
  const flags = (labels['response_flags'] ?? '').split(',');
  if (EXCLUDED_FLAGS.some((flag) => flags.includes(flag))) return 'excluded';
  if (flags.includes(CLIENT_GONE)) return 'ok';
  const isHttpFailure = /^(5\d\d|0)$/.test(labels['response_code'] ?? '');
  return isHttpFailure || GRPC_SERVER_FAILURES.has(labels['grpc_response_status'] ?? '') ? 'failure' : 'ok';
}

/** The latest cell border that samples stamped up to `at` can fill. */
export function lastBorder(at: number, cellMs: number): number {
  return Math.floor(at / cellMs) * cellMs;
}

/**
 * Sorts increments into the cells that end after `closedUntil`, up to `until`, and gives one batch for each cell with requests, oldest
 * first. An increment whose cell was closed already goes into the first open cell, so nothing is lost and no batch ever changes.
 *
 * Recomputed from the same samples in one go, the sums over all batches are equal. What may differ is the cell of an increment that
 * first arrived after its cell was closed: it then stands where its timestamp says. A recomputation leaves out growth only when the sample
 * that shows it to be older than the evidence, or to be its caller's first, had arrived after a later one was counted.
 *
 * All increments must be stamped at or before `until`, and `closedUntil` must be below it; both are cell borders.
 */
export function cutBatches(
  increments: readonly ArmIncrement[],
  { closedUntil, until, cellMs }: { readonly closedUntil: number; readonly until: number; readonly cellMs: number },
): Batch[] {
  const firstOpen = closedUntil + cellMs;
  const cells = new Map<number, MutableBatch>();
  for (const increment of increments) {
    const own = Math.ceil(increment.at / cellMs) * cellMs;
    const at = Math.min(Math.max(own, firstOpen), until);
    let cell = cells.get(at);
    if (cell === undefined) {
      cell = { at, canary: { requests: 0, failures: 0 }, stable: { requests: 0, failures: 0 } };
      cells.set(at, cell);
    }
    const arm = cell[increment.arm];
    arm.requests += increment.amount;
    if (increment.failed) arm.failures += increment.amount;
  }
  return [...cells.values()].sort((a, b) => a.at - b.at);
}

interface MutableBatch {
  readonly at: number;
  readonly canary: { requests: number; failures: number };
  readonly stable: { requests: number; failures: number };
}
