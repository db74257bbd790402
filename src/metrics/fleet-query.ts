import type { RawQuery } from './provider.ts';

/** What one followed subject needs to know. */
export interface Need {
  /** Its hosts, without namespace. */
  readonly hosts: readonly string[];
  /** The samples since this time are wanted, in ms. */
  readonly from: number;
}

/** One question to the source that serves many subjects, as queries to be asked in order. */
export interface Plan<T> {
  readonly members: readonly T[];
  readonly queries: readonly RawQuery[];
  /** Answers hold all samples since this time, in ms. */
  readonly from: number;
}

/** The metric that counts requests as their callers see them, with refused and unreachable ones. */
export const REQUESTS_METRIC = 'istio_requests_total';

/** Longest matcher in bytes of one query: some proxies in front of a source refuse bodies above 64 KiB once encoded. */
const LONGEST_MATCHER = 16_000;
/** Longest window of one query: a day at 1 s scrapes in one answer would exceed the limits of most sources. */
const LONGEST_WINDOW_MS = 3_600_000;
/** Overlap of the newest window with the fixed ones before it: the source's clock may lag and its newest samples come late. */
const OVERLAP_MS = 60_000;

/**
 * As few plans as will do: subjects that need windows of about the same length share one, as far as its matcher stays short. The shortest
 * windows come first, so that a long look back cannot hold up running releases.
 */
export function planQueries<T extends Need>(needs: readonly T[], now: number): readonly Plan<T>[] {
  return [...groupByWindow(needs, now).entries()]
    .sort(([a], [b]) => a - b)
    .flatMap(([, group]) => chunk(group))
    .map((members) => {
      const from = Math.min(...members.map((member) => member.from));
      const hosts = [...new Set(members.flatMap((member) => member.hosts))].sort();
      return { members, from, queries: windows(requestsSelector(hosts), from, now) };
    });
}

/** By the length of the wanted window, in powers of two. */
function groupByWindow<T extends Need>(needs: readonly T[], now: number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const need of needs) {
    const magnitude = Math.ceil(Math.log2(Math.max(1, now - need.from)));
    const group = groups.get(magnitude);
    if (group === undefined) groups.set(magnitude, [need]);
    else group.push(need);
  }
  return groups;
}

/** The selector for requests to these hosts as their callers count them, whatever the namespace. */
export function requestsSelector(hosts: readonly string[]): string {
  return `${REQUESTS_METRIC}{reporter="source",destination_service_name=~"${alternation(hosts)}"}`;
}

/** The selector for whether scrapes of these targets worked; may give more targets than asked for. */
export function upSelector(targets: readonly { readonly job: string; readonly instance: string }[]): string {
  const jobs = [...new Set(targets.map(({ job }) => job))].sort();
  const instances = [...new Set(targets.map(({ instance }) => instance))].sort();
  return `up{job=~"${alternation(jobs)}",instance=~"${alternation(instances)}"}`;
}

/** Splits so that the alternation of one part stays short; at least one member each. */
export function chunk<T extends { readonly hosts: readonly string[] }>(members: readonly T[]): readonly T[][] {
  const chunks: T[][] = [];
  let size = 0;
  for (const member of members) {
    const own = alternation(member.hosts).length + 1;
    const current = chunks.at(-1);
    if (current === undefined || size + own > LONGEST_MATCHER) {
      chunks.push([member]);
      size = own;
    } else {
      current.push(member);
      size += own;
    }
  }
  return chunks;
}

/** Fixed windows of bounded length, oldest first, and at last one that ends at the source's own now. */
function windows(selector: string, from: number, now: number): readonly RawQuery[] {
  const queries: RawQuery[] = [];
  let start = from;
  while (now - start > LONGEST_WINDOW_MS) {
    const endAtMs = start + LONGEST_WINDOW_MS - OVERLAP_MS;
    queries.push({ selector, windowMs: endAtMs - start, endAtMs });
    start = endAtMs;
  }
  queries.push({ selector, windowMs: now - start + (queries.length > 0 ? OVERLAP_MS : 0) });
  return queries;
}

/** Literals as one RE2 alternation inside a PromQL string. */
function alternation(literals: readonly string[]): string {
  return literals
    .map((literal) =>
      literal
        .replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
        .replace(/[\\"]/g, '\\$&')
        .replace(/\n/g, '\\n'),
    )
    .join('|');
}
