import { growthBetween } from './counters.ts';
import type { TrafficSplit } from './port.ts';
import { isAwaited, spanAfter, type Target } from './scrapes.ts';
import type { Tracker } from './tracked.ts';
import { scrapeIntervalMs } from './tracker.ts';

/** A caller that missed so many scrapes is gone. */
const MISSED_SCRAPES = 2.5;

/**
 * Requests to each host between each target's first and last scrape after `from`. Undefined when no target has two of them, or one that
 * was scraped before and still is has not: it may be the one that a new route has not reached. Requests that a fault answered count
 * too: they say where routing sent them. Undefined for other measures than `requests`.
 */
export function trafficOf(tracker: Tracker, from: number): TrafficSplit | undefined {
  if (tracker.measure.kind !== 'requests') return undefined;
  const spans = new Map<Target, { first: number; last: number }>();
  const goneBefore = (tracker.lastSampleAt ?? 0) - MISSED_SCRAPES * (scrapeIntervalMs(tracker) ?? 0);
  for (const target of tracker.targets.values()) {
    const span = spanAfter(target, from);
    if (span !== undefined) spans.set(target, span);
    else if (isAwaited(target, from, goneBefore)) return undefined;
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
