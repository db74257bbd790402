import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { isAppError } from '../lib/errors.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import { DEFAULT_CELL_MS } from './cells.ts';
import { type EvidenceState, evidenceState } from './evidence-state.ts';
import { problemOf } from './fleet-reader.ts';
import { dueAt, type Followed, isSameSubject, newFollowed } from './followed.ts';
import type { Evidence, Sampler, Subject, TrafficSplit } from './port.ts';
import type { MetricsProvider } from './provider.ts';
import { LONGEST_BACKOFF_MS, runRound, type SamplerLog } from './round.ts';
import { addOwner, createSeriesIndex, removeOwner, type SeriesIndex, sweep } from './series-index.ts';
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

/** Rounds take at most this share of the time, as far as they need not be further apart than scrapes: a large fleet is asked less often. */
const LARGEST_SHARE = 0.2;
/** Series are forgotten once one in so many of all subjects has gone. */
const SWEEP_SHARE = 10;
const LONGEST_RETRY_AFTER_MS = 60_000;

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
    const round = await runRound(this.#options, { due, startedAt, indexOf: (shape) => this.#indexOf(shape) }, signal);
    if (round === undefined) return pollMs;
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

  #stateOf({ tracker, followedAt, readAt, problem, threeScrapesMs, odd }: Followed): EvidenceState {
    const { subject, coveredFrom, lastSampleAt, lostUntil } = tracker;
    const { clock, provider, staleAfterMs } = this.#options;
    const times = { now: clock.now(), followedAt, readAt, coveredFrom, lastSampleAt };
    const limits = { silentAfterMs: staleAfterMs, staleAfterMs: Math.max(staleAfterMs, threeScrapesMs) };
    return evidenceState({ subject, sourceName: provider.name, problem, odd, lostUntil, ...times, ...limits });
  }
}
