import { jitterOf, type Ticks } from './ticks.ts';

/** What decides about a ChaosSchedule. Times are ms since the epoch. */
export interface Schedule {
  readonly name: string;
  readonly uid: string;
  readonly createdAt: number;
  readonly ticks: Ticks;
  readonly jitterMs: number;
  readonly concurrency: 'Forbid' | 'Allow' | 'Replace';
  /** How late a run may begin; null: any time until the next tick. */
  readonly startingDeadlineMs: number | null;
  readonly suspend: boolean;
  readonly history: { readonly passed: number; readonly failed: number };
  /** The newest tick that status says is dealt with. */
  readonly lastTick: number | null;
}

/** An experiment that is owned by the schedule's UID. */
export interface ScheduledRun {
  readonly name: string;
  /** The tick it was made for. */
  readonly tick: number;
  /** Null while it has not finished. */
  readonly verdict: string | null;
}

export interface ScheduleDecision {
  /** The run to make; making it again is refused by its name. */
  readonly create: { readonly name: string; readonly tick: number } | null;
  /** Runs to be stopped, because a newer one replaces them. */
  readonly stop: readonly string[];
  /** Finished runs beyond the limits of history. */
  readonly remove: readonly string[];
  /** The newest tick that is dealt with once this is carried out. */
  readonly lastTick: number | null;
  readonly nextTick: number | null;
  /** Ticks that got no run and never will, since the last decision. */
  readonly missed: { readonly count: number; readonly isAtLeast: boolean };
  readonly active: readonly string[];
  readonly reason: 'Waiting' | 'Suspended' | 'Jitter' | 'Active' | 'TooLate' | 'Created';
  /** Never null: what a lost hint costs is bounded by it. */
  readonly nextLookAt: number;
}

/** For schedules without any tick to come. */
const IDLE_LOOK_MS = 3_600_000;
const NOTHING_MISSED = { count: 0, isAtLeast: false };

/**
 * What to do now. Of all ticks since the last look only the newest can get a run, so a gap leads to no burst; runs are known by owner
 * and tick, so a restart between making one and writing status makes no second.
 */
export function decideSchedule(schedule: Schedule, runs: readonly ScheduledRun[], now: number): ScheduleDecision {
  const { ticks, lastTick, createdAt } = schedule;
  const since = Math.max(createdAt, lastTick ?? createdAt, ...runs.map(({ tick }) => tick));
  const active = runs.filter(({ verdict }) => verdict === null).map(({ name }) => name);
  const { at: nextTick, searchedTo } = ticks.next(now);
  const due = ticks.last(now, since);
  const common = { remove: beyondHistory(schedule, runs), nextTick, active, stop: [], create: null };
  const later = Math.max(now + 1, nextTick ?? searchedTo ?? now + IDLE_LOOK_MS);
  const dealtWith = lastTick === null && since === createdAt ? null : since;
  if (due === null)
    return { ...common, reason: 'Waiting', lastTick: dealtWith, missed: NOTHING_MISSED, nextLookAt: later };
  const skipped = ticks.count(since, due);
  const given = { ...skipped, count: skipped.count + 1 };
  const over = { ...common, lastTick: due, missed: given, nextLookAt: later };
  if (schedule.suspend) return { ...over, reason: 'Suspended' };
  const startAt = startOf(schedule, due);
  const held = { ...common, lastTick: dealtWith, missed: NOTHING_MISSED };
  if (now < startAt) return { ...held, reason: 'Jitter', nextLookAt: Math.min(startAt, later) };
  const latest = schedule.startingDeadlineMs === null ? null : startAt + schedule.startingDeadlineMs;
  if (latest !== null && now > latest) return { ...over, reason: 'TooLate' };
  if (schedule.concurrency === 'Forbid' && active.length > 0)
    return { ...held, reason: 'Active', nextLookAt: Math.min(later, latest === null ? later : latest + 1) };
  return {
    ...over,
    reason: 'Created',
    create: { name: runName(schedule.name, due), tick: due },
    stop: schedule.concurrency === 'Replace' ? active : [],
    missed: skipped,
  };
}

/** When the run of a tick begins. Before the next tick, which would otherwise take this one's place again and again. */
function startOf({ ticks, jitterMs, uid }: Schedule, tick: number): number {
  const room = (ticks.next(tick).at ?? Number.POSITIVE_INFINITY) - tick;
  return tick + jitterOf(uid, tick, Math.min(jitterMs, room));
}

/** Whole seconds in base 36, because `@every` may tick more than once a minute. Schedules have names of at most 52 characters. */
export function runName(schedule: string, tickMs: number): string {
  return `${schedule}-${Math.floor(tickMs / 1000).toString(36)}`;
}

function beyondHistory({ history }: Schedule, runs: readonly ScheduledRun[]): readonly string[] {
  const newestFirst = runs.filter(({ verdict }) => verdict !== null).sort((a, b) => b.tick - a.tick);
  const passed = newestFirst.filter(({ verdict }) => verdict === 'Passed').slice(history.passed);
  const others = newestFirst.filter(({ verdict }) => verdict !== 'Passed').slice(history.failed);
  return [...passed, ...others].map(({ name }) => name);
}
