import { describe, expect, it } from 'vitest';
import { createDice } from '../dice.ts';
import { ScheduleWorld } from './schedule-world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A look costs two calls of a server that is slow at times, and a watch is late. */
const LOOK_MS = 5_000;

async function started(spec: object, startAt: string, seed = 1): Promise<ScheduleWorld> {
  const world = new ScheduleWorld(seed, startAt);
  world.start();
  await world.create(spec);
  await world.pass(1_000);
  return world;
}

const ticksOf = ({ made }: ScheduleWorld) => made.map(({ tick }) => new Date(tick).toISOString().slice(5, 16));
const lateness = ({ made }: ScheduleWorld) => Math.max(...made.map(({ at, tick }) => at - tick));

describe('a schedule', () => {
  it('runs once a day where clocks go forward over its time', async () => {
    const world = await started({ schedule: '30 2 * * *', timeZone: 'Europe/Berlin' }, '2026-03-27T12:00:00Z');
    await world.pass(4 * DAY_MS);
    expect(ticksOf(world)).toEqual(['03-28T01:30', '03-29T01:00', '03-30T00:30', '03-31T00:30']);
    expect(lateness(world)).toBeLessThan(LOOK_MS);
  });

  it('runs once a day where clocks go back over its time', async () => {
    const world = await started({ schedule: '30 2 * * *', timeZone: 'Europe/Berlin' }, '2026-10-23T12:00:00Z');
    await world.pass(4 * DAY_MS);
    expect(ticksOf(world)).toEqual(['10-24T00:30', '10-25T00:30', '10-26T01:30', '10-27T01:30']);
  });

  it.each(['2026-03-28T20:30:00Z', '2026-10-24T20:30:00Z'])('goes on by the hour over a shift after %s', async (at) => {
    const world = await started({ schedule: '0 * * * *', timeZone: 'Europe/Berlin' }, at);
    await world.pass(12 * HOUR_MS);
    const gaps = world.made.slice(1).map(({ tick }, index) => tick - (world.made[index]?.tick ?? 0));
    expect(world.made).toHaveLength(12);
    expect(new Set(gaps)).toEqual(new Set([HOUR_MS]));
  });

  it('makes one run of 10,000 ticks that nobody saw, and goes on', async () => {
    const world = await started({ schedule: '* * * * *' }, '2026-01-01T00:00:30Z');
    await world.pass(3 * MINUTE_MS);
    world.kill();
    await world.pass(10_000 * MINUTE_MS);
    const before = world.made.length;
    world.start();
    await world.pass(20_000);
    expect(world.made.length - before).toBe(1);
    expect(world.made.at(-1)?.tick).toBeGreaterThan(world.clock.now() - 2 * MINUTE_MS);
    expect(world.status()?.missed).toBeGreaterThanOrEqual(100);
    await world.pass(5 * MINUTE_MS);
    expect(world.made.length - before).toBe(6);
  });

  it('leaves out what falls into a suspension, and has no run of it afterwards', async () => {
    const world = await started({ schedule: '*/10 * * * *' }, '2026-01-01T00:05:00Z');
    await world.pass(6 * MINUTE_MS);
    await world.patch({ suspend: true });
    await world.pass(40 * MINUTE_MS);
    await world.patch({ suspend: false });
    await world.pass(2 * MINUTE_MS);
    expect(ticksOf(world)).toEqual(['01-01T00:10']);
    await world.pass(10 * MINUTE_MS);
    expect(ticksOf(world)).toEqual(['01-01T00:10', '01-01T01:00']);
  });

  it('that forbids waits for the run before, and then makes one for the newest tick', async () => {
    const world = new ScheduleWorld(1, '2026-01-01T00:05:00Z');
    world.runMs = 33 * MINUTE_MS;
    world.start();
    await world.create({ schedule: '*/10 * * * *' });
    await world.pass(50 * MINUTE_MS);
    expect(ticksOf(world)).toEqual(['01-01T00:10', '01-01T00:40']);
    expect(world.made[1]?.at).toBeLessThan(Date.parse('2026-01-01T00:43:00Z') + LOOK_MS);
    await world.pass(3 * HOUR_MS);
    expect(world.active().length).toBeLessThanOrEqual(1);
  });

  it('that forbids leaves out what would begin too late', async () => {
    const world = new ScheduleWorld(1, '2026-01-01T00:05:00Z');
    world.runMs = 13 * MINUTE_MS;
    world.start();
    await world.create({ schedule: '*/10 * * * *', startingDeadlineSeconds: 60 });
    await world.pass(36 * MINUTE_MS);
    expect(ticksOf(world)).toEqual(['01-01T00:10', '01-01T00:30']);
  });

  it('that replaces stops the run before', async () => {
    const world = new ScheduleWorld(1, '2026-01-01T00:05:00Z');
    world.runMs = 10 * HOUR_MS;
    world.start();
    await world.create({ schedule: '*/10 * * * *', concurrencyPolicy: 'Replace' });
    await world.pass(41 * MINUTE_MS);
    expect(world.made).toHaveLength(4);
    expect(world.active()).toHaveLength(1);
  });

  it('that allows lets runs overlap', async () => {
    const world = new ScheduleWorld(1, '2026-01-01T00:05:00Z');
    world.runMs = 25 * MINUTE_MS;
    world.start();
    await world.create({ schedule: '*/10 * * * *', concurrencyPolicy: 'Allow' });
    await world.pass(27 * MINUTE_MS);
    expect(world.active()).toHaveLength(3);
  });

  it('has nothing to do with one of the same name in another namespace', async () => {
    const world = await started({ schedule: '*/10 * * * *' }, '2026-01-01T00:05:00Z');
    await world.create({ schedule: '*/10 * * * *' }, 'nightly', 'bank');
    await world.pass(26 * MINUTE_MS);
    expect(world.made).toHaveLength(6);
    expect(new Set(world.made.map(({ key }) => key)).size).toBe(2);
  });

  it('begins within its jitter, at the same moment whoever decides it and whenever it was started', async () => {
    const spec = { schedule: '*/10 * * * *', jitter: '4m' };
    const offsets = async (isKilled: boolean) => {
      const world = await started(spec, '2026-01-01T00:05:00Z', isKilled ? 2 : 1);
      for (let count = 0; count < 12; count += 1) {
        await world.pass(7 * MINUTE_MS);
        if (!isKilled) continue;
        world.kill();
        world.start();
      }
      return world.made.map(({ at, tick }) => Math.round((at - tick) / LOOK_MS));
    };
    const [calm, killed] = [await offsets(false), await offsets(true)];
    for (const [index, offset] of killed.entries())
      expect(Math.abs(offset - (calm[index] ?? 0))).toBeLessThanOrEqual(1);
    expect(Math.max(...calm)).toBeLessThan((4 * MINUTE_MS) / LOOK_MS + 1);
    expect(new Set(calm).size).toBeGreaterThan(4);
  });
});

describe('a controller of schedules that dies at a write', () => {
  const writes = Array.from({ length: 8 }, (_, index) => index);
  const cases = writes.flatMap((place) => (['before', 'after'] as const).map((moment) => ({ place, moment })));

  it.each(cases)(
    '$moment write $place makes no second run of a tick, and leaves none out',
    async ({ place, moment }) => {
      const world = await started({ schedule: '*/5 * * * *' }, '2026-01-01T00:03:00Z', place + 1);
      let left = place;
      world.onWrite = (now) => {
        if (now !== moment) return;
        left -= 1;
        if (left !== -1) return;
        world.kill();
        world.clock.after(3_000, () => world.start());
      };
      await world.pass(30 * MINUTE_MS);
      expect(world.made).toHaveLength(6);
    },
  );

  it.each([1, 2, 3, 4, 5, 6])(
    'again and again, beside others and with a bad network, keeps to one run a tick (%i)',
    async (seed) => {
      const world = await started({ schedule: '*/10 * * * *', jitter: '2m' }, '2026-01-01T00:03:00Z', seed);
      const dice = createDice(seed + 40);
      world.quality = { failures: 0.1, conflicts: 0.1, lostAnswers: 0.1, slow: 0.4 };
      for (let count = 0; count < 60; count += 1) {
        await world.pass(dice.int(1, 8) * MINUTE_MS + dice.int(0, 59_000));
        if (dice.chance(0.6)) world.kill();
        if (dice.chance(0.8)) world.start();
      }
      world.kill();
      world.start();
      await world.pass(15 * MINUTE_MS);
      expect(world.made.length).toBeGreaterThan(12);
      expect(Date.parse(world.status()?.nextTick ?? '')).toBeGreaterThan(world.clock.now());
    },
  );
});
