import type { Rollout } from '../api/rollout.ts';

/** `promoted` gives up as soon as a release is on its way back; `done` waits until everything is cleared up, either way. */
export type Goal = 'promoted' | 'done';

/** How the awaited release ended. */
export interface Ending {
  readonly promoted: boolean;
  readonly text: string;
}

/** Tells when the release that somebody waits for has ended. */
export interface ReleaseTracker {
  /** Takes the Rollout as it is at `nowMs`; returns the ending once there is one. */
  observe(rollout: Rollout, nowMs: number): Ending | undefined;
}

type HistoryEntry = NonNullable<NonNullable<Rollout['status']>['history']>[number];

/** A controller that runs sees a new template within a second; a release that was refused before is concluded from only after that. */
const SETTLE_MS = 3_000;

const idOf = ({ revision, startedAt }: HistoryEntry): string => `${revision}@${startedAt}`;

/**
 * Waits for the release in progress in `first`, or else for that of revision `wanted`, the one that the Deployment's template has: it may
 * be over already, or the controller may not have noticed it yet.
 */
export function createReleaseTracker(options: {
  readonly goal: Goal;
  readonly first: Rollout;
  readonly wanted?: string | undefined;
}): ReleaseTracker {
  const { goal, first, wanted } = options;
  const known = new Set((first.status?.history ?? []).map(idOf));
  let followed = first.status?.canary?.revision;
  let restingSinceMs: number | undefined;

  const atRest = (rollout: Rollout, nowMs: number): Ending | undefined => {
    const { phase, stable, history = [] } = rollout.status ?? {};
    const last = history.at(-1);
    if (phase !== 'Idle' || wanted === undefined) return undefined;
    if (stable?.revision === wanted) {
      return { promoted: true, text: `${rollout.metadata.name}: ${wanted} is stable, nothing is left to be released` };
    }
    if (last?.revision !== wanted) return undefined;
    restingSinceMs ??= nowMs;
    return nowMs - restingSinceMs >= SETTLE_MS ? endingOf(rollout, last) : undefined;
  };

  return {
    observe(rollout, nowMs) {
      const { canary, history = [], phase, message = '' } = rollout.status ?? {};
      const fresh = history.filter((entry) => !known.has(idOf(entry)));
      followed ??= canary?.revision ?? fresh.at(-1)?.revision;
      if (followed === undefined) return atRest(rollout, nowMs);
      const ended = fresh.findLast(({ revision }) => revision === followed);
      if (ended !== undefined && canary?.revision !== followed) return endingOf(rollout, ended);
      const isGoingBack = phase === 'RollingBack' || phase === 'TakenOver';
      if (goal === 'promoted' && isGoingBack && canary?.revision === followed) {
        return { promoted: false, text: `${rollout.metadata.name}: ${followed} is taken back: ${message}` };
      }
      return undefined;
    },
  };
}

function endingOf({ metadata }: Rollout, { revision, outcome, message = '' }: HistoryEntry): Ending {
  return { promoted: outcome === 'Promoted', text: `${metadata.name}: ${revision} ended as ${outcome}: ${message}` };
}
