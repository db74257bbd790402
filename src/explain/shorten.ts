import { type ArmCounts, type Batch, type LatencyBatch, verdictOf } from '../../machines/judge/index.ts';
import type { Raise } from '../../machines/rollout/context.ts';
import { type EvidenceRecord, encodeInPieces, type RecordedObjective } from './record.ts';
import { judgeInPieces } from './replay.ts';

/**
 * A record takes at most this many bytes. A ConfigMap may hold four times as much, but there are five for each Rollout, and etcd is
 * made for a few gigabytes in all.
 */
export const MOST_BYTES = 256 * 1024;

export interface ShortenOptions {
  readonly mostBytes: number;
  /** Awaited between pieces of work, so that nothing else waits for long. */
  readonly pause: () => Promise<void>;
}

/** How batches are added up, mildest first: those that end more than `keptMs` before the newest, into lengths of `lengthMs`. */
const MERGES = [
  { lengthMs: 5_000, keptMs: 600_000 },
  { lengthMs: 15_000, keptMs: 600_000 },
  { lengthMs: 60_000, keptMs: 600_000 },
  { lengthMs: 60_000, keptMs: 120_000 },
  { lengthMs: 300_000, keptMs: 60_000 },
] as const;
type Merge = (typeof MERGES)[number];

/** The part of the batches below which nothing is left of them, however many there were. */
const LEAST_KEPT = 1e-9;

/**
 * The record in as many bytes as are allowed. Where it is too large, its oldest batches are added up in longer ones, as far as the
 * judge comes to the same verdict from them. Where that is not enough, the oldest are left out and the record says so.
 */
export async function encodeWithin(record: EvidenceRecord, options: ShortenOptions): Promise<Buffer> {
  const { mostBytes, pause } = options;
  let bytes = await encodeInPieces(record, pause);
  for (const merge of MERGES) {
    if (bytes.length <= mostBytes) return bytes;
    bytes = await encodeInPieces(await withMerged(record, merge, pause), pause);
  }
  for (let kept = 0.5; bytes.length > mostBytes && kept > LEAST_KEPT; kept /= 2) {
    const objectives = record.objectives.map((objective) => truncated(objective, kept));
    bytes = await encodeInPieces({ ...record, objectives }, pause);
  }
  return bytes;
}

async function withMerged(record: EvidenceRecord, merge: Merge, pause: () => Promise<void>): Promise<EvidenceRecord> {
  const objectives: RecordedObjective[] = [];
  for (const objective of record.objectives) {
    const batches = mergedBatches(objective.batches, record.raises, merge);
    const shorter = {
      ...objective,
      batches,
      shortened: { kind: 'merged', batches: objective.batches.length },
    } as const;
    const again = await judgeInPieces(shorter, record.raises, pause);
    objectives.push(isSameVerdict(objective, verdictOf(again, objective.parameters)) ? shorter : objective);
  }
  return { ...record, objectives };
}

function isSameVerdict({ verdict, parameters }: RecordedObjective, again: ReturnType<typeof verdictOf>): boolean {
  const wasShown = verdict.lnAccept >= -Math.log(parameters.falseAccept);
  const isSame = again.kind === verdict.kind && again.reason === verdict.reason && again.at === verdict.at;
  return isSame && again.acceptance.reached === wasShown;
}

/** Adds old batches up; never over a raise of the weight, which the judge must see where it was. */
export function mergedBatches(
  batches: readonly Batch[],
  raises: readonly Raise[],
  { lengthMs, keptMs }: { readonly lengthMs: number; readonly keptMs: number },
): readonly Batch[] {
  const keptFrom = (batches.at(-1)?.at ?? 0) - keptMs;
  const result: Batch[] = [];
  let group = '';
  for (const batch of batches) {
    const raisedAt = raises.findLast(({ at }) => at <= batch.at)?.at;
    const own = batch.at > keptFrom ? `${batch.at}` : `${Math.ceil(batch.at / lengthMs)} ${raisedAt}`;
    const last = result.at(-1);
    const sum = last !== undefined && own === group ? added(last, batch) : null;
    if (sum === null) result.push(batch);
    else result[result.length - 1] = sum;
    group = own;
  }
  return result;
}

/** The sum of two batches, or null where they cannot be added up without losing something. */
function added(a: Batch, b: Batch): Batch | null {
  const latency = addedLatency(a.latency ?? null, b.latency ?? null);
  if (latency === undefined) return null;
  const pods = addedPods(a.stablePods ?? null, b.stablePods ?? null);
  return {
    at: b.at,
    ...(a.from != null && b.from != null && { from: Math.min(a.from, b.from) }),
    canary: addedCounts(a.canary, b.canary),
    stable: addedCounts(a.stable, b.stable),
    ...(latency !== null && { latency }),
    ...(pods !== null && { stablePods: pods }),
  };
}

function addedCounts(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}

/** Undefined where the two have different edges. */
function addedLatency(a: LatencyBatch | null, b: LatencyBatch | null): LatencyBatch | null | undefined {
  if (a === null || b === null) return a ?? b;
  if (a.edges.length !== b.edges.length || a.edges.some((edge, i) => edge !== b.edges[i])) return undefined;
  const arm = (name: 'canary' | 'stable') => ({
    requests: a[name].requests + b[name].requests,
    within: a.edges.map((_, i) => (a[name].within[i] ?? 0) + (b[name].within[i] ?? 0)),
  });
  return { edges: a.edges, canary: arm('canary'), stable: arm('stable') };
}

type PodCounts = Readonly<Record<string, ArmCounts>>;

function addedPods(a: PodCounts | null, b: PodCounts | null): PodCounts | null {
  if (a === null || b === null) return a ?? b;
  const sum: Record<string, ArmCounts> = { ...a };
  for (const [pod, counts] of Object.entries(b))
    sum[pod] = addedCounts(sum[pod] ?? { requests: 0, failures: 0 }, counts);
  return sum;
}

function truncated(objective: RecordedObjective, kept: number): RecordedObjective {
  const { batches } = objective;
  const from = batches.length - Math.floor(batches.length * kept);
  return { ...objective, batches: batches.slice(from), shortened: { kind: 'truncated', batches: batches.length } };
}
