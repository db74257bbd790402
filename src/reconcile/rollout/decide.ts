import { isDeepStrictEqual } from 'node:util';
import type { AnnounceCommand } from '../../../machines/rollout/announcements.ts';
import { routeFor } from '../../../machines/rollout/desired.ts';
import type { Route } from '../../../machines/rollout/facts.ts';
import type { Look } from '../../../machines/rollout/guards.ts';
import { type Standing, settle } from '../../../machines/rollout/settle.ts';
import type { RolloutRecord } from './record.ts';

/** What a release follows from its beginning to its end. */
type Pinned = Pick<RolloutRecord, 'spec' | 'baselines' | 'comparedWith'>;

/** What a release that begins is to follow. */
export type Next = Pick<RolloutRecord, 'spec' | 'baselines'>;

const NOTHING_PINNED: Pinned = { spec: null, baselines: {}, comparedWith: null };

const pinnedIn = ({ spec, baselines, comparedWith }: RolloutRecord): Pinned => ({ spec, baselines, comparedWith });

export interface Decision {
  /** The very same object as before where nothing was decided. */
  readonly record: RolloutRecord;
  readonly announcements: readonly AnnounceCommand[];
}

/** What one look leads to, with `next` for a release that begins with it, and what of it must be stored before it is acted upon. Pure. */
export function decide(record: RolloutRecord, look: Look, next: Next): Decision {
  const { announcements, state, context } = settle(record, look);
  const atRest = context.release === null && state !== 'Gone';
  const isSameRelease = record.context.release?.startedAt === context.release?.startedAt;
  const decided: RolloutRecord = {
    state,
    context,
    ...(atRest
      ? NOTHING_PINNED
      : isSameRelease && record.spec !== null
        ? pinnedIn(record)
        : { ...next, comparedWith: context.stable }),
    original: atRest ? null : record.original,
    expected: expectedRoutes({ state, context }, record, look),
  };
  return { record: isDeepStrictEqual(decided, record) ? record : decided, announcements };
}

/** What the route may hold from now on: what it holds (if that is known to be ours) and what is about to be written. */
function expectedRoutes({ state, context }: Standing, record: RolloutRecord, { facts }: Look): readonly Route[] {
  if (context.release === null) return [];
  const wanted = routeFor(state, context);
  // Over a foreign route the present one is nobody's of ours, but what was ours before may come back.
  const known = facts.route.kind === 'foreign' ? record.expected : [facts.route];
  if (wanted === null) return known;
  return [...known.filter((route) => !isDeepStrictEqual(route, wanted)), wanted];
}
