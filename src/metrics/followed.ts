import { isDeepStrictEqual } from 'node:util';
import type { Problem } from './evidence-state.ts';
import type { Need } from './fleet-query.ts';
import { BASELINE_MS } from './fleet-reader.ts';
import type { OddCaller } from './growth.ts';
import { type Batch, DEFAULT_MEASURE, type Evidence, type Subject } from './port.ts';
import type { Tracker } from './tracked.ts';
import { createTracker, edgesAsked } from './tracker.ts';
import { type Want, wantsOf } from './wants.ts';

/** A subject that a sampler follows, and how reading it goes. */
export interface Followed {
  readonly key: string;
  readonly tracker: Tracker;
  readonly wants: readonly Want[];
  readonly followedAt: number;
  /** When the last round that was read with success began; null before the first. */
  readAt: number | null;
  problem: Problem | undefined;
  /** Failures in a row of a query of its own, while the source answers others. */
  failures: number;
  /** It is left out of rounds before this time. */
  retryAt: number;
  /** A caller that is not counted. */
  odd: OddCaller | undefined;
  /** Three scrape intervals as last seen, in ms, bounded. */
  threeScrapesMs: number;
  announced: Evidence['state'];
  /** Copy of the tracker's batches as last handed out. */
  handedOut: readonly Batch[];
}

interface FollowedNeed extends Need {
  readonly followed: Followed;
}

const UNREADABLE: Problem = { kind: 'unusable', reason: 'the selectors of the objective cannot be read' };
/** So much of the past, over all subjects, is read in one round when many are new, as after a restart: 100 hours. */
const LONGEST_PAST_MS = 100 * 3_600_000;
/** Evidence that began longer ago is recomputed from here on only: 7 days of hourly windows. */
export const LONGEST_LOOK_BACK_MS = 7 * 24 * 3_600_000;

export function newFollowed(key: string, subject: Subject, followedAt: number): Followed {
  const wants = wantsOf(subject);
  return {
    key,
    tracker: createTracker(subject, (subject.since ?? followedAt) - BASELINE_MS),
    wants,
    followedAt,
    readAt: null,
    problem: wants.length > 0 ? undefined : UNREADABLE,
    failures: 0,
    retryAt: wants.length > 0 ? 0 : Number.POSITIVE_INFINITY,
    odd: undefined,
    threeScrapesMs: 0,
    announced: 'starting',
    handedOut: [],
  };
}

/** What takes part in a round: all that is up to date, and as much that has a past to be read as does not hold the others up. */
export function dueAt(all: Iterable<Followed>, now: number): readonly Followed[] {
  const due = [...all].filter(({ retryAt }) => retryAt <= now);
  const current = due.filter(({ readAt }) => readAt !== null);
  const unread = due.filter(({ readAt }) => readAt === null).sort((a, b) => b.tracker.floor - a.tracker.floor);
  let pastMs = 0;
  for (const followed of unread) {
    if (pastMs > LONGEST_PAST_MS) break;
    pastMs += now - followed.tracker.floor;
    current.push(followed);
  }
  return current;
}

/** What has to be asked for a subject; samples may come `windowMs` late. */
export function needOf(followed: Followed, now: number, windowMs: number): FollowedNeed {
  const { readAt, wants, tracker } = followed;
  const wanted = readAt === null ? tracker.floor : readAt - windowMs;
  const from = Math.max(wanted, now - LONGEST_LOOK_BACK_MS);
  return { followed, wants: wants.filter((want) => isAsked(want, tracker, now)), edges: edgesAsked(tracker), from };
}

/** Native histograms are asked for where some are read, or may be; those of the plain host until the edges are known. */
function isAsked({ shape, role }: Want, { edges, nativeUntil }: Tracker, now: number): boolean {
  if (!shape.isNative) return true;
  return now < nativeUntil && (role.arm !== 'plain' || edges.length === 0);
}

/** Whether the evidence of one is that of the other. */
export function isSameSubject(a: Subject, b: Subject): boolean {
  return (
    isDeepStrictEqual(a.measure ?? DEFAULT_MEASURE, b.measure ?? DEFAULT_MEASURE) &&
    isDeepStrictEqual(a.source, b.source) &&
    isDeepStrictEqual(a.edge, b.edge) &&
    a.namespace === b.namespace &&
    a.service === b.service &&
    a.stable === b.stable &&
    a.canary === b.canary &&
    a.since === b.since
  );
}
