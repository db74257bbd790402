import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideSchedule, runName, type Schedule, type ScheduleDecision, type ScheduledRun } from './schedule.ts';
import { createTicks } from './ticks.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-05-01T00:00:00Z');
const schedule = (rest: Partial<Schedule> = {}): Schedule => ({
  ...{ name: 'nightly', uid: 'uid-1', createdAt: START, jitterMs: 0, concurrency: 'Forbid' },
  ...{ startingDeadlineMs: null, suspend: false, history: { passed: 3, failed: 5 }, lastTick: null },
  ticks: createTicks({ schedule: '*/10 * * * *', timeZone: 'UTC', anchorMs: START, windows: [] }),
  ...rest,
});
const run = (tick: number, verdict: string | null): ScheduledRun => ({ name: runName('nightly', tick), tick, verdict });

describe('decideSchedule', () => {
  it('makes one run after 10,000 missed ticks and says how many were missed', () => {
    const at = START + 100_000 * MINUTE + 1;
    const decided = decideSchedule(schedule(), [], at);
    expect(decided).toMatchObject({
      reason: 'Created',
      create: { tick: at - 1 },
      missed: { count: 100, isAtLeast: true },
    });
    const after = decideSchedule(schedule({ lastTick: decided.lastTick }), [run(at - 1, null)], at + 1);
    expect(after).toMatchObject({ reason: 'Waiting', create: null });
  });

  it('makes no second run where status was not written after the first', () => {
    const tick = START + 10 * MINUTE;
    expect(decideSchedule(schedule(), [run(tick, 'Passed')], tick + 5)).toMatchObject({ create: null, lastTick: tick });
  });

  it('catches up on nothing after a suspension', () => {
    const at = START + 55 * MINUTE;
    const suspended = decideSchedule(schedule({ suspend: true }), [], at);
    expect(suspended).toMatchObject({ reason: 'Suspended', create: null, missed: { count: 5, isAtLeast: false } });
    expect(decideSchedule(schedule({ lastTick: suspended.lastTick }), [], at + 1).create).toBeNull();
  });

  it('holds a tick that Forbid stops and begins it once free', () => {
    const [first, second] = [START + 10 * MINUTE, START + 20 * MINUTE];
    const held = decideSchedule(schedule({ lastTick: first }), [run(first, null)], second);
    expect(held).toMatchObject({ reason: 'Active', create: null, nextLookAt: START + 30 * MINUTE });
    const free = decideSchedule(schedule({ lastTick: held.lastTick }), [run(first, 'Passed')], second + MINUTE);
    expect(free.create).toEqual({ name: runName('nightly', second), tick: second });
  });

  it('stops the active run under Replace and none under Allow', () => {
    const tick = START + 10 * MINUTE;
    const runs = [run(tick, null)];
    const at = tick + 10 * MINUTE;
    expect(decideSchedule(schedule({ concurrency: 'Replace' }), runs, at).stop).toEqual([runName('nightly', tick)]);
    expect(decideSchedule(schedule({ concurrency: 'Allow' }), runs, at)).toMatchObject({ stop: [], reason: 'Created' });
  });

  it('gives up a tick past its starting deadline', () => {
    const tick = START + 10 * MINUTE;
    const late = schedule({ startingDeadlineMs: MINUTE });
    expect(decideSchedule(late, [], tick + MINUTE).reason).toBe('Created');
    expect(decideSchedule(late, [], tick + MINUTE + 1)).toMatchObject({
      reason: 'TooLate',
      lastTick: tick,
      missed: { count: 1 },
    });
  });

  it('keeps history by verdict, never an active run', () => {
    const runs = [1, 2, 3, 4].map((n) => run(START + n * MINUTE, n === 1 ? null : n === 2 ? 'Failed' : 'Passed'));
    const decided = decideSchedule(schedule({ history: { passed: 1, failed: 0 } }), runs, START + 5 * MINUTE);
    expect(decided.remove).toEqual([runName('nightly', START + 3 * MINUTE), runName('nightly', START + 2 * MINUTE)]);
  });

  it('makes no duplicate, at most one run a look, none early, and always says when to look next', () => {
    const look = fc.record({
      waitMs: fc.integer({ min: 1, max: 90 * MINUTE }),
      writesStatus: fc.boolean(),
      finishes: fc.boolean(),
      suspend: fc.boolean(),
    });
    const settings = fc.record({
      concurrency: fc.constantFrom('Forbid' as const, 'Allow' as const, 'Replace' as const),
      jitterMs: fc.constantFrom(0, MINUTE, 60 * MINUTE),
      startingDeadlineMs: fc.constantFrom(null, 0, 5 * MINUTE),
    });
    fc.assert(
      fc.property(settings, fc.array(look, { minLength: 1, maxLength: 25 }), (given, looks) => {
        let [now, lastTick, runs] = [START, null as number | null, [] as ScheduledRun[]];
        for (const { waitMs, writesStatus, finishes, suspend } of looks) {
          now += waitMs;
          const decided = decideSchedule(schedule({ ...given, suspend, lastTick }), runs, now);
          expectLawful(decided, { ...given, suspend, runs, lastTick, now });
          runs = [...runs, ...made(decided)];
          if (writesStatus) lastTick = decided.lastTick;
          if (finishes) runs = runs.map(({ tick }) => run(tick, 'Passed'));
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});

function made({ create }: ScheduleDecision): readonly ScheduledRun[] {
  return create === null ? [] : [run(create.tick, null)];
}

interface Before extends Pick<Schedule, 'concurrency' | 'suspend' | 'lastTick'> {
  readonly runs: readonly ScheduledRun[];
  readonly now: number;
}

/** The next look is due, status goes forward only, and a run that is made is the first of its name, not early, and alone where it must be. */
function expectLawful(decided: ScheduleDecision, { concurrency, suspend, lastTick, runs, now }: Before): void {
  expect(decided.nextLookAt).toBeGreaterThan(now);
  expect(decided.nextLookAt).toBeLessThanOrEqual(now + 10 * MINUTE);
  expect(decided.lastTick ?? 0).toBeGreaterThanOrEqual(lastTick ?? 0);
  if (decided.create === null) return;
  expect(suspend).toBe(false);
  expect(decided.create.tick).toBeLessThanOrEqual(now);
  expect(runs.map(({ name }) => name)).not.toContain(decided.create.name);
  if (concurrency === 'Forbid') expect(decided.active).toEqual([]);
}
