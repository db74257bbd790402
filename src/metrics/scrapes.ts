import { hash } from 'node:crypto';
import type { RawSeries } from './provider.ts';

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

/**
 * The labels that Istio's own metrics set for each request. All others name the target that was scraped; one too many of those only makes
 * the start of a counter harder to prove, one too few would prove it wrongly.
 */
const REQUEST_LABEL = /^(le$|reporter$|source_|destination_|request_|response_|grpc_|connection_)/;
/** Labels that Prometheus and its operator give to whatever they scrape. A user's counter may have any others of its own. */
const TARGET_LABEL =
  /^(job|instance|pod|namespace|container|endpoint|service|node|cluster|prometheus|prometheus_replica|replica)$/;

/** Those labels of an Istio metric that name the scraped target. */
export function targetOfRequests(labels: Readonly<Record<string, string>>): Record<string, string> {
  return pick(labels, (name) => !REQUEST_LABEL.test(name));
}

/** Those labels of any other metric that name the scraped target. */
export function targetOfCounters(labels: Readonly<Record<string, string>>): Record<string, string> {
  return pick(labels, (name) => TARGET_LABEL.test(name));
}

export function newTarget({ job = '', instance = '', pod }: Readonly<Record<string, string>>): Target {
  return {
    name: { job, instance, pod },
    firstScrapeAt: Number.POSITIVE_INFINITY,
    isLookedUp: false,
    scrapes: new Set(),
  };
}

/** Notes a scrape that worked and lies in the time from which all samples are known. */
export function noteScrape(target: Target, at: number, coveredFrom: number): void {
  if (at >= coveredFrom && at < target.firstScrapeAt) target.firstScrapeAt = at;
}

/** Notes the scrapes in `up` of one target. */
export function noteUp(target: Target, answers: readonly RawSeries[], coveredFrom: number): void {
  for (const { labels, samples } of answers) {
    if (!isSameTarget(target.name, labels)) continue;
    for (const { at, value } of samples) if (value === 1) noteScrape(target, at, coveredFrom);
  }
}

/** The newest scrape before `at`: a counter that `at` shows for the first time has grown since then. −Infinity where none is known. */
export function scrapeBefore({ scrapes, firstScrapeAt }: Target, at: number): number {
  let newest = firstScrapeAt < at ? firstScrapeAt : Number.NEGATIVE_INFINITY;
  for (const scrape of scrapes) if (scrape < at && scrape > newest) newest = scrape;
  return newest;
}

/** Drops scrapes before `before`. */
export function trimScrapes({ scrapes }: Target, before: number): void {
  for (const at of scrapes) if (at < before) scrapes.delete(at);
}

/** First and last scrape after `from`, undefined unless there are two. */
export function spanAfter({ scrapes }: Target, from: number): { first: number; last: number } | undefined {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const at of scrapes) {
    if (at <= from) continue;
    first = Math.min(first, at);
    last = Math.max(last, at);
  }
  return first < last ? { first, last } : undefined;
}

/** Whether a target was scraped up to `from` and again since `goneBefore`. */
export function isAwaited({ scrapes }: Target, from: number, goneBefore: number): boolean {
  let [wasScraped, isScraped] = [false, false];
  for (const at of scrapes) {
    wasScraped ||= at <= from;
    isScraped ||= at >= goneBefore;
  }
  return wasScraped && isScraped;
}

/**
 * One string per set of labels, whatever their order: a series that came back under another key would count twice. A digest, because the
 * labels of tens of thousands of series are more text than all else that is held of them.
 */
export function keyOf(labels: Readonly<Record<string, string>>): string {
  let key = '';
  for (const name of Object.keys(labels).sort()) key += `${name}\0${labels[name]}\0`;
  return hash('sha256', key, 'base64');
}

function isSameTarget(name: TargetName, labels: Readonly<Record<string, string>>): boolean {
  if (labels['job'] !== name.job || labels['instance'] !== name.instance) return false;
  return labels['pod'] === undefined || name.pod === undefined || labels['pod'] === name.pod;
}

function pick(labels: Readonly<Record<string, string>>, keep: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => keep(name)));
}
