import type { Rollout } from '../api/rollout.ts';
import { formatDuration } from '../lib/duration.ts';
import { EXIT, Failure } from './exit.ts';
import { findRollout } from './find.ts';
import { follow } from './follow.ts';
import { createReleaseTracker, type Goal, type ReleaseTracker } from './release-tracker.ts';
import type { Session } from './session.ts';
import { interrupted, timedOut } from './time-limit.ts';
import { wantedRevision } from './wanted-revision.ts';
import { createView, type View } from './watch-view.ts';

export interface WatchOptions {
  readonly allNamespaces?: boolean | undefined;
  /** End with the release instead of never. */
  readonly goal?: Goal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Countdowns and rates are drawn anew so often. */
const LOOK_EVERY_MS = 1_000;

/** `sluice watch [NAME]`: shows changes as they happen, until the release has ended or somebody interrupts. */
export async function watch(session: Session, name: string | undefined, options: WatchOptions): Promise<number> {
  if (name === undefined) {
    if (options.goal !== undefined) throw new Failure('--for and --until-done need the NAME of a Rollout', EXIT.usage);
    return await run(session, { ...options, name });
  }
  const first = await findRollout(session, name);
  return await run(session, { ...options, name, tracker: await trackerOf(session, first, options.goal) });
}

async function trackerOf(
  session: Session,
  first: Rollout,
  goal: Goal | undefined,
): Promise<ReleaseTracker | undefined> {
  if (goal === undefined) return undefined;
  const isUnderWay = first.status?.canary !== undefined;
  const wanted = isUnderWay ? undefined : await wantedRevision(session, first);
  return createReleaseTracker({ goal, first, wanted });
}

interface Run extends WatchOptions {
  readonly name: string | undefined;
  readonly tracker?: ReleaseTracker | undefined;
}

async function run(session: Session, options: Run): Promise<number> {
  const { clock } = session;
  const { name, timeoutMs } = options;
  const endsAtMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + timeoutMs;
  const feed = await follow(session, options);
  const view = createView(session, options);
  try {
    for (;;) {
      const rollouts = feed.objects();
      view.show({ rollouts, changes: feed.take(), trouble: feed.trouble() });
      const code = endOf(session, options, { rollouts, view });
      if (code !== undefined) return code;
      const [rollout] = rollouts;
      const leftMs = endsAtMs - clock.now();
      if (leftMs <= 0 && name !== undefined && rollout !== undefined)
        throw timedOut(rollout, timeoutMs ?? 0, feed.trouble());
      if (leftMs <= 0) throw new Failure(`watched for ${formatDuration(timeoutMs ?? 0)}`, EXIT.timedOut);
      await feed.next(Math.min(leftMs, LOOK_EVERY_MS));
    }
  } finally {
    feed.close();
    view.close();
  }
}

/** The exit code once there is nothing more to wait for. */
function endOf(
  session: Session,
  { name, tracker, goal }: Run,
  { rollouts, view }: { readonly rollouts: readonly Rollout[]; readonly view: View },
): number | undefined {
  if (session.signal.aborted) return goal === undefined ? EXIT.ok : interrupted(session.signal);
  if (name === undefined) return undefined;
  const [rollout] = rollouts;
  if (rollout === undefined) {
    view.close();
    session.note(`${name} was deleted`);
    return goal === undefined ? EXIT.ok : EXIT.no;
  }
  const ending = tracker?.observe(rollout, session.clock.now());
  if (ending === undefined) return undefined;
  view.close();
  session.note(ending.text);
  return ending.promoted ? EXIT.ok : EXIT.no;
}
