import { loadavg } from 'node:os';
import { quantileOf } from '../../lab/load/record.ts';
import type { Report } from '../../lab/load/report.ts';
import { RELEASED } from '../../lab/shop/manifests.ts';
import type { Chronicle } from '../e2e/support/chronicle.ts';
import type { EndedRelease } from '../e2e/support/stage.ts';
import { scrapesOf } from './releases-scrapes.ts';

/** What one release cost and how long its parts took; seconds, and null where there was no such thing. */
export interface RunFigures {
  /** From the first answer of the new version to its last: what its users had to bear. */
  readonly exposureS: number | null;
  /** From its first answer to the route write that takes its requests away. */
  readonly detectedS: number | null;
  /** Failed requests while the release went on, whoever failed them. */
  readonly failedRequests: number;
  /** Of those, the ones that no version answered: lost on the way. */
  readonly lostRequests: number;
}

/** One run as its JSON line has it. */
export interface Run extends RunFigures {
  readonly case: string;
  readonly run: number;
  readonly outcome: string;
  readonly reason: string;
  readonly message: string;
  readonly seconds: number;
  /** Where the time of a roll back went. */
  readonly timing: {
    /** First answer of the new version to the last scrape of a caller that the decision can have been made from. */
    readonly scrapedS: number | null;
    /** From that scrape to the route write. */
    readonly decidedS: number | null;
    /** From the route write to the last answer. */
    readonly routedS: number | null;
  };
  /** What the load says of itself: when requests are late, the figures say little about Sluice. */
  readonly load: { readonly requestsPerSecond: number; readonly p50Ms: number; readonly p99Ms: number };
  /** Of the machine, over one minute, at the end. */
  readonly loadAverage: number;
  /** What was seen in an outage. */
  readonly seen?: string;
}

export interface Measured {
  readonly version: string;
  readonly ended: EndedRelease;
  readonly report: Report;
  readonly chronicle: Chronicle;
}

/** The controller leaves a scrape this long to arrive. */
const INGEST_MS = 500;

/** Figures of a release that is over, from what the callers, the API server and Prometheus saw, not from what the controller says. */
export async function measure({ version, ended, report, chronicle }: Measured) {
  const answered = report.versions[`${RELEASED}=${version}`];
  const takenBackMs = chronicle.routesOf(ended.revision).find(isTakenBack)?.atMs;
  const scrapes = await scrapesOf(ended.revision);
  const scrapedMs = scrapes.filter((atMs) => takenBackMs !== undefined && atMs + INGEST_MS <= takenBackMs).at(-1);
  const busy = report.seconds.filter(({ requests }) => requests > 0).slice(0, -1);
  const median = (values: readonly number[]) =>
    quantileOf(
      values.toSorted((a, b) => a - b),
      0.5,
    );
  return {
    outcome: ended.outcome,
    reason: ended.reason,
    message: ended.message,
    seconds: rounded(ended.seconds),
    exposureS: secondsBetween(answered?.firstAtMs, answered?.lastAtMs),
    detectedS: secondsBetween(answered?.firstAtMs, takenBackMs),
    failedRequests: report.failures.length,
    lostRequests: report.failures.filter(({ failedHop }) => failedHop.endsWith('=none') || failedHop === 'none').length,
    timing: {
      scrapedS: secondsBetween(answered?.firstAtMs, scrapedMs),
      decidedS: secondsBetween(scrapedMs, takenBackMs),
      routedS: secondsBetween(takenBackMs, answered?.lastAtMs),
    },
    load: {
      requestsPerSecond: median(busy.map(({ requests }) => requests)),
      p50Ms: median(busy.map(({ latencyMs }) => latencyMs.p50)),
      p99Ms: median(busy.map(({ latencyMs }) => latencyMs.p99)),
    },
    loadAverage: rounded(loadavg()[0] ?? 0),
  };

  /** The first write without the canary after one with it. */
  function isTakenBack(
    { share }: { readonly share: number | null },
    index: number,
    routes: readonly { readonly share: number | null }[],
  ): boolean {
    return share === 0 && (routes[index - 1]?.share ?? 0) > 0;
  }
}

function secondsBetween(fromMs: number | undefined, toMs: number | undefined): number | null {
  return fromMs === undefined || toMs === undefined ? null : rounded((toMs - fromMs) / 1000);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
