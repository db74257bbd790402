import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Batch, JudgeParameters } from '../../machines/judge/index.ts';
import type { Raise } from '../../machines/rollout/context.ts';
import { AppError } from '../lib/errors.ts';
import { columnsSchema, fromColumns, toColumns } from './columns.ts';

/** All that the decisions of one release were made from, and what was decided: enough to decide again. Times are ms since the epoch. */
export interface EvidenceRecord {
  readonly rollout: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** The version that is released, and the one that it is compared with. */
  readonly revision: string;
  readonly stable: string;
  readonly startedAt: number;
  /** When the canary was given more weight, and how much, oldest first. */
  readonly raises: readonly Raise[];
  readonly objectives: readonly RecordedObjective[];
  /** How the release ended; null while it goes on. */
  readonly outcome: RecordedOutcome | null;
}

export interface RecordedOutcome {
  /** `Promoted`, `RolledBack` and so on, as in the Rollout's history. */
  readonly kind: string;
  readonly reason: string;
  readonly message: string;
  readonly at: number;
}

/** One objective: how it was judged, from what, and with which result. */
export interface RecordedObjective {
  readonly name: string;
  readonly parameters: JudgeParameters;
  /** As the metrics brought them, oldest first. */
  readonly batches: readonly Batch[];
  /** What the controller's judge said after the last of the batches. */
  readonly verdict: RecordedVerdict;
  /** What had to be left out to keep the record small; null where it holds every batch. */
  readonly shortened: Shortened | null;
}

export interface RecordedVerdict {
  readonly kind: 'Rollback' | 'Hold' | 'Advance';
  readonly reason: string;
  readonly message: string;
  readonly at: number | null;
  /** ln of the odds against a harmless release, and of those for a release that is good enough. */
  readonly lnTotal: number;
  readonly lnAccept: number;
}

export interface Shortened {
  /** `merged`: the oldest batches were added up in longer ones, and the verdict stays the same; `truncated`: they are gone. */
  readonly kind: 'merged' | 'truncated';
  /** Batches that there were. */
  readonly batches: number;
}

/** Raised when the record changes its meaning. */
const RECORD_VERSION = 1;

/** A record that grows beyond this when unpacked is none of ours. */
const MOST_BYTES_UNPACKED = 64 * 2 ** 20;

const time = z.int();
const parametersSchema = z.object({
  falseRollback: z.number(),
  falseAccept: z.number(),
  margin: z.number(),
  latencyMargin: z.number(),
  sloFailureRatio: z.number().nullable(),
  harmlessRatio: z.number().nullable(),
  latencyEdge: z.number().nullable(),
  tolerableFailureRatio: z.number().nullable(),
  minFailures: z.number(),
  minBatches: z.number(),
  minRequests: z.number(),
  plannedBatches: z.number(),
  dispersion: z.number(),
  blameWindowMs: z.number(),
  stepsBack: z.boolean().default(false),
  calmBefore: z.boolean().nullable().default(null),
  weights: z.object({ harm: z.number(), latency: z.number(), slo: z.number() }),
}) satisfies z.ZodType<JudgeParameters>;

const recordSchema = z.object({
  version: z.literal(RECORD_VERSION),
  rollout: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }),
  revision: z.string(),
  stable: z.string(),
  startedAt: time,
  raises: z.array(z.object({ at: time, weightBp: z.number() })),
  objectives: z.array(
    z.object({
      name: z.string(),
      parameters: parametersSchema,
      batches: columnsSchema,
      verdict: z.object({
        kind: z.enum(['Rollback', 'Hold', 'Advance']),
        reason: z.string(),
        message: z.string(),
        at: z.number().nullable(),
        lnTotal: z.number(),
        lnAccept: z.number(),
      }),
      shortened: z.object({ kind: z.enum(['merged', 'truncated']), batches: z.int() }).nullable(),
    }),
  ),
  outcome: z.object({ kind: z.string(), reason: z.string(), message: z.string(), at: time }).nullable(),
});

/** So many bytes are packed in some 10 ms. */
const PIECE_BYTES = 256 * 1024;

/** The record as bytes: gzip over JSON, a few bytes for each batch. */
export function encodeRecord(record: EvidenceRecord): Buffer {
  return Buffer.concat([...encodedPieces(record)]);
}

/** The same bytes, for who must not keep others waiting: `pause` is awaited between pieces of the work. */
export async function encodeInPieces(record: EvidenceRecord, pause: () => Promise<void>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (const piece of encodedPieces(record)) {
    pieces.push(piece);
    await pause();
  }
  return Buffer.concat(pieces);
}

const NO_BYTES = Buffer.alloc(0);

/** Each piece is a member of its own of the gzip file, or empty where only a part of the work was done. */
function* encodedPieces({ objectives, ...rest }: EvidenceRecord): Generator<Buffer> {
  let before = `${JSON.stringify({ version: RECORD_VERSION, ...rest }).slice(0, -1)},"objectives":[`;
  for (const objective of objectives) {
    const batches = toColumns(objective.batches);
    yield NO_BYTES;
    const bytes = Buffer.from(`${before}${JSON.stringify({ ...objective, batches })}`);
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      yield gzipSync(bytes.subarray(from, from + PIECE_BYTES));
    }
    before = ',';
  }
  yield gzipSync(objectives.length === 0 ? `${before}]}` : ']}');
}

/**
 * Reads the record back, equal in every number. Throws ConfigError EVIDENCE_VERSION_UNKNOWN for one of another version, and
 * EVIDENCE_UNREADABLE for what is no record.
 */
export function decodeRecord(bytes: Uint8Array): EvidenceRecord {
  const found = unpack(bytes);
  const version = (found as { readonly version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== RECORD_VERSION) {
    const message = `the evidence record has version ${version}, but this program reads version ${RECORD_VERSION}: use the \`sluice\` of the controller's version`;
    throw new AppError('ConfigError', 'EVIDENCE_VERSION_UNKNOWN', message);
  }
  const parsed = recordSchema.safeParse(found);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unreadable(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const { version: _, ...record } = parsed.data;
  const objectives = record.objectives.map((objective) => ({ ...objective, batches: fromColumns(objective.batches) }));
  return { ...record, objectives };
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(gunzipSync(bytes, { maxOutputLength: MOST_BYTES_UNPACKED }).toString('utf8'));
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
}

function unreadable(why: string): AppError {
  const message = `the evidence record cannot be read (${why}): somebody may have edited its ConfigMap; the next release writes a new one`;
  return new AppError('ConfigError', 'EVIDENCE_UNREADABLE', message);
}
