import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { parseDuration } from '../lib/duration.ts';

/** Times in which ticks count; a part that is left out does not restrict. */
export interface TickWindow {
  readonly days?: readonly ('Mon' | 'Tue' | 'Wed' | 'Thu' | 'Fri' | 'Sat' | 'Sun')[];
  /** `HH:MM`, inclusive. */
  readonly from?: string;
  /** `HH:MM`, exclusive; before `from` where the window goes over midnight. `days` and `dates` are those of the tick itself. */
  readonly to?: string;
  /** `YYYY-MM-DD`, both inclusive. */
  readonly dates?: { readonly from: string; readonly to: string };
}

export interface Timing {
  /** Five cron fields, a nickname such as `@hourly`, or `@every 1h30m`. */
  readonly schedule: string;
  /** IANA name. */
  readonly timeZone: string;
  /** What `@every` counts from, ms since the epoch. */
  readonly anchorMs: number;
  /** A tick counts where one of them holds; empty: always. */
  readonly windows: readonly TickWindow[];
}

/** All times are ms since the epoch. */
export interface Ticks {
  /** The first tick after `afterMs`; `at` is null where there is none, or none was found before `searchedTo`. */
  next(afterMs: number): { readonly at: number | null; readonly searchedTo: number | null };
  /** The last tick at or before `atMs` and after `sinceMs`, or null. */
  last(atMs: number, sinceMs: number): number | null;
  /** How many ticks lie after `fromMs` and before `toMs`; with `isAtLeast` there may be more. Costs the same for any gap. */
  count(fromMs: number, toMs: number): { readonly count: number; readonly isAtLeast: boolean };
}

/** Ticks without windows; both are strict. */
interface Beat {
  after(ms: number): number | null;
  before(ms: number): number | null;
}

/** Bounds every search, so that a long gap or windows that nearly never hold cost no more than this. */
const MAX_SEARCH = 500;
const MAX_COUNT = 100;

/**
 * The ticks of a schedule. Where clocks go forward, a time of day that does not exist runs once, at the shift; where they go back, one
 * that exists twice runs once, the first time. Throws where the schedule or the time zone cannot be read.
 */
export function createTicks({ schedule, timeZone, anchorMs, windows }: Timing): Ticks {
  const beat = beatOf(schedule, timeZone, anchorMs);
  const isOpen = windows.length === 0 ? () => true : opening(windows, timeZone);
  return {
    next(afterMs) {
      let at: number | null = afterMs;
      for (let searched = 0; searched < MAX_SEARCH; searched += 1) {
        at = beat.after(at);
        if (at === null) return { at: null, searchedTo: null };
        if (isOpen(at)) return { at, searchedTo: at };
      }
      return { at: null, searchedTo: at };
    },
    last(atMs, sinceMs) {
      let at = beat.before(atMs + 1);
      for (let searched = 0; at !== null && at > sinceMs && searched < MAX_SEARCH; searched += 1) {
        if (isOpen(at)) return at;
        at = beat.before(at);
      }
      return null;
    },
    count(fromMs, toMs) {
      let count = 0;
      let at = beat.before(toMs);
      for (let searched = 0; at !== null && at > fromMs; searched += 1) {
        if (searched === MAX_COUNT) return { count, isAtLeast: true };
        if (isOpen(at)) count += 1;
        at = beat.before(at);
      }
      return { count, isAtLeast: false };
    },
  };
}

/** From 0 up to, but not including, `maxMs`; the same for the same owner and tick in every process. */
export function jitterOf(uid: string, tickMs: number, maxMs: number): number {
  const draw = createHash('sha256').update(`${uid}/${tickMs}`).digest().readUInt32BE();
  return Math.floor((draw / 2 ** 32) * maxMs);
}

function beatOf(schedule: string, timeZone: string, anchorMs: number): Beat {
  const [, every] = /^@every (\S+)$/.exec(schedule) ?? [];
  if (every !== undefined) return evenBeat(anchorMs, parseDuration(every) ?? 0);
  const cron = new Cron(schedule, { timezone: timeZone, paused: true, mode: '5-part' });
  // The library works in whole seconds.
  return {
    after: (ms) => cron.nextRun(new Date(Math.floor(ms / 1000) * 1000))?.getTime() ?? null,
    before: (ms) => cron.previousRuns(1, new Date(Math.ceil(ms / 1000) * 1000))[0]?.getTime() ?? null,
  };
}

function evenBeat(anchorMs: number, everyMs: number): Beat {
  if (everyMs < 1_000) throw new RangeError('@every needs a duration of 1s or more, such as @every 1h');
  return {
    after: (ms) => anchorMs + Math.max(1, Math.floor((ms - anchorMs) / everyMs) + 1) * everyMs,
    before: (ms) => {
      const number = Math.ceil((ms - anchorMs) / everyMs) - 1;
      return number < 1 ? null : anchorMs + number * everyMs;
    },
  };
}

/** Tells whether one of the windows is open at a time (ms), by the clocks of the zone. */
export function opening(windows: readonly TickWindow[], timeZone: string): (ms: number) => boolean {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', weekday: 'short' },
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
  });
  return (ms) => {
    const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const local = {
      day: String(parts.weekday),
      date: `${parts.year}-${parts.month}-${parts.day}`,
      time: `${parts.hour}:${parts.minute}`,
    };
    return windows.some((window) => holds(window, local));
  };
}

interface LocalTime {
  readonly day: string;
  readonly date: string;
  readonly time: string;
}

function holds({ days, from = '00:00', to = '24:00', dates }: TickWindow, { day, date, time }: LocalTime): boolean {
  if (days !== undefined && !days.some((name) => name === day)) return false;
  if (dates !== undefined && (date < dates.from || date > dates.to)) return false;
  return from <= to ? time >= from && time < to : time >= from || time < to;
}
