import { describe, expect, it } from 'vitest';
import { createTicks, jitterOf, type Timing } from './ticks.ts';

const of = (schedule: string, rest: Partial<Timing> = {}) =>
  createTicks({ schedule, timeZone: 'Europe/Berlin', anchorMs: 0, windows: [], ...rest });
const ms = (text: string) => Date.parse(text);
const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString().replace('.000', ''));
const following = (schedule: string, from: string, count: number, rest: Partial<Timing> = {}) => {
  const ticks = of(schedule, rest);
  const found: (string | null)[] = [];
  for (let at: number | null = ms(from); at !== null && found.length < count; ) {
    at = ticks.next(at).at;
    found.push(iso(at));
  }
  return found;
};

describe('ticks', () => {
  it('runs a time that does not exist once, at the shift', () => {
    expect(following('30 2 * * *', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ]);
  });

  it('runs a time that exists twice once, the first time', () => {
    expect(following('30 2 * * *', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ]);
  });

  it('finds the same ticks backwards over both shifts', () => {
    for (const shift of ['2026-03-29T12:00:00Z', '2026-10-25T12:00:00Z']) {
      const ticks = of('30 2 * * *');
      const last = ticks.last(ms(shift), 0);
      expect(iso(last)).toBe(shift.startsWith('2026-03') ? '2026-03-29T01:00:00Z' : '2026-10-25T00:30:00Z');
      expect(ticks.next((last ?? 0) - 1).at).toBe(last);
    }
  });

  it('is strict after and inclusive before, to the millisecond', () => {
    for (const ticks of [of('0 * * * *'), of('@hourly'), of('@every 1h')]) {
      const hour = ms('2026-05-01T10:00:00Z');
      expect(ticks.next(hour).at).toBe(hour + 3_600_000);
      expect(ticks.next(hour - 1).at).toBe(hour);
      expect(ticks.last(hour, 0)).toBe(hour);
      expect(ticks.last(hour - 1, 0)).toBe(hour - 3_600_000);
      expect(ticks.last(hour, hour)).toBeNull();
      expect(ticks.count(hour - 7_200_000, hour)).toEqual({ count: 1, isAtLeast: false });
    }
  });

  it('counts 10,000 missed ticks as at least 100', () => {
    for (const schedule of ['* * * * *', '@every 1m'])
      expect(of(schedule).count(0, 10_000 * 60_000)).toEqual({ count: 100, isAtLeast: true });
  });

  it('keeps to windows of days, hours and dates in the zone', () => {
    const windows = [
      { days: ['Mon' as const], from: '09:00', to: '10:00', dates: { from: '2026-05-04', to: '2026-05-11' } },
    ];
    expect(following('30 * * * *', '2026-05-01T00:00:00Z', 2, { windows })).toEqual([
      '2026-05-04T07:30:00Z',
      '2026-05-11T07:30:00Z',
    ]);
    expect(following('0 * * * *', '2026-05-01T19:30:00Z', 3, { windows: [{ from: '22:00', to: '00:30' }] })).toEqual([
      '2026-05-01T20:00:00Z',
      '2026-05-01T21:00:00Z',
      '2026-05-01T22:00:00Z',
    ]);
  });

  it('says how far it looked where windows nearly never hold', () => {
    const windows = [{ dates: { from: '2030-01-01', to: '2030-01-01' } }];
    const { at, searchedTo } = of('* * * * *', { windows }).next(0);
    expect(at).toBeNull();
    expect(searchedTo).toBeGreaterThan(0);
  });

  it.each([['* * * *'], ['61 * * * *'], ['* * * * * *'], ['@every soon'], ['@every 10ms'], ['never']])(
    'refuses %s',
    (schedule) => {
      expect(() => of(schedule)).toThrow();
    },
  );

  it('refuses a time zone that does not exist', () => {
    expect(() => of('* * * * *', { timeZone: 'Europe/Nowhere' }).next(0)).toThrow();
  });

  it('draws the same jitter for the same owner and tick', () => {
    expect(jitterOf('a', 1, 60_000)).toBe(jitterOf('a', 1, 60_000));
    const draws = Array.from({ length: 200 }, (_, tick) => jitterOf('a', tick, 60_000));
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThan(60_000);
    expect(new Set(draws).size).toBeGreaterThan(150);
  });
});
