import { type ArmIncrement, cutBatches, type Outcome, outcomeOf } from './batches.ts';
import { addSamples, type CounterSeries, emptySeries, growthBetween, takeIncrements, trimSeries } from './counters.ts';
import type { Batch, Subject, TrafficSplit } from './port.ts';
import type { RawSeries } from './provider.ts';

export type Arm = 'canary' | 'stable' | 'plain';

/** The parts of a target's labels by which its `up` samples are found. */
export interface TargetName {
  readonly job: string;
  readonly instance: string;
  readonly pod: string | undefined;
}

/** One scraped process, as far as its scrapes are known. */
export interface Target {
  readonly name: TargetName;
  /** Earliest scrape in ms that is known to have worked, not before the tracker's coverage begins. */
  firstScrapeAt: number;
  /** Whether the samples of `up` have been asked for scrapes before the first one seen. */
  isLookedUp: boolean;
  /** Timestamps of all scrapes that are still held. */
  readonly scrapes: Set<number>;
}

interface Tracked {
  readonly arm: Arm;
  readonly outcome: Outcome;
  readonly target: Target;
  readonly counter: CounterSeries;
}

/** All that is held of one subject: raw samples of a bounded time, and its batches. Changed only by the functions of this file. */
export interface Tracker {
  readonly subject: Subject;
  readonly series: Map<string, Tracked>;
  readonly targets: Map<string, Target>;
  readonly batches: Batch[];
  /** Since this time, in ms, answers held every sample: a series that a scrape after it does not show was not there. */
  coveredFrom: number;
  /** Batches up to this cell border are final. */
  closedUntil: number;
  /** Timestamp of the newest sample in ms. */
  lastSampleAt: number | null;
}

/**
 * The labels that Istio's own metrics set for each request. All others name the target that was scraped; one too many of those only makes
 * the start of a counter harder to prove, one too few would prove it wrongly.
 */
const REQUEST_LABEL = /^(reporter$|source_|destination_|request_|response_|grpc_|connection_)/;

/** A caller that missed so many scrapes is gone. */
const MISSED_SCRAPES = 2.5;

export function createTracker(subject: Subject): Tracker {
  return {
    subject,
    series: new Map(),
    targets: new Map(),
    batches: [],
    coveredFrom: Number.POSITIVE_INFINITY,
    closedUntil: Number.NEGATIVE_INFINITY,
    lastSampleAt: null,
  };
}

/** The hosts whose requests are followed, and what each stands for. */
export function hostsOf({ service, stable, canary }: Subject): readonly (readonly [host: string, arm: Arm])[] {
  return [
    [service, 'plain'],
    [`${service}-${stable}`, 'stable'],
    [`${service}-${canary}`, 'canary'],
  ];
}

/** Takes in the samples of one series of one of the subject's hosts; repeated samples change nothing. */
export function ingest(tracker: Tracker, arm: Arm, { labels, samples }: RawSeries): void {
  const key = keyOf(labels);
  let tracked = tracker.series.get(key);
  if (tracked === undefined) {
    tracked = { arm, outcome: outcomeOf(labels), target: targetOf(tracker, labels), counter: emptySeries() };
    tracker.series.set(key, tracked);
  }
  addSamples(tracked.counter, samples);
  for (const { at } of samples) {
    noteScrape(tracker, tracked.target, at);
    tracked.target.scrapes.add(at);
    if (at > (tracker.lastSampleAt ?? 0)) tracker.lastSampleAt = at;
  }
}

/** Targets that were first seen after the evidence began and whose earlier scrapes have not been looked up. */
export function unknownTargets(tracker: Tracker): readonly Target[] {
  const { since } = tracker.subject;
  if (since === null) return [];
  return [...tracker.targets.values()].filter(
    ({ isLookedUp, firstScrapeAt, name: { job, instance } }) =>
      !isLookedUp && firstScrapeAt > since && Number.isFinite(firstScrapeAt) && job !== '' && instance !== '',
  );
}

/**
 * Takes in the samples of `up` of one target: a scrape that worked and did not show a counter proves that the counter began later.
 * Unless the answer is final, because late samples may still come, a target without such a scrape stays unknown.
 */
export function ingestUp(tracker: Tracker, target: Target, answers: readonly RawSeries[], isFinal: boolean): void {
  const before = target.firstScrapeAt;
  for (const { labels, samples } of answers) {
    if (!isSameTarget(target.name, labels)) continue;
    for (const { at, value } of samples) if (value === 1) noteScrape(tracker, target, at);
  }
  target.isLookedUp = isFinal || target.firstScrapeAt < before;
}

/** Closes the cells up to the border `until`; true when that gave new batches. */
export function cut(tracker: Tracker, until: number, cellMs: number): boolean {
  if (until <= tracker.closedUntil) return false;
  const { since } = tracker.subject;
  const increments: ArmIncrement[] = [];
  for (const { arm, outcome, target, counter } of tracker.series.values()) {
    for (const { at, amount } of takeIncrements(counter, until, target.firstScrapeAt)) {
      if (since === null || at <= since || arm === 'plain' || outcome === 'excluded') continue;
      increments.push({ at, arm, failed: outcome === 'failure', amount });
    }
  }
  const batches = cutBatches(increments, { closedUntil: tracker.closedUntil, until, cellMs });
  tracker.closedUntil = until;
  tracker.batches.push(...batches);
  return batches.length > 0;
}

/** Drops raw samples older than `before`, as far as closed batches hold them. */
export function trim(tracker: Tracker, before: number): void {
  for (const { counter } of tracker.series.values()) trimSeries(counter, before);
  for (const { scrapes } of tracker.targets.values()) {
    for (const at of scrapes) if (at < before) scrapes.delete(at);
  }
}

/** Mean time between two scrapes of the caller that is scraped most often, in ms; undefined until one was scraped twice. */
export function scrapeIntervalMs(tracker: Tracker): number | undefined {
  let shortest = Number.POSITIVE_INFINITY;
  for (const { scrapes } of tracker.targets.values()) {
    const span = spanAfter(scrapes, Number.NEGATIVE_INFINITY);
    if (span !== undefined) shortest = Math.min(shortest, (span.last - span.first) / (scrapes.size - 1));
  }
  return Number.isFinite(shortest) ? shortest : undefined;
}

/**
 * Requests to each host between each target's first and last scrape after `from`. Undefined when no target has two of them, or one that
 * was scraped before and still is has not: it may be the one that a new route has not reached. Requests that a fault answered count
 * too: they say where routing sent them.
 */
export function trafficOf(tracker: Tracker, from: number): TrafficSplit | undefined {
  const spans = new Map<Target, { first: number; last: number }>();
  const goneBefore = (tracker.lastSampleAt ?? 0) - MISSED_SCRAPES * (scrapeIntervalMs(tracker) ?? 0);
  for (const target of tracker.targets.values()) {
    const span = spanAfter(target.scrapes, from);
    if (span !== undefined) spans.set(target, span);
    else if (isAwaited(target.scrapes, from, goneBefore)) return undefined;
  }
  if (spans.size === 0) return undefined;
  const counts = { plain: 0, stable: 0, canary: 0 };
  for (const { arm, target, counter } of tracker.series.values()) {
    const span = spans.get(target);
    if (span !== undefined) counts[arm] += growthBetween(counter, span.first, span.last);
  }
  return {
    from: Math.min(...[...spans.values()].map(({ first }) => first)),
    to: Math.max(...[...spans.values()].map(({ last }) => last)),
    ...counts,
  };
}

/** Whether a target was scraped up to `from` and again since `goneBefore`. */
function isAwaited(scrapes: ReadonlySet<number>, from: number, goneBefore: number): boolean {
  let [wasScraped, isScraped] = [false, false];
  for (const at of scrapes) {
    wasScraped ||= at <= from;
    isScraped ||= at >= goneBefore;
  }
  return wasScraped && isScraped;
}

function spanAfter(scrapes: ReadonlySet<number>, from: number): { first: number; last: number } | undefined {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const at of scrapes) {
    if (at <= from) continue;
    first = Math.min(first, at);
    last = Math.max(last, at);
  }
  return first < last ? { first, last } : undefined;
}

function noteScrape(tracker: Tracker, target: Target, at: number): void {
  if (at >= tracker.coveredFrom && at < target.firstScrapeAt) target.firstScrapeAt = at;
}

function targetOf(tracker: Tracker, labels: Readonly<Record<string, string>>): Target {
  const key = keyOf(Object.fromEntries(Object.entries(labels).filter(([label]) => !REQUEST_LABEL.test(label))));
  let target = tracker.targets.get(key);
  if (target === undefined) {
    const name = { job: labels['job'] ?? '', instance: labels['instance'] ?? '', pod: labels['pod'] };
    target = { name, firstScrapeAt: Number.POSITIVE_INFINITY, isLookedUp: false, scrapes: new Set() };
    tracker.targets.set(key, target);
  }
  return target;
}

function isSameTarget(name: TargetName, labels: Readonly<Record<string, string>>): boolean {
  if (labels['job'] !== name.job || labels['instance'] !== name.instance) return false;
  return labels['pod'] === undefined || name.pod === undefined || labels['pod'] === name.pod;
}

/** One string per set of labels, whatever their order: a series that came back under another key would count twice. */
function keyOf(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels);
  // Every query brings every series, and sources sort their labels: sorting them again would be a third of all work.
  if (names.some((name, index) => index > 0 && name < (names[index - 1] ?? ''))) names.sort();
  let key = '';
  for (const name of names) key += `${name}\0${labels[name]}\0`;
  return key;
}
