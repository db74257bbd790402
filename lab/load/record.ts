/** What became of one request. */
export interface Outcome {
  /** When it was due, ms since the epoch. */
  readonly dueAtMs: number;
  readonly endedAtMs: number;
  /** 0 when there was no answer. */
  readonly status: number;
  /** Who answered on its way: `frontend=v1`, `checkout=v2`. */
  readonly versions: readonly string[];
  /** Who is to blame for a failure: `checkout=v2`; `frontend=none` when no pod answered. */
  readonly failedHop?: string;
  /** In words, for a failure. */
  readonly cause?: string;
}

export interface Failure {
  readonly atMs: number;
  readonly endedAtMs: number;
  readonly status: number;
  readonly failedHop: string;
  readonly versions: readonly string[];
  readonly cause: string;
}

/** All requests that were due within one second. */
export interface Second {
  /** Its start, ms since the epoch. */
  readonly atMs: number;
  readonly requests: number;
  readonly failed: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byVersion: Readonly<Record<string, number>>;
  /** From the time that a request was due, so that waiting in our own queue counts. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** What one version did over the whole run. */
export interface VersionRecord {
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly answered: number;
  readonly failed: number;
}

export interface Totals {
  readonly sent: number;
  readonly done: number;
  readonly failed: number;
}

/** Counts requests by second, status and version, and keeps the latest seconds and failures. */
export interface Recorder {
  sent(dueAtMs: number): void;
  ended(outcome: Outcome): void;
  /** Seconds that are over and have no request under way, each returned once. */
  takeClosed(nowMs: number): readonly Second[];
  /** Failures since the last call. */
  takeFailures(): readonly Failure[];
  totals(): Totals;
  versions(): Readonly<Record<string, VersionRecord>>;
  secondsSince(sinceMs: number): readonly Second[];
  failuresSince(sinceMs: number): readonly Failure[];
}

interface OpenSecond {
  readonly atMs: number;
  pending: number;
  failed: number;
  readonly byStatus: Map<string, number>;
  readonly byVersion: Map<string, number>;
  readonly latenciesMs: number[];
}

const KEPT_SECONDS = 7_200;
const KEPT_FAILURES = 20_000;

/** True for an answer that its caller cannot use: none at all, or a status from 400 on. */
export function isFailure(status: number): boolean {
  return status === 0 || status >= 400;
}

/** The value below which the share `quantile` of the sorted values lies; 0 for none. */
export function quantileOf(sorted: readonly number[], quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 0;
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

function close(open: OpenSecond): Second {
  const sorted = open.latenciesMs.toSorted((a, b) => a - b);
  return {
    atMs: open.atMs,
    requests: sorted.length,
    failed: open.failed,
    byStatus: Object.fromEntries(open.byStatus),
    byVersion: Object.fromEntries(open.byVersion),
    latencyMs: { p50: quantileOf(sorted, 0.5), p99: quantileOf(sorted, 0.99), max: sorted.at(-1) ?? 0 },
  };
}

function keep<T>(list: T[], item: T, limit: number): void {
  list.push(item);
  if (list.length > limit) list.splice(0, list.length - limit);
}

function countVersion(before: VersionRecord | undefined, atMs: number, isFailed: boolean): VersionRecord {
  const start = before ?? { firstAtMs: atMs, lastAtMs: atMs, answered: 0, failed: 0 };
  return {
    firstAtMs: Math.min(start.firstAtMs, atMs),
    lastAtMs: Math.max(start.lastAtMs, atMs),
    answered: start.answered + 1,
    failed: start.failed + (isFailed ? 1 : 0),
  };
}

/** An empty record. */
export function createRecorder(): Recorder {
  const open = new Map<number, OpenSecond>();
  const versions = new Map<string, VersionRecord>();
  const seconds: Second[] = [];
  const failures: Failure[] = [];
  let newFailures: Failure[] = [];
  const totals = { sent: 0, done: 0, failed: 0 };

  const secondOf = (dueAtMs: number): OpenSecond => {
    const atMs = Math.floor(dueAtMs / 1000) * 1000;
    const known = open.get(atMs);
    if (known) return known;
    const fresh = { atMs, pending: 0, failed: 0, byStatus: new Map(), byVersion: new Map(), latenciesMs: [] };
    open.set(atMs, fresh);
    return fresh;
  };

  const fail = ({ dueAtMs, endedAtMs, status, versions: answered, failedHop = 'none', cause = '' }: Outcome) => {
    totals.failed += 1;
    const failure = {
      atMs: Math.round(dueAtMs),
      endedAtMs: Math.round(endedAtMs),
      status,
      failedHop,
      versions: answered,
      cause,
    };
    keep(failures, failure, KEPT_FAILURES);
    newFailures.push(failure);
  };

  return {
    sent(dueAtMs) {
      totals.sent += 1;
      secondOf(dueAtMs).pending += 1;
    },
    ended(outcome) {
      const second = secondOf(outcome.dueAtMs);
      const isFailed = isFailure(outcome.status);
      totals.done += 1;
      second.pending -= 1;
      second.latenciesMs.push(Math.round((outcome.endedAtMs - outcome.dueAtMs) * 10) / 10);
      count(second.byStatus, String(outcome.status));
      for (const version of outcome.versions) {
        count(second.byVersion, version);
        const blamed = isFailed && outcome.failedHop === version;
        versions.set(version, countVersion(versions.get(version), Math.round(outcome.endedAtMs), blamed));
      }
      if (!isFailed) return;
      second.failed += 1;
      fail(outcome);
    },
    takeClosed(nowMs) {
      const closed = [...open.values()].filter(({ atMs, pending }) => pending === 0 && atMs + 1000 <= nowMs).map(close);
      for (const second of closed) {
        open.delete(second.atMs);
        keep(seconds, second, KEPT_SECONDS);
      }
      return closed;
    },
    takeFailures() {
      const taken = newFailures;
      newFailures = [];
      return taken;
    },
    totals: () => ({ ...totals }),
    versions: () => Object.fromEntries(versions),
    secondsSince: (sinceMs) => seconds.filter(({ atMs }) => atMs >= sinceMs),
    failuresSince: (sinceMs) => failures.filter(({ atMs }) => atMs >= sinceMs),
  };
}
