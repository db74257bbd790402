import { backoffMs } from '../lib/backoff.ts';
import { isAppError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import { lookUpBeginnings } from './beginnings.ts';
import { lastBorder } from './cells.ts';
import { lostReason, oddReason } from './evidence-state.ts';
import { planQueries } from './fleet-query.ts';
import { lookUpTargets, problemOf, type ReaderOptions, type RoundTally, readPlan } from './fleet-reader.ts';
import { type Followed, needOf } from './followed.ts';
import { oddCaller } from './growth.ts';
import type { SeriesIndex } from './series-index.ts';
import type { Tracker } from './tracked.ts';
import { cover, cut, scrapeIntervalMs, trim, unknownTargets } from './tracker.ts';
import type { Shape } from './wants.ts';

/** Times in ms. */
export interface RoundOptions extends ReaderOptions {
  readonly pollMs: number;
  readonly ingestDelayMs: number;
  readonly cellMs: number;
  readonly random: Random;
  readonly log?: SamplerLog | undefined;
}

/** The part of a logger that the sampler needs. */
export interface SamplerLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** What is to be read. */
export interface RoundWork {
  /** In ms. */
  readonly startedAt: number;
  readonly due: readonly Followed[];
  /** Whose series of a shape are. */
  readonly indexOf: (shape: Shape) => SeriesIndex;
}

/** What became of a round. */
export interface RoundResult {
  readonly tally: RoundTally;
  readonly withBatches: ReadonlySet<Followed>;
  /** The source answered something. */
  readonly hasAnswer: boolean;
  /** What went wrong last. */
  readonly error?: unknown;
}

interface Round extends RoundResult, RoundWork {
  readonly options: RoundOptions;
  readonly signal: AbortSignal;
  /** Members none of whose queries failed so far, and since when, in ms, their answers hold every sample. */
  readonly covered: Map<Followed, number>;
  readonly withBatches: Set<Followed>;
  hasAnswer: boolean;
  error?: unknown;
}

/** Evidence from scrapes further apart than a third of this is too slow to guard a release. */
const LONGEST_STALE_AFTER_MS = 180_000;
/** Raw samples of requests are held this long for `traffic`. */
const TRAFFIC_MS = 300_000;
/** Others are held this much longer than queries look back: late ones find their place, and scrapes a minute apart their predecessor. */
const LATE_MS = 75_000;
export const LONGEST_BACKOFF_MS = 10_000;
/** By these a source says that it would answer another query. */
const OWN_FAILURES: readonly string[] = [
  'METRICS_BAD_QUERY',
  'METRICS_NOT_A_COUNTER',
  'METRICS_NOT_RUN',
  'METRICS_TOO_LARGE',
];

/** Asks for all that is due and closes the batches of all that was read whole. Undefined when it was aborted. */
export async function runRound(
  options: RoundOptions,
  work: RoundWork,
  signal: AbortSignal,
): Promise<RoundResult | undefined> {
  const round: Round = {
    ...work,
    options,
    signal,
    tally: { queries: 0, series: 0 },
    covered: new Map(work.due.map((followed) => [followed, Number.NEGATIVE_INFINITY])),
    withBatches: new Set(),
    hasAnswer: false,
  };
  await readAll(round);
  if (signal.aborted) return undefined;
  await lookUp(round);
  if (signal.aborted) return undefined;
  closeBatches(round);
  return round;
}

async function readAll(round: Round): Promise<void> {
  const { options, startedAt, covered, indexOf, signal, tally } = round;
  const needs = [...covered.keys()].map((followed) => needOf(followed, startedAt, options.windowMs));
  for (const plan of planQueries(needs, startedAt)) {
    const members = plan.members.map(({ followed }) => followed);
    try {
      const since = await readPlan(options, { plan, index: indexOf(plan.shape), tally }, signal);
      round.hasAnswer = true;
      noteCovered(round, members, since);
    } catch (error) {
      round.error = error;
      // Unless the source refuses just this query, the first failure stands for the source as a whole; after an answer, for the query.
      if (!round.hasAnswer && !isOwnFailure(error)) {
        for (const followed of covered.keys()) followed.problem = problemOf(error);
        covered.clear();
        return;
      }
      postpone(round, members, error);
    }
  }
}

/** Asks what has to be known of targets and of the source before growth can be told. */
async function lookUp(round: Round): Promise<void> {
  const { options, covered, tally, signal } = round;
  const unread = [...covered.keys()].filter(({ readAt }) => readAt === null);
  for (const followed of unread) cover(followed.tracker, covered.get(followed) ?? Number.NEGATIVE_INFINITY);
  try {
    await lookUpBeginnings(options, unread.map(trackerOf), tally, signal);
  } catch (error) {
    round.error = error;
    // What is only to be said must not keep evidence back.
    if (!isOwnFailure(error)) postpone(round, unread, error);
  }
  try {
    await lookUpTargets(options, [...covered.keys()].map(trackerOf), tally, signal);
  } catch (error) {
    round.error = error;
    const waiting = [...covered.keys()].filter(({ tracker }) => unknownTargets(tracker).length > 0);
    postpone(round, waiting, error);
  }
}

function closeBatches({ options, startedAt, covered, withBatches }: Round): void {
  const { ingestDelayMs, cellMs, windowMs } = options;
  const until = lastBorder(startedAt - ingestDelayMs, cellMs);
  for (const followed of covered.keys()) {
    const { tracker } = followed;
    if (followed.readAt === null) warnOfLoss(options, followed);
    followed.readAt = startedAt;
    followed.problem = undefined;
    followed.failures = 0;
    if (cut(tracker, until, cellMs)) withBatches.add(followed);
    noteOdd(options, followed);
    trim(tracker, startedAt - retentionMs(tracker, windowMs));
    followed.threeScrapesMs = Math.min(3 * (scrapeIntervalMs(tracker) ?? 0), LONGEST_STALE_AFTER_MS);
  }
}

function warnOfLoss({ log, provider }: RoundOptions, { key, tracker: { lostUntil } }: Followed): void {
  if (lostUntil === null) return;
  log?.warn({ key, why: lostReason(provider.name, lostUntil) }, 'the beginning of a release is lost');
}

function noteOdd({ log }: RoundOptions, followed: Followed): void {
  const odd = oddCaller(followed.tracker);
  if (odd !== undefined && odd.name !== followed.odd?.name) {
    log?.warn({ key: followed.key, why: oddReason(odd) }, 'a caller is not counted');
  }
  followed.odd = odd;
}

function retentionMs({ measure }: Tracker, windowMs: number): number {
  return measure.kind === 'requests' ? TRAFFIC_MS : Math.min(TRAFFIC_MS, windowMs + LATE_MS);
}

function postpone({ options, covered }: Round, members: readonly Followed[], error: unknown): void {
  const { clock, pollMs, random } = options;
  const failures = Math.max(0, ...members.map((followed) => followed.failures)) + 1;
  const retryAt = clock.now() + backoffMs({ failures, baseMs: pollMs, maxMs: LONGEST_BACKOFF_MS, random });
  const problem = problemOf(error);
  for (const followed of members) {
    covered.delete(followed);
    Object.assign(followed, { failures, retryAt, problem });
  }
}

/** Members are covered since the latest of their answers' starts. */
function noteCovered({ covered }: Round, members: readonly Followed[], since: number): void {
  for (const followed of members) {
    const before = covered.get(followed);
    if (before !== undefined) covered.set(followed, Math.max(before, since));
  }
}

function trackerOf({ tracker }: Followed): Tracker {
  return tracker;
}

/** The source answers, but will not answer this query; others may fare better. */
function isOwnFailure(error: unknown): boolean {
  return isAppError(error) && OWN_FAILURES.includes(error.code);
}
