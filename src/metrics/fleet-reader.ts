import type { Clock } from '../lib/clock.ts';
import { isAppError } from '../lib/errors.ts';
import { newestAt } from './columns.ts';
import { type Problem, skewReason } from './evidence-state.ts';
import { chunk, type Plan, upSelector } from './fleet-query.ts';
import type { MetricsProvider, RawAnswer, RawQuery } from './provider.ts';
import type { Target } from './scrapes.ts';
import { distribute, type SeriesIndex } from './series-index.ts';
import type { Tracker } from './tracked.ts';
import { ingestUp, unknownTargets } from './tracker.ts';

/** What a round of queries has cost so far. */
export interface RoundTally {
  queries: number;
  series: number;
}

export interface ReaderOptions {
  readonly provider: MetricsProvider;
  readonly clock: Clock;
  /** A source whose clock is off by more than this is not used, in ms. */
  readonly maxSkewMs: number;
  /** Samples may become visible this late, in ms. */
  readonly windowMs: number;
}

/** Scrapes are looked for this long before the start of the evidence: two and a half times the common interval of 60 s. */
export const BASELINE_MS = 150_000;
/** A source's clock may be off by the allowed skew and its `Date` hides a second: this much of a window is not relied on. */
const COVERAGE_SLACK_MS = 5000;
/** Callers that first appeared within one such period are looked up together. */
const LOOK_UP_PERIOD_MS = 600_000;

/**
 * Asks all queries of a plan and hands the answers to whom they belong: all of them or, when one cannot be used, none, because half an
 * answer would make old counters look new. Gives the time, in ms, since which the answers hold every sample. Throws what the provider
 * throws, and UnusableAnswer.
 */
export async function readPlan(
  options: ReaderOptions,
  { plan, index, tally }: { readonly plan: Plan<unknown>; readonly index: SeriesIndex; readonly tally: RoundTally },
  signal: AbortSignal,
): Promise<number> {
  const sentAt = options.clock.now();
  const answers: RawAnswer[] = [];
  for (const query of plan.queries) answers.push(await ask(options, query, tally, signal));
  const elapsedMs = options.clock.now() - sentAt;
  for (const { series } of answers) {
    tally.series += series.length;
    distribute(index, series);
  }
  return plan.from + elapsedMs + COVERAGE_SLACK_MS;
}

/** An answer that can be read but must not be used. */
export class UnusableAnswer extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.reason);
    this.name = 'UnusableAnswer';
    this.problem = problem;
  }
}

/** Why a query gave nothing, as far as an operator is to be told. */
export function problemOf(error: unknown): Problem {
  if (error instanceof UnusableAnswer) return error.problem;
  if (!isAppError(error)) return { kind: 'unusable', reason: error instanceof Error ? error.message : String(error) };
  const { reason = error.message, status } = error.details as { reason?: string; status?: number };
  const hasAnswered =
    status !== undefined || ['METRICS_MALFORMED', 'METRICS_NOT_A_COUNTER', 'METRICS_TOO_LARGE'].includes(error.code);
  return { kind: hasAnswered ? 'unusable' : 'unanswered', reason };
}

/** One answer that may be used. Throws as `readPlan`. */
export async function ask(
  { provider, clock, maxSkewMs }: Omit<ReaderOptions, 'windowMs'>,
  query: RawQuery,
  tally: RoundTally,
  signal: AbortSignal,
): Promise<RawAnswer> {
  tally.queries++;
  const answer = await provider.samples(query, signal);
  const offsetMs = offsetOf(answer, clock.now());
  if (Math.abs(offsetMs) > maxSkewMs) {
    throw new UnusableAnswer({ kind: 'skewed', reason: skewReason(provider.name, offsetMs) });
  }
  const warning = answer.warnings[0];
  if (warning !== undefined) throw new UnusableAnswer({ kind: 'partial', reason: warning });
  return answer;
}

/** The offset that the answer states, or a greater one that its newest sample proves: no sample is newer than the source's now. */
function offsetOf({ clockOffsetMs = 0, series }: RawAnswer, now: number): number {
  if (clockOffsetMs < 0) return clockOffsetMs;
  let newest = Number.NEGATIVE_INFINITY;
  for (const one of series) newest = Math.max(newest, newestAt(one));
  return Math.max(clockOffsetMs, newest - now);
}

/**
 * Asks whether targets that appeared after the evidence began were scraped before they showed a counter. Throws as `readPlan`, and may
 * then be repeated.
 */
export async function lookUpTargets(
  options: ReaderOptions,
  trackers: readonly Tracker[],
  tally: RoundTally,
  signal: AbortSignal,
): Promise<void> {
  for (const part of lookUps(trackers)) {
    const times = part.map(({ target }) => target.firstScrapeAt);
    const endAtMs = times.reduce((a, b) => Math.max(a, b));
    const windowMs = endAtMs - times.reduce((a, b) => Math.min(a, b)) + BASELINE_MS;
    const selector = upSelector(part.map(({ target }) => target.name));
    const askedAt = options.clock.now();
    const { series } = await ask(options, { selector, windowMs, endAtMs }, tally, signal);
    const byName = Map.groupBy(series, ({ labels }) => nameOf(labels));
    for (const { tracker, target } of part) {
      const own = byName.get(nameOf({ ...target.name })) ?? [];
      ingestUp(tracker, target, own, askedAt > target.firstScrapeAt + options.windowMs);
    }
  }
}

interface LookUp {
  readonly tracker: Tracker;
  readonly target: Target;
}

/** Unknown targets in parts that one short query can ask for: those that appeared at about the same time. */
function lookUps(trackers: readonly Tracker[]): readonly LookUp[][] {
  const parts = new Map<number, LookUp[]>();
  for (const tracker of trackers) {
    for (const target of unknownTargets(tracker)) {
      const period = Math.floor(target.firstScrapeAt / LOOK_UP_PERIOD_MS);
      const part = parts.get(period);
      if (part === undefined) parts.set(period, [{ tracker, target }]);
      else part.push({ tracker, target });
    }
  }
  return [...parts.values()].flatMap((part) => chunk(part, ({ target: { name } }) => [name.job, name.instance]));
}

function nameOf({ job, instance }: { readonly job?: string; readonly instance?: string }): string {
  return `${job}\0${instance}`;
}
