import { type ArmIncrement, cellOf, type Grid } from './cells.ts';
import type { EdgeAgreement } from './edges.ts';
import type { Batch } from './port.ts';

/**
 * Sorts increments into the cells that end after `closedUntil`, up to `until`, and gives one batch for each cell with requests, oldest
 * first. An increment whose cell was closed already goes into the first open cell, so nothing is lost and no batch ever changes. With
 * agreed edges, batches from the agreement on carry the durations of all requests whose histogram has those edges.
 *
 * Recomputed from the same samples in one go, the sums over all batches are equal. What may differ is the cell of an increment that
 * first arrived after its cell was closed: it then stands where its timestamp says. A recomputation leaves out growth only when the sample
 * that shows it to be older than the evidence, or to be its caller's first, had arrived after a later one was counted.
 *
 * All increments must be stamped at or before `until`.
 */
export function cutBatches(increments: readonly ArmIncrement[], grid: Grid, agreement?: EdgeAgreement): Batch[] {
  const cells = new Map<number, MutableBatch>();
  for (const increment of increments) {
    const at = cellOf(increment.at, grid);
    let cell = cells.get(at);
    if (cell === undefined) {
      const hasLatency = agreement !== undefined && agreement.since !== null && at >= agreement.since;
      cell = emptyBatch(at, hasLatency ? agreement.edges : null);
      cells.set(at, cell);
    }
    const arm = cell[increment.arm];
    arm.requests += increment.requests;
    arm.failures += increment.failures;
    addDurations(cell, increment);
    if (increment.since !== undefined) cell.from = Math.min(cell.from ?? increment.since, increment.since);
    if (increment.arm === 'stable') addPod(cell, increment);
  }
  return [...cells.values()].sort((a, b) => a.at - b.at).map(finish);
}

/** Failures that came before their requests, by version: another counter counts those, and may be scraped later. */
export interface Carried {
  canary: number;
  stable: number;
}

/** Moves failures beyond a batch's requests into the next batches, so that none has more failures than requests. Changes `carried`. */
export function carryFailures(batches: readonly Batch[], carried: Carried): Batch[] {
  return batches
    .map((batch) => ({ ...batch, canary: carry(batch, 'canary', carried), stable: carry(batch, 'stable', carried) }))
    .filter(({ canary, stable }) => canary.requests + stable.requests > 0);
}

function carry(batch: Batch, arm: 'canary' | 'stable', carried: Carried): Batch['canary'] {
  const { requests, failures } = batch[arm];
  const all = failures + carried[arm];
  carried[arm] = Math.max(0, all - requests);
  return { requests, failures: Math.min(all, requests) };
}

interface MutableBatch {
  readonly at: number;
  readonly canary: { requests: number; failures: number };
  readonly stable: { requests: number; failures: number };
  readonly latency: MutableLatency | null;
  /** Undefined where no increment said one. */
  from: number | undefined;
  readonly pods: Map<string, { requests: number; failures: number }>;
  /** Every increment of stable told its pod. */
  arePodsKnown: boolean;
}

interface MutableLatency {
  readonly edges: readonly number[];
  readonly canary: { requests: number; within: number[] };
  readonly stable: { requests: number; within: number[] };
}

function emptyBatch(at: number, edges: readonly number[] | null): MutableBatch {
  const arm = () => ({ requests: 0, within: (edges ?? []).map(() => 0) });
  return {
    at,
    canary: { requests: 0, failures: 0 },
    stable: { requests: 0, failures: 0 },
    latency: edges === null ? null : { edges, canary: arm(), stable: arm() },
    from: undefined,
    pods: new Map(),
    arePodsKnown: true,
  };
}

function addDurations({ latency }: MutableBatch, { arm, requests, durations }: ArmIncrement): void {
  if (latency === null || durations === undefined) return;
  const columns = latency.edges.map((edge) => durations.edges.indexOf(edge));
  if (columns.includes(-1)) return;
  const sums = latency[arm];
  sums.requests += requests;
  for (const [index, column] of columns.entries()) {
    sums.within[index] = (sums.within[index] ?? 0) + (durations.within[column] ?? 0);
  }
}

function addPod(cell: MutableBatch, { pod, requests, failures }: ArmIncrement): void {
  if (pod === undefined) {
    cell.arePodsKnown = false;
    return;
  }
  const counts = cell.pods.get(pod) ?? { requests: 0, failures: 0 };
  counts.requests += requests;
  counts.failures += failures;
  cell.pods.set(pod, counts);
}

function finish({ at, canary, stable, latency, from, pods, arePodsKnown }: MutableBatch): Batch {
  const stablePods = Object.fromEntries(
    [...pods].map(([pod, { requests, failures }]) => [pod, { requests, failures: Math.min(requests, failures) }]),
  );
  return {
    at,
    canary,
    stable,
    ...(latency === null ? {} : { latency }),
    ...(from === undefined ? {} : { from }),
    ...(arePodsKnown && pods.size > 0 ? { stablePods } : {}),
  };
}
