import { escapePattern, quotable } from './counter-selector.ts';
import type { RawQuery } from './provider.ts';
import type { Shape, Want } from './wants.ts';

/** What one followed subject needs to know. */
export interface Need {
  readonly wants: readonly Want[];
  /** The samples since this time are wanted, in ms. */
  readonly from: number;
  /** Of a histogram only these edges are wanted, as the source writes them; empty for all. */
  readonly edges: readonly string[];
}

/** One question to the source that serves many subjects, as queries to be asked in order. */
export interface Plan<T> {
  readonly shape: Shape;
  readonly members: readonly T[];
  readonly queries: readonly RawQuery[];
  /** Answers hold all samples since this time, in ms. */
  readonly from: number;
}

/** Longest matcher in bytes of one query: some proxies in front of a source refuse bodies above 64 KiB once encoded. */
const LONGEST_MATCHER = 45_000;
/** Longest window of one query: a day at 1 s scrapes in one answer would exceed the limits of most sources. */
const LONGEST_WINDOW_MS = 3_600_000;
/** Longest window of one plan times its members: 16 members with an hour, or 4000 with 15 s. */
const LONGEST_PLAN_MS = 16 * LONGEST_WINDOW_MS;
/** Overlap of the newest window with the fixed ones before it: the source's clock may lag and its newest samples come late. */
const OVERLAP_MS = 60_000;

/**
 * As few plans as will do: subjects that need series of one shape over windows of about the same length share one, as far as its matcher
 * stays short. The shortest windows come first, so that a long look back cannot hold up running releases.
 */
export function planQueries<T extends Need>(needs: readonly T[], now: number): readonly Plan<T>[] {
  return [...groupByWindow(needs, now).entries()]
    .sort(([a], [b]) => a - b)
    .flatMap(([, group]) => [...groupByShape(group).values()])
    .flatMap(({ shape, members }) => split(members, now).map((part) => planOf(shape, part, now)));
}

/** Into parts whose matchers and answers stay small. */
function split<T extends Need>(members: readonly ShapeMember<T>[], now: number): readonly ShapeMember<T>[][] {
  const longestMs = members.reduce((longest, { member }) => Math.max(longest, now - member.from), 1);
  const most = Math.max(1, Math.floor(LONGEST_PLAN_MS / Math.min(longestMs, LONGEST_WINDOW_MS)));
  return chunk(members, ({ values }) => values, most);
}

interface ShapeMember<T> {
  readonly member: T;
  /** All that the query has to name for this member, of all labels. */
  readonly values: readonly string[];
  readonly wants: readonly Want[];
}

function planOf<T extends Need>(shape: Shape, part: readonly ShapeMember<T>[], now: number): Plan<T> {
  const members = part.map(({ member }) => member);
  const from = members.reduce((earliest, member) => Math.min(earliest, member.from), now);
  const wants = part.flatMap((one) => one.wants);
  const isLimited = shape.hasEdges && members.every((member) => member.edges.length > 0);
  const selector = selectorOf(shape, wants, isLimited ? members.flatMap((member) => member.edges) : []);
  const queries = windows(selector, from, now);
  return { shape, members, from, queries: shape.isNative ? queries.map(asNative) : queries };
}

function asNative(query: RawQuery): RawQuery {
  return { ...query, isNative: true };
}

/** By the length of the wanted window, in powers of two. */
function groupByWindow<T extends Need>(needs: readonly T[], now: number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const need of needs) addTo(groups, Math.ceil(Math.log2(Math.max(1, now - need.from))), need);
  return groups;
}

/** Histograms whose edges are known apart from others, because only there a part of the answer will do. */
function groupByShape<T extends Need>(needs: readonly T[]): Map<string, { shape: Shape; members: ShapeMember<T>[] }> {
  const groups = new Map<string, { shape: Shape; members: ShapeMember<T>[] }>();
  for (const member of needs) {
    for (const [shape, wants] of wantsByShape(member)) {
      const id = `${shape.hasEdges && member.edges.length === 0}\0${shape.id}`;
      const group = groups.get(id) ?? { shape, members: [] };
      const values = wants.flatMap((want) => askedValues(shape, want));
      group.members.push({ member, wants, values });
      groups.set(id, group);
    }
  }
  return groups;
}

function wantsByShape({ wants }: Need): Map<Shape, Want[]> {
  const shapes = new Map<string, Shape>();
  const byShape = new Map<Shape, Want[]>();
  for (const want of wants) {
    const shape = shapes.get(want.shape.id) ?? want.shape;
    shapes.set(shape.id, shape);
    addTo(byShape, shape, want);
  }
  return byShape;
}

function askedValues({ labels }: Shape, { values }: Want): readonly string[] {
  return values.filter((_, index) => labels[index]?.isAsked);
}

/** The selector for all series that these want, and perhaps some more; with edges, only for those of a histogram and the total. */
export function selectorOf(shape: Shape, wants: readonly Want[], edges: readonly string[] = []): string {
  const { metric, fixed, labels } = shape;
  const matchers = labels.flatMap(({ name, operator, isAsked }, index) => {
    if (!isAsked) return [];
    const values = [...new Set(wants.map((want) => want.values[index] ?? ''))].sort();
    return `${name}=~"${operator === '=' ? alternation(values) : patterns(values)}"`;
  });
  if (edges.length > 0) matchers.push(`le=~"${alternation([...new Set([...edges, '+Inf'])].sort())}"`);
  return `${metric}{${[fixed, ...matchers].filter((matcher) => matcher !== '').join(',')}}`;
}

/** The selector for whether scrapes of these targets worked; may give more targets than asked for. */
export function upSelector(targets: readonly { readonly job: string; readonly instance: string }[]): string {
  const jobs = [...new Set(targets.map(({ job }) => job))].sort();
  const instances = [...new Set(targets.map(({ instance }) => instance))].sort();
  return `up{job=~"${alternation(jobs)}",instance=~"${alternation(instances)}"}`;
}

/** The selector for whether scrapes of any target of this job worked. */
export function upOfJob(job: string): string {
  return `up{job="${quotable(job)}"}`;
}

/** Splits so that the alternation of one part's literals stays short, into parts of one to `most` members. */
export function chunk<T>(
  members: readonly T[],
  literalsOf: (member: T) => readonly string[],
  most = Number.POSITIVE_INFINITY,
): readonly T[][] {
  const chunks: T[][] = [];
  let size = 0;
  for (const member of members) {
    const own = alternation(literalsOf(member)).length + 1;
    const current = chunks.at(-1);
    if (current === undefined || current.length >= most || size + own > LONGEST_MATCHER) {
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

/**
 * Literals as one RE2 alternation inside a PromQL string. Nothing but literals and bars: Prometheus looks such alternatives up one by one
 * instead of trying the pattern on every value of the label.
 */
function alternation(literals: readonly string[]): string {
  return literals.map((literal) => quotable(escapePattern(literal))).join('|');
}

function patterns(sources: readonly string[]): string {
  return sources.map((source) => `(?:${quotable(source)})`).join('|');
}

function addTo<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [value]);
  else group.push(value);
}
