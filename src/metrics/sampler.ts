import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { isAppError } from '../lib/errors.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import { DEFAULT_CELL_MS, lastBorder } from './batches.ts';
import { evidenceState, type Problem } from './evidence-state.ts';
import { planQueries } from './fleet-query.ts';
import { BASELINE_MS, type Member, problemOf, type RoundTally, readPlan } from './fleet-reader.ts';
import type { Batch, Evidence, Sampler, Subject, TrafficSplit } from './port.ts';
import type { MetricsProvider } from './provider.ts';
import { createTracker, cut, hostsOf, scrapeIntervalMs, type Tracker, trafficOf, trim } from './tracker.ts';

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
  readonly samples: number;
  /** What went wrong last in this round. */
  readonly error?: unknown;
}

/** A sampler that reads one source. Nothing is asked before `start`, nor while nothing is followed. */
export function createSampler(options: SamplerOptions): Sampler {
  return new PollingSampler(options);
}

interface Followed {
  readonly key: string;
  readonly tracker: Tracker;
  readonly hosts: readonly string[];
  readonly followedAt: number;
  /** When the last round that was read with success began; null before the first. */
  readAt: number | null;
  problem: Problem | undefined;
  /** Failures in a row of a query of its own, while the source answers others. */
  failures: number;
  /** It is left out of rounds before this time. */
  retryAt: number;
  /** Three scrape intervals as last seen, in ms, bounded. */
  threeScrapesMs: number;
  announced: Evidence['state'];
  /** Copy of the tracker's batches as last handed out. */
  handedOut: readonly Batch[];
}

interface RoundMember extends Member {
  readonly followed: Followed;
}

/** Raw samples are held this long for `traffic`. */
const RETENTION_MS = 300_000;
/** Evidence that began longer ago is recomputed from here on only: 7 days of hourly windows. */
const LONGEST_LOOK_BACK_MS = 7 * 24 * 3_600_000;
/** Evidence from scrapes further apart than a third of this is too slow to guard a release. */
const LONGEST_STALE_AFTER_MS = 180_000;
const LONGEST_BACKOFF_MS = 10_000;
const LONGEST_RETRY_AFTER_MS = 60_000;

class PollingSampler implements Sampler {
  readonly #options: Required<Omit<SamplerOptions, 'log' | 'onPoll'>> & Pick<SamplerOptions, 'log' | 'onPoll'>;
  readonly #followed = new Map<string, Followed>();
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
    this.#followed.set(key, {
      key,
      tracker: createTracker(subject),
      hosts: hostsOf(subject).map(([host]) => host),
      followedAt: this.#options.clock.now(),
      readAt: null,
      problem: undefined,
      failures: 0,
      retryAt: 0,
      threeScrapesMs: 0,
      announced: 'starting',
      handedOut: [],
    });
  }

  unfollow(key: string): void {
    this.#followed.delete(key);
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
    const due = [...this.#followed.values()].filter(({ retryAt }) => retryAt <= startedAt);
    if (due.length === 0) return pollMs;
    const tally: RoundTally = { queries: 0, series: 0, samples: 0 };
    const outcome = await this.#readAll(due, startedAt, tally, signal);
    if (signal.aborted) return pollMs;
    this.#failures = outcome.hasAnswer ? 0 : this.#failures + 1;
    const { error } = outcome;
    this.#logFailure(error);
    onPoll?.({ durationMs: clock.now() - startedAt, ...tally, ...(error === undefined ? {} : { error }) });
    this.#announce(outcome.withBatches);
    return this.#nextDelay(startedAt, error);
  }

  #logFailure(error: unknown): void {
    const reason = error === undefined ? '' : problemOf(error).reason;
    if (reason !== '' && reason !== this.#loggedFailure)
      this.#options.log?.warn({ err: error }, 'metrics query failed');
    this.#loggedFailure = reason;
  }

  async #readAll(
    due: readonly Followed[],
    startedAt: number,
    tally: RoundTally,
    signal: AbortSignal,
  ): Promise<{ hasAnswer: boolean; error?: unknown; withBatches: ReadonlySet<Followed> }> {
    const withBatches = new Set<Followed>();
    let hasAnswer = false;
    let failure: { error?: unknown } = {};
    for (const plan of planQueries(
      due.map((followed) => this.#memberOf(followed, startedAt)),
      startedAt,
    )) {
      try {
        await readPlan(this.#options, plan, tally, signal);
        hasAnswer = true;
        this.#settle(plan.members, startedAt, withBatches);
      } catch (error) {
        failure = { error };
        // The first failure stands for the source as a whole; after an answer, it is the query's own.
        if (!hasAnswer) {
          for (const followed of due) followed.problem = problemOf(error);
          break;
        }
        this.#postpone(plan.members, error);
      }
    }
    return { hasAnswer, ...failure, withBatches };
  }

  #memberOf(followed: Followed, now: number): RoundMember {
    const { readAt, hosts, tracker, followedAt } = followed;
    const begin = (tracker.subject.since ?? followedAt) - BASELINE_MS;
    const wanted = readAt === null ? begin : readAt - this.#options.windowMs;
    return { followed, tracker, hosts, from: Math.max(wanted, now - LONGEST_LOOK_BACK_MS), isFirst: readAt === null };
  }

  #settle(members: readonly RoundMember[], startedAt: number, withBatches: Set<Followed>): void {
    const { ingestDelayMs, cellMs } = this.#options;
    for (const { followed, tracker } of members) {
      followed.readAt = startedAt;
      followed.problem = undefined;
      followed.failures = 0;
      if (cut(tracker, lastBorder(startedAt - ingestDelayMs, cellMs), cellMs)) withBatches.add(followed);
      trim(tracker, startedAt - RETENTION_MS);
      followed.threeScrapesMs = Math.min(3 * (scrapeIntervalMs(tracker) ?? 0), LONGEST_STALE_AFTER_MS);
    }
  }

  #postpone(members: readonly RoundMember[], error: unknown): void {
    const { clock, pollMs, random } = this.#options;
    const failures = Math.max(...members.map(({ followed }) => followed.failures)) + 1;
    const retryAt = clock.now() + backoffMs({ failures, baseMs: pollMs, maxMs: LONGEST_BACKOFF_MS, random });
    const problem = problemOf(error);
    for (const { followed } of members) Object.assign(followed, { failures, retryAt, problem });
  }

  #nextDelay(startedAt: number, error: unknown): number {
    const { clock, pollMs, random } = this.#options;
    if (this.#failures === 0) return Math.max(0, startedAt + pollMs - clock.now());
    const backoff = backoffMs({ failures: this.#failures, baseMs: pollMs, maxMs: LONGEST_BACKOFF_MS, random });
    const asked = isAppError(error) ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(backoff, Math.min(asked, LONGEST_RETRY_AFTER_MS));
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

  #stateOf({ tracker, followedAt, readAt, problem, threeScrapesMs }: Followed): Pick<Evidence, 'state' | 'message'> {
    const { subject, coveredFrom, lastSampleAt } = tracker;
    const { clock, provider, staleAfterMs } = this.#options;
    const times = { now: clock.now(), followedAt, readAt, coveredFrom, lastSampleAt };
    const limits = { silentAfterMs: staleAfterMs, staleAfterMs: Math.max(staleAfterMs, threeScrapesMs) };
    return evidenceState({ subject, sourceName: provider.name, problem, ...times, ...limits });
  }
}

function isSameSubject(a: Subject, b: Subject): boolean {
  return (
    a.namespace === b.namespace &&
    a.service === b.service &&
    a.stable === b.stable &&
    a.canary === b.canary &&
    a.since === b.since
  );
}
