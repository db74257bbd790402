import { isAppError } from '../lib/errors.ts';
import { lastBorder } from './cells.ts';
import { planQueries } from './fleet-query.ts';
import { type ReaderOptions, type RoundTally, readPlan } from './fleet-reader.ts';
import type { PastCounts } from './inspection.ts';
import type { Subject } from './port.ts';
import type { MetricsProvider, RawSeries } from './provider.ts';
import { addOwner, createSeriesIndex, type SeriesIndex } from './series-index.ts';
import type { Tracker } from './tracked.ts';
import { cover, createTracker, cut } from './tracker.ts';
import { type Want, wantsOf } from './wants.ts';

/** Whose past, and how it is read. */
export interface PastQuestion {
  readonly subject: Subject;
  /** Of these series, such as {@link restWants} gives. */
  readonly wants: readonly Want[];
  /** Of classic histograms: the edges that are tested, as the source writes them. */
  readonly edges: readonly string[];
  /** Now, in ms. */
  readonly at: number;
  readonly reader: Omit<ReaderOptions, 'windowMs'>;
}

/** What stable did, as far as the source still knows. */
export interface Past {
  readonly counts: readonly PastCounts[];
  /** Failures beyond the number of requests: above 0 only where those are counted apart. */
  readonly surplus: number;
  /** How values behaved, of all series together. */
  readonly shape: ValueShape;
  /** The source could not give the whole hour in one answer. */
  readonly isShortened: boolean;
}

/** What tells a counter from other numbers. */
export interface ValueShape {
  /** Samples that differ from the one before. */
  changes: number;
  /** Those of them that are smaller. */
  falls: number;
  /** The first value that is no whole number; undefined without one. */
  fraction: number | undefined;
}

/** Of the blocks by which dispersion is measured (analysis 2d.2) the shortest. */
const PART_MS = 15_000;
/** The last hour (analysis 2d.2); less where one answer cannot hold that much. */
const LENGTHS_MS: readonly number[] = [3_600_000, 600_000];
const TOO_MUCH: readonly string[] = ['METRICS_TOO_LARGE', 'METRICS_NOT_RUN', 'METRICS_TIMEOUT'];

/** Counts stable's requests and failures at rest, with the same code that counts them in a release. Throws as `readPlan`. */
export async function readPast(question: PastQuestion, signal: AbortSignal): Promise<Past> {
  let lastError: unknown;
  for (const [index, lengthMs] of LENGTHS_MS.entries()) {
    try {
      return { ...(await readLast(question, lengthMs, signal)), isShortened: index > 0 };
    } catch (error) {
      if (!isAppError(error) || !TOO_MUCH.includes(error.code)) throw error;
      lastError = error;
    }
  }
  throw lastError;
}

async function readLast(
  { subject, wants, edges, at, reader }: PastQuestion,
  lengthMs: number,
  signal: AbortSignal,
): Promise<Omit<Past, 'isShortened'>> {
  const from = at - lengthMs;
  const tracker = createTracker({ ...subject, since: from }, from);
  // At rest there is no other version whose edges would have to be waited for.
  tracker.agreement.hasCanary = true;
  const shape: ValueShape = { changes: 0, falls: 0, fraction: undefined };
  const options = { ...reader, windowMs: lengthMs, provider: watching(reader.provider, shape) };
  const tally: RoundTally = { queries: 0, series: 0 };
  let coveredFrom = from;
  for (const plan of planQueries([{ wants, from, edges }], at)) {
    const index = indexFor(tracker, wants, plan.shape.id);
    coveredFrom = Math.max(coveredFrom, await readPlan(options, { plan, index, tally }, signal));
  }
  cover(tracker, coveredFrom);
  cut(tracker, lastBorder(at, PART_MS), PART_MS);
  return { counts: tracker.batches.map(partOf), surplus: tracker.carried.stable, shape };
}

function partOf({ at, stable, latency }: Tracker['batches'][number]): PastCounts {
  const slower = latency?.stable.within.map((count) => latency.stable.requests - count);
  return { at, requests: stable.requests, failures: stable.failures, ...(slower !== undefined && { slower }) };
}

/** Stable's series and, for hosts, those of the plain host, which is stable while nothing is released. */
export function restWants(subject: Subject): readonly Want[] {
  const ofStable = wantsOf(subject).filter(({ role }) => role.arm === 'stable');
  if (subject.measure?.kind === 'counters') return ofStable;
  return ofStable.flatMap((want) => [want, { ...want, values: [subject.service, subject.namespace] }]);
}

function indexFor(tracker: Tracker, wants: readonly Want[], shapeId: string): SeriesIndex {
  const own = wants.filter(({ shape }) => shape.id === shapeId);
  const [first] = own;
  if (first === undefined) throw new RangeError(`no series of the shape ${shapeId} are wanted`);
  const index = createSeriesIndex(first.shape);
  for (const want of own) addOwner(index, tracker, want);
  return index;
}

/** Notes the shape of all values that pass through. */
function watching(provider: MetricsProvider, shape: ValueShape): MetricsProvider {
  return {
    name: provider.name,
    async samples(query, signal) {
      const answer = await provider.samples(query, signal);
      for (const series of answer.series) noteShape(shape, series);
      return answer;
    },
  };
}

function noteShape(shape: ValueShape, { samples }: RawSeries): void {
  let before: number | undefined;
  for (const { value } of samples) {
    if (!Number.isFinite(value)) continue;
    if (!Number.isInteger(value)) shape.fraction ??= value;
    if (before !== undefined && value !== before) shape.changes++;
    if (before !== undefined && value < before) shape.falls++;
    before = value;
  }
}
