import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { isAppError } from '../lib/errors.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import { DEFAULT_CELL_MS, lastBorder } from './cells.ts';
import { evidenceState, oddReason } from './evidence-state.ts';
import { planQueries } from './fleet-query.ts';
import { lookUpTargets, problemOf, type RoundTally, readPlan } from './fleet-reader.ts';
import { dueAt, type Followed, isSameSubject, needOf, newFollowed } from './followed.ts';
import { oddCaller } from './growth.ts';
import type { Evidence, Sampler, Subject, TrafficSplit } from './port.ts';
import type { MetricsProvider } from './provider.ts';
import { addOwner, createSeriesIndex, removeOwner, type SeriesIndex, sweep } from './series-index.ts';
import type { Tracker } from './tracked.ts';
import { cover, cut, scrapeIntervalMs, trim, unknownTargets } from './tracker.ts';
import { trafficOf } from './traffic.ts';
import type { Shape } from './wants.ts';

export interface SamplerOptions {
  readonly provider: MetricsProvider;
  readonly clock: Clock;
  /** Time between two rounds of queries in ms. Default 1000. */
  readonly pollMs?: number;
  /** How far each query looks back beyond the last success, in ms: samples may come this late. Default 15,000. */
  readonly windowMs?: number;
  /** Batches are cut this long after their end, in ms: the time a source takes to make a sample visible. Default 500. */
  readonly ingestDelayMs?: number;
  /**
   * A source that gave nothing for this long is down, and samples older than this are stale unless three scrape intervals are longer, in
   * ms. Default 20,000.
   */
  readonly staleAfterMs?: number;
  /** Length of the cells into which batches are cut, in ms. Default 1000. */
  readonly cellMs?: number;
  /** A source whose clock is off by more than this is not used, in ms. Default 2000. */
  readonly maxSkewMs?: number;
  /** For the jitter of retries. */
  readonly random?: Random;
  readonly log?: SamplerLog;
  /** Called after each round of queries. */
  readonly onPoll?: (poll: PollReport) => void;
}

/** The part of a logger that the sampler needs. */
export interface SamplerLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** What one round of queries took and gave. */
export interface PollReport {
  readonly durationMs: number;
  readonly queries: number;
  readonly series: number;
  /** What went wrong last in this round. */
  readonly error?: unknown;
}

/** A sampler that reads one source. Nothing is asked before `start`, nor while nothing is followed. */
export function createSampler(options: SamplerOptions): Sampler {
  return new PollingSampler(options);
}

/** What became of a round. */
interface Round {
  readonly startedAt: number;
  readonly signal: AbortSignal;
  readonly tally: RoundTally;
  /** Members none of whose queries failed so far, and since when, in ms, their answers hold every sample. */
  readonly covered: Map<Followed, number>;
  readonly withBatches: Set<Followed>;
  hasAnswer: boolean;
  error?: unknown;
}

/** Raw samples of requests are held this long for `traffic`. */
const TRAFFIC_MS = 300_000;
/** Others are held this much longer than queries look back: late ones find their place, and scrapes a minute apart their predecessor. */
const LATE_MS = 75_000;
/** Rounds take at most this share of the time, as far as they need not be further apart than scrapes: a large fleet is asked less often. */
const LARGEST_SHARE = 0.2;
/** Series are forgotten once one in so many of all subjects has gone. */
const SWEEP_SHARE = 10;
/** Evidence from scrapes further apart than a third of this is too slow to guard a release. */
const LONGEST_STALE_AFTER_MS = 180_000;
const LONGEST_BACKOFF_MS = 10_000;
const LONGEST_RETRY_AFTER_MS = 60_000;
/** By these a source says that it would answer another query. */
const OWN_FAILURES: readonly string[] = [
  'METRICS_BAD_QUERY',
  'METRICS_NOT_A_COUNTER',
  'METRICS_NOT_RUN',
  'METRICS_TOO_LARGE',
];

class PollingSampler implements Sampler {
  readonly #options: Required<Omit<SamplerOptions, 'log' | 'onPoll'>> & Pick<SamplerOptions, 'log' | 'onPoll'>;
  readonly #followed = new Map<string, Followed>();
  /** By shape. */
  readonly #indexes = new Map<string, SeriesIndex>();
  /** Subjects that are not followed any more but whose series are still known. */
  #unswept = 0;
  readonly #listeners: ((key: string) => void)[] = [];
  /** Rounds in a row in which the source gave nothing. */
  #failures = 0;
  /** So that a lasting failure is logged once. */
  #loggedFailure = '';

  constructor(options: SamplerOptions) {
    this.#options = {
      pollMs: 1000,
      windowMs: 15_000,
      ingestDelayMs: 500,
      staleAfterMs: 20_000,
      cellMs: DEFAULT_CELL_MS,
      maxSkewMs: 2000,
      random: systemRandom,
      ...options,
    };
  }

  follow(key: string, subject: Subject): void {
    const known = this.#followed.get(key);
    if (known !== undefined && isSameSubject(known.tracker.subject, subject)) return;
    this.unfollow(key);
    const followed = newFollowed(key, subject, this.#options.clock.now());
    for (const want of followed.wants) addOwner(this.#indexOf(want.shape), followed.tracker, want);
    this.#followed.set(key, followed);
  }

  unfollow(key: string): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    this.#followed.delete(key);
    for (const { shape } of followed.wants) removeOwner(this.#indexOf(shape), followed.tracker);
    this.#unswept++;
  }

  #indexOf(shape: Shape): SeriesIndex {
    let index = this.#indexes.get(shape.id);
    if (index === undefined) {
      index = createSeriesIndex(shape);
      this.#indexes.set(shape.id, index);
    }
    return index;
  }

  /** Forgets the series of what is not followed any more, seldom enough to cost little. */
  #sweep(): void {
    if (this.#unswept * SWEEP_SHARE <= this.#followed.size) return;
    this.#unswept = 0;
    for (const [id, index] of this.#indexes) {
      sweep(index);
      if (index.owners.size === 0) this.#indexes.delete(id);
    }
  }

  read(key: string): Evidence {
    const followed = this.#followed.get(key);
    if (followed === undefined) {
      return { state: 'starting', message: `${key} is not followed`, lastSampleAt: null, batches: [] };
    }
    const { batches, lastSampleAt } = followed.tracker;
    if (followed.handedOut.length !== batches.length) followed.handedOut = [...batches];
    return { ...this.#stateOf(followed), lastSampleAt, batches: followed.handedOut };
  }

  traffic(key: string, from: number): TrafficSplit | undefined {
    const followed = this.#followed.get(key);
    return followed === undefined ? undefined : trafficOf(followed.tracker, from);
  }

  onEvidence(listener: (key: string) => void): void {
    this.#listeners.push(listener);
  }

  start(signal: AbortSignal): void {
    void this.#repeat(signal, () => this.#round(signal));
    // Evidence also goes stale while a query hangs or a retry is waited for.
    void this.#repeat(signal, () => {
      this.#announce(new Set());
      return this.#options.pollMs;
    });
  }

  /** Runs `step` again after each delay that it returns, until the signal is aborted. */
  async #repeat(signal: AbortSignal, step: () => Promise<number> | number): Promise<void> {
    while (!signal.aborted) {
      const delayMs = await step();
      // Rejects only when aborted, which ends the loop.
      await this.#options.clock.sleep(delayMs, signal).catch(() => undefined);
    }
  }

  /** Asks for all that is followed, closes batches, announces. Returns the time to the next round in ms. */
  async #round(signal: AbortSignal): Promise<number> {
    const { clock, pollMs, onPoll } = this.#options;
    const startedAt = clock.now();
    this.#sweep();
    const due = dueAt(this.#followed.values(), startedAt);
    if (due.length === 0) return pollMs;
    const round: Round = {
      startedAt,
      signal,
      tally: { queries: 0, series: 0 },
      covered: new Map(due.map((followed) => [followed, Number.NEGATIVE_INFINITY])),
      withBatches: new Set(),
      hasAnswer: false,
    };
    await this.#readAll(round);
    if (signal.aborted) return pollMs;
    await this.#settle(round);
    if (signal.aborted) return pollMs;
    this.#failures = round.hasAnswer ? 0 : this.#failures + 1;
    const { error, tally } = round;
    this.#logFailure(error);
    onPoll?.({ durationMs: clock.now() - startedAt, ...tally, ...(error === undefined ? {} : { error }) });
    this.#announce(round.withBatches);
    return this.#nextDelay(startedAt, error);
  }

  #logFailure(error: unknown): void {
    const reason = error === undefined ? '' : problemOf(error).reason;
    if (reason !== '' && reason !== this.#loggedFailure)
      this.#options.log?.warn({ err: error }, 'metrics query failed');
    this.#loggedFailure = reason;
  }

  async #readAll(round: Round): Promise<void> {
    const { startedAt, covered, signal, tally } = round;
    const needs = [...covered.keys()].map((followed) => needOf(followed, startedAt, this.#options.windowMs));
    for (const plan of planQueries(needs, startedAt)) {
      const members = plan.members.map(({ followed }) => followed);
      try {
        const since = await readPlan(this.#options, { plan, index: this.#indexOf(plan.shape), tally }, signal);
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
        this.#postpone(round, members, error);
      }
    }
  }

  /** Closes the batches of all that was read whole. */
  async #settle(round: Round): Promise<void> {
    const { startedAt, covered, tally, signal } = round;
    for (const [{ readAt, tracker }, since] of covered) if (readAt === null) cover(tracker, since);
    const members = [...covered.keys()];
    try {
      await lookUpTargets(
        this.#options,
        members.map(({ tracker }) => tracker),
        tally,
        signal,
      );
    } catch (error) {
      round.error = error;
      const waiting = members.filter(({ tracker }) => unknownTargets(tracker).length > 0);
      this.#postpone(round, waiting, error);
    }
    const { ingestDelayMs, cellMs } = this.#options;
    const until = lastBorder(startedAt - ingestDelayMs, cellMs);
    for (const followed of covered.keys()) {
      const { tracker } = followed;
      followed.readAt = startedAt;
      followed.problem = undefined;
      followed.failures = 0;
      if (cut(tracker, until, cellMs)) round.withBatches.add(followed);
      this.#noteOdd(followed);
      trim(tracker, startedAt - this.#retentionMs(tracker));
      followed.threeScrapesMs = Math.min(3 * (scrapeIntervalMs(tracker) ?? 0), LONGEST_STALE_AFTER_MS);
    }
  }

  #noteOdd(followed: Followed): void {
    const odd = oddCaller(followed.tracker);
    if (odd !== undefined && odd.name !== followed.odd?.name) {
      this.#options.log?.warn({ key: followed.key, why: oddReason(odd) }, 'a caller is not counted');
    }
    followed.odd = odd;
  }

  #retentionMs({ measure }: Tracker): number {
    return measure.kind === 'requests' ? TRAFFIC_MS : Math.min(TRAFFIC_MS, this.#options.windowMs + LATE_MS);
  }

  #postpone(round: Round, members: readonly Followed[], error: unknown): void {
    const { clock, pollMs, random } = this.#options;
    const failures = Math.max(0, ...members.map((followed) => followed.failures)) + 1;
    const retryAt = clock.now() + backoffMs({ failures, baseMs: pollMs, maxMs: LONGEST_BACKOFF_MS, random });
    const problem = problemOf(error);
    for (const followed of members) {
      round.covered.delete(followed);
      Object.assign(followed, { failures, retryAt, problem });
    }
  }

  #nextDelay(startedAt: number, error: unknown): number {
    const { clock, pollMs, random } = this.#options;
    if (this.#failures === 0) {
      const tookMs = clock.now() - startedAt;
      return Math.max(0, Math.max(pollMs, Math.min(tookMs / LARGEST_SHARE, this.#scrapeMs())) - tookMs);
    }
    const backoff = backoffMs({ failures: this.#failures, baseMs: pollMs, maxMs: LONGEST_BACKOFF_MS, random });
    const asked = isAppError(error) ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(backoff, Math.min(asked, LONGEST_RETRY_AFTER_MS));
  }

  /** Time between two scrapes of what is scraped most often; 0 while it is unknown. */
  #scrapeMs(): number {
    let shortest = Number.POSITIVE_INFINITY;
    for (const { threeScrapesMs } of this.#followed.values()) {
      if (threeScrapesMs > 0) shortest = Math.min(shortest, threeScrapesMs / 3);
    }
    return Number.isFinite(shortest) ? shortest : 0;
  }

  /** Tells listeners of each key that has new batches or whose state is not the one they were last told of. */
  #announce(withBatches: ReadonlySet<Followed>): void {
    for (const followed of [...this.#followed.values()]) {
      const { state, message } = this.#stateOf(followed);
      const was = followed.announced;
      followed.announced = state;
      if (state !== was)
        this.#options.log?.info({ key: followed.key, state, was, why: message }, 'evidence state changed');
      if (state !== was || withBatches.has(followed)) this.#notify(followed.key);
    }
  }

  #notify(key: string): void {
    for (const listener of this.#listeners) {
      try {
        listener(key);
      } catch (error) {
        this.#options.log?.warn({ key, err: error }, 'evidence listener failed');
      }
    }
  }

  #stateOf({
    tracker,
    followedAt,
    readAt,
    problem,
    threeScrapesMs,
    odd,
  }: Followed): Pick<Evidence, 'state' | 'message'> {
    const { subject, coveredFrom, lastSampleAt } = tracker;
    const { clock, provider, staleAfterMs } = this.#options;
    const times = { now: clock.now(), followedAt, readAt, coveredFrom, lastSampleAt };
    const limits = { silentAfterMs: staleAfterMs, staleAfterMs: Math.max(staleAfterMs, threeScrapesMs) };
    return evidenceState({ subject, sourceName: provider.name, problem, odd, ...times, ...limits });
  }
}

/** Members are covered since the latest of their answers' starts. */
function noteCovered({ covered }: Round, members: readonly Followed[], since: number): void {
  for (const followed of members) {
    const before = covered.get(followed);
    if (before !== undefined) covered.set(followed, Math.max(before, since));
  }
}

/** The source answers, but will not answer this query; others may fare better. */
function isOwnFailure(error: unknown): boolean {
  return isAppError(error) && OWN_FAILURES.includes(error.code);
}
