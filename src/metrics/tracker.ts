import { carryFailures, cutBatches } from './batches.ts';
import type { ArmIncrement, Grid } from './cells.ts';
import { eachSample, type TakeSample } from './columns.ts';
import { addSample, emptySeries, isCount, trimSeries } from './counters.ts';
import { agreeOnEdges, noAgreement } from './edges.ts';
import { countedGrowth, timedGrowth } from './growth.ts';
import { addBucket, addNative, emptyHistogram, type Histogram, isAwaited } from './histogram.ts';
import { isTimed, outcomeOf, touchedBy } from './outcome.ts';
import { type Batch, DEFAULT_MEASURE, type Measure, type Subject } from './port.ts';
import type { NativeSample, RawSeries } from './provider.ts';
import {
  keyOf,
  newTarget,
  noteScrape,
  noteUp,
  spanAfter,
  type Target,
  targetOfCounters,
  targetOfRequests,
  trimScrapes,
} from './scrapes.ts';
import type { Arm, Role, Sink, Tracked, Tracker } from './tracked.ts';

export function createTracker(subject: Subject, floor = Number.NEGATIVE_INFINITY): Tracker {
  return {
    subject,
    measure: subject.measure ?? DEFAULT_MEASURE,
    series: new Map(),
    histograms: new Map(),
    targets: new Map(),
    batches: [],
    floor,
    coveredFrom: Number.POSITIVE_INFINITY,
    lostUntil: null,
    closedUntil: Number.NEGATIVE_INFINITY,
    lastSampleAt: null,
    edges: [],
    nativeUntil: Number.POSITIVE_INFINITY,
    edgeTexts: new Map(),
    edgesAsked: undefined,
    agreement: noAgreement(),
    carried: { canary: 0, stable: 0 },
  };
}

/** The sink for the samples of a series with these labels. */
export function sinkFor(tracker: Tracker, role: Role, labels: Readonly<Record<string, string>>): Sink {
  if (tracker.measure.kind === 'durations') {
    return labels['le'] === undefined ? nativeSink(tracker, role, labels) : bucketSink(tracker, role, labels);
  }
  const tracked = trackedFor(tracker, tracker.measure, role, labels);
  const { counter, target } = tracked;
  const take: TakeSample = (at, value) => {
    // What is no count shows nothing: a source that gives only NaN is stale.
    if (isCount(value)) noteNewest(tracker, at);
    if (at < tracker.floor) return;
    addSample(counter, at, value);
    noteSample(tracker, target, at);
  };
  return (series) => eachSample(series, take);
}

/** Takes in the samples of one series; repeated samples change nothing. */
export function ingest(tracker: Tracker, role: Role, series: RawSeries): void {
  sinkFor(tracker, role, series.labels)(series);
}

function trackedFor(
  tracker: Tracker,
  measure: Exclude<Measure, { kind: 'durations' }>,
  { arm, part }: Role,
  labels: Readonly<Record<string, string>>,
): Tracked {
  const key = `${part}\0${arm}\0${keyOf(labels)}`;
  const known = tracker.series.get(key);
  if (known !== undefined) return known;
  const isUsers = measure.kind === 'counters';
  const tracked: Tracked = {
    arm,
    counts: countedAs(measure, part, labels),
    // Istio's request metrics name the pod that sent the request, not the one that answered.
    pod: isUsers ? labels['pod'] : undefined,
    target: targetFor(tracker, isUsers ? targetOfCounters(labels) : targetOfRequests(labels)),
    counter: emptySeries(),
  };
  tracker.series.set(key, tracked);
  return tracked;
}

function countedAs(
  measure: Exclude<Measure, { kind: 'durations' }>,
  part: Role['part'],
  labels: Readonly<Record<string, string>>,
): Tracked['counts'] {
  if (measure.kind === 'requests') return outcomeOf(labels, measure.failures);
  if (measure.kind === 'faults') return touchedBy(labels, measure.flags);
  return part === 'bad' ? 'bad' : 'total';
}

function noteNewest(tracker: Tracker, at: number): void {
  if (at > (tracker.lastSampleAt ?? 0)) tracker.lastSampleAt = at;
}

function bucketSink(tracker: Tracker, { arm }: Role, labels: Readonly<Record<string, string>>): Sink {
  const { le = '', ...others } = labels;
  const edge = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
  const target = targetFor(tracker, targetOfRequests(others));
  if (le === '' || Number.isNaN(edge)) return () => undefined;
  const histogram = isTimed(others) ? histogramFor(tracker, { arm, target }, others) : undefined;
  const texts = tracker.edgeTexts.get(edge) ?? new Set();
  tracker.edgeTexts.set(edge, texts.add(le));
  tracker.edgesAsked = undefined;
  // The other edges of a target are scraped at the same times.
  const isTotal = edge === Number.POSITIVE_INFINITY;
  const take: TakeSample = (at, value) => {
    if (at < tracker.floor || (!isTotal && tracker.edges.length > 0 && !tracker.edges.includes(edge))) return;
    if (isTotal) noteSample(tracker, target, at);
    if (histogram !== undefined && isAwaited(histogram, at)) addBucket(histogram, edge, { at, value });
  };
  return (series) => eachSample(series, take);
}

/** The sink of a series of native histograms. Those of the plain host only show edges, and those before the release do it well enough. */
function nativeSink(tracker: Tracker, { arm }: Role, labels: Readonly<Record<string, string>>): Sink {
  const target = targetFor(tracker, targetOfRequests(labels));
  const histogram = isTimed(labels) ? histogramFor(tracker, { arm, target }, labels) : undefined;
  return ({ histograms = [] }) => {
    const wanted = since(tracker.floor, histograms);
    for (const { at } of wanted) noteSample(tracker, target, at);
    if (histogram !== undefined) addNative(histogram, arm === 'plain' ? shown(tracker, histogram, wanted) : wanted);
  };
}

function shown(
  { edges, subject }: Tracker,
  { pendingNative }: Histogram,
  samples: readonly NativeSample[],
): readonly NativeSample[] {
  const last = pendingNative.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  return edges.length > 0 ? [] : samples.filter(({ at }) => at > last && at <= (subject.since ?? 0));
}

/** The edges that are read, in all forms in which the source may write them: those it was seen to use, and with and without a decimal. */
export function edgesAsked(tracker: Tracker): readonly string[] {
  tracker.edgesAsked ??= tracker.edges.flatMap((edge) => formsOf(edge, tracker.edgeTexts.get(edge) ?? new Set()));
  return tracker.edgesAsked;
}

function formsOf(edge: number, seen: ReadonlySet<string>): readonly string[] {
  return [...new Set([...seen, String(edge), edge.toFixed(1)])].filter((text) => Number(text) === edge);
}

function histogramFor(
  tracker: Tracker,
  { arm, target }: { readonly arm: Arm; readonly target: Target },
  labels: Readonly<Record<string, string>>,
): Histogram {
  const key = keyOf(labels);
  const known = tracker.histograms.get(key);
  if (known !== undefined) return known.histogram;
  const histogram = emptyHistogram();
  tracker.histograms.set(key, { arm, target, histogram });
  return histogram;
}

function since<T extends { readonly at: number }>(floor: number, samples: readonly T[]): readonly T[] {
  return (samples[0]?.at ?? floor) >= floor ? samples : samples.filter(({ at }) => at >= floor);
}

function noteSample(tracker: Tracker, target: Target, at: number): void {
  noteScrape(target, at, tracker.coveredFrom);
  target.scrapes.add(at);
}

function targetFor(tracker: Tracker, labels: Readonly<Record<string, string>>): Target {
  const key = keyOf(labels);
  let target = tracker.targets.get(key);
  if (target === undefined) {
    target = newTarget(labels);
    tracker.targets.set(key, target);
  }
  return target;
}

/** Says since when all samples are known, in ms; scrapes that were taken in before count from then on. */
export function cover(tracker: Tracker, coveredFrom: number): void {
  tracker.coveredFrom = coveredFrom;
  for (const target of tracker.targets.values()) {
    for (const at of target.scrapes) noteScrape(target, at, coveredFrom);
  }
}

/** Targets that were first seen after the evidence began and whose earlier scrapes have not been looked up. */
export function unknownTargets(tracker: Tracker): readonly Target[] {
  const begin = tracker.subject.since;
  if (begin === null) return [];
  const unknown: Target[] = [];
  for (const target of tracker.targets.values()) {
    const { isLookedUp, firstScrapeAt, name } = target;
    if (isLookedUp || firstScrapeAt <= begin || !Number.isFinite(firstScrapeAt)) continue;
    if (name.job !== '' && name.instance !== '') unknown.push(target);
  }
  return unknown;
}

/**
 * Takes in the samples of `up` of one target: a scrape that worked and did not show a counter proves that the counter began later.
 * Unless the answer is final, because late samples may still come, a target without such a scrape stays unknown.
 */
export function ingestUp(tracker: Tracker, target: Target, answers: readonly RawSeries[], isFinal: boolean): void {
  const before = target.firstScrapeAt;
  noteUp(target, answers, tracker.coveredFrom);
  target.isLookedUp = isFinal || target.firstScrapeAt < before;
}

/** Closes the cells up to the border `until`; true when that gave new batches. */
export function cut(tracker: Tracker, until: number, cellMs: number): boolean {
  if (until <= tracker.closedUntil) return false;
  const grid: Grid = { closedUntil: tracker.closedUntil, until, cellMs };
  const begin = tracker.subject.since;
  const { measure } = tracker;
  const grown =
    measure.kind === 'durations' ? timedGrowth(tracker, measure.underMs, until) : countedGrowth(tracker, until);
  const increments = begin === null ? [] : grown.filter(({ at }) => at > begin);
  const batches = batchesOf(tracker, increments, grid);
  tracker.closedUntil = until;
  for (const batch of batches) tracker.batches.push(batch);
  return batches.length > 0;
}

function batchesOf(tracker: Tracker, increments: readonly ArmIncrement[], grid: Grid): readonly Batch[] {
  switch (tracker.measure.kind) {
    case 'requests':
    case 'faults':
      return cutBatches(increments, grid);
    case 'durations':
      agreeOnEdges(tracker.agreement, increments, grid);
      return cutBatches(increments, grid, tracker.agreement);
    case 'counters':
      return carryFailures(cutBatches(increments, grid), tracker.carried);
  }
}

/** Drops raw samples older than `before`, as far as closed batches hold them. */
export function trim(tracker: Tracker, before: number): void {
  for (const { counter } of tracker.series.values()) trimSeries(counter, before);
  for (const { histogram } of tracker.histograms.values()) {
    if (histogram.counter !== undefined) trimSeries(histogram.counter, before);
  }
  for (const target of tracker.targets.values()) trimScrapes(target, before);
}

/** Mean time between two scrapes of the caller that is scraped most often, in ms; undefined until one was scraped twice. */
export function scrapeIntervalMs(tracker: Tracker): number | undefined {
  let shortest = Number.POSITIVE_INFINITY;
  for (const target of tracker.targets.values()) {
    const span = spanAfter(target, Number.NEGATIVE_INFINITY);
    if (span !== undefined) shortest = Math.min(shortest, (span.last - span.first) / (target.scrapes.size - 1));
  }
  return Number.isFinite(shortest) ? shortest : undefined;
}
