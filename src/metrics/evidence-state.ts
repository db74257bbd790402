import type { OddCaller } from './growth.ts';
import { DEFAULT_MEASURE, type Evidence, type Subject } from './port.ts';
import { DURATIONS_METRIC, REQUESTS_METRIC } from './wants.ts';

/** Why the newest query gave nothing that can be used. */
export interface Problem {
  /** Whether the source gave an answer at all, if one that cannot be used. */
  readonly kind: 'unanswered' | 'unusable' | 'partial' | 'skewed';
  /** Part of a sentence: `connection refused`. */
  readonly reason: string;
}

/** All that the state of a subject's evidence depends on. Times in ms. */
export interface Situation {
  readonly subject: Subject;
  readonly sourceName: string;
  readonly now: number;
  readonly followedAt: number;
  /** When samples were last read with success; null before the first time. */
  readonly readAt: number | null;
  /** Since when samples have been looked for, by the source's clock. */
  readonly coveredFrom: number;
  readonly lastSampleAt: number | null;
  readonly problem: Problem | undefined;
  /** A caller that is not counted. */
  readonly odd?: OddCaller | undefined;
  /** Requests before this time are not counted, because the source does not have their samples any more; null where it has all. */
  readonly lostUntil?: number | null;
  /** A source that gave nothing for longer is down. */
  readonly silentAfterMs: number;
  /** Older samples are stale. */
  readonly staleAfterMs: number;
}

export type EvidenceState = Pick<Evidence, 'state' | 'message' | 'lacks'>;

/** The state of a subject's evidence, with a sentence that says why. */
export function evidenceState(situation: Situation): EvidenceState {
  const { sourceName, now, readAt, problem, silentAfterMs } = situation;
  const isUnread = now - (readAt ?? Number.NEGATIVE_INFINITY) > silentAfterMs;
  if (problem?.kind === 'skewed') return { state: 'stale', message: `${problem.reason}: samples are not used` };
  if (problem?.kind === 'partial') {
    return { state: 'stale', message: `${sourceName} answers only in part: ${problem.reason}` };
  }
  if (isUnread && (problem !== undefined || readAt !== null)) return { state: 'down', message: downMessage(situation) };
  if (readAt === null) return { state: 'starting', message: `waiting for the first answer of ${sourceName}` };
  return sampleState(situation);
}

function sampleState(situation: Situation): EvidenceState {
  const { subject, sourceName, now, coveredFrom, lastSampleAt, staleAfterMs, odd } = situation;
  if (lastSampleAt === null) {
    const { what, cure } = inWords(subject);
    const message = `no samples of ${what} since ${timeOfDay(coveredFrom)}: ${odd ? oddReason(odd) : cure}`;
    return { state: 'stale', message };
  }
  const ageMs = now - lastSampleAt;
  if (ageMs > staleAfterMs) {
    const { what, scraped } = inWords(subject);
    const limit = seconds(staleAfterMs);
    const message = `the newest sample of ${what} is ${seconds(ageMs)} old (limit ${limit}): ${odd ? oddReason(odd) : scraped}`;
    return { state: 'stale', message };
  }
  const lacks = lacksOf(situation);
  const message = `${sourceName} has fresh samples for ${subject.service} in ${subject.namespace}`;
  return lacks === undefined
    ? { state: 'fresh', message }
    : { state: 'fresh', message: `${message}, but ${lacks}`, lacks };
}

/** What is gone does not come back, so a release goes on with what is left of its evidence: what is lost speaks neither for nor against it. */
function lacksOf({ sourceName, lostUntil = null, odd }: Situation): string | undefined {
  const lost = lostUntil === null ? [] : [lostReason(sourceName, lostUntil)];
  const lacks = [...lost, ...(odd ? [oddReason(odd)] : [])];
  return lacks.length === 0 ? undefined : lacks.join(', and ');
}

/** Why the beginning of a release is not counted, and the cure. */
export function lostReason(sourceName: string, until: number): string {
  const time = new Date(until).toISOString().replace('T', ' ').slice(0, 19);
  return `${sourceName} has no samples left from before ${time} UTC, so that requests until then do not count: have it keep samples for longer than a release takes (7 days are read at most)`;
}

/** For native histograms that are too coarse, or wrong. */
const NATIVE_CURE = 'have the classic ones kept too (always_scrape_classic_histograms: true)';

/** Why a caller is not counted, and the cure. */
export function oddReason({ name, edge, since, isNative }: OddCaller): string {
  if (isNative) {
    return `a native histogram of ${name} has not told requests of at most ${edge} ms from slower ones since ${timeOfDay(since)} and is not counted: ${NATIVE_CURE}`;
  }
  return `${name} has had no bucket at ${edge} ms since ${timeOfDay(since)} and is not counted: give all callers' proxies the same buckets`;
}

/** What is read, and where to look when it is not there. */
function inWords({
  service,
  namespace,
  measure = DEFAULT_MEASURE,
}: Subject): Record<'what' | 'cure' | 'scraped', string> {
  const whose = `for ${service} in ${namespace}`;
  const proxies = {
    cure: "is the metric scraped from the callers' proxies?",
    scraped: "are the callers' proxies still scraped?",
  };
  switch (measure.kind) {
    case 'requests':
    case 'faults':
      return { what: `${REQUESTS_METRIC} with reporter=source ${whose}`, ...proxies };
    case 'durations': {
      const edge = `a bucket edge at ${measure.underMs} ms`;
      return { what: `${DURATIONS_METRIC} with reporter=source and ${edge} ${whose}`, ...proxies };
    }
    case 'counters':
      return {
        what: `${measure.total} ${whose}`,
        cure: 'is the counter scraped, and does it have these labels?',
        scraped: 'are its pods still scraped?',
      };
  }
}

function downMessage({ sourceName, now, readAt, followedAt, problem }: Situation): string {
  const outage = seconds(now - (readAt ?? followedAt));
  const verb = problem?.kind === 'unusable' ? 'has given no usable answer' : 'has not answered';
  return `${sourceName} ${verb} for ${outage}: ${problem?.reason ?? 'the query is still running'}`;
}

/** `the clock of Prometheus at host is 302 s ahead of ours`. */
export function skewReason(sourceName: string, offsetMs: number): string {
  return `the clock of ${sourceName} is ${seconds(Math.abs(offsetMs))} ${offsetMs > 0 ? 'ahead of' : 'behind'} ours`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

function timeOfDay(ms: number): string {
  return Number.isFinite(ms) ? `${new Date(ms).toISOString().slice(11, 19)} UTC` : 'the start';
}
