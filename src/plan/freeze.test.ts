import { describe, expect, it } from 'vitest';
import { safetyPolicySpecSchema } from '../api/safety-policy.ts';
import { freezeAt } from './freeze.ts';

const at = (time: string, spec: object) => freezeAt(safetyPolicySpecSchema.parse(spec), Date.parse(time));
const NIGHT = { name: 'night', from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' };
const WEEKEND = { name: 'weekend', days: ['Sat', 'Sun'], timeZone: 'Europe/Berlin' };
const YEAR_END = { name: 'year-end', dates: { from: '2026-12-21', to: '2027-01-03' } };

describe('a freeze', () => {
  it.each([
    ['there is no policy', null, '2026-11-25T12:00:00Z'],
    ['nothing is set', {}, '2026-11-25T12:00:00Z'],
    ['it is over', { freeze: true, freezeUntil: '2026-11-25T12:00:00Z' }, '2026-11-25T12:00:00Z'],
    ['the window is closed', { freezeWindows: [NIGHT] }, '2026-11-25T05:00:00Z'],
    ['the day is none of the window', { freezeWindows: [WEEKEND] }, '2026-11-27T22:59:59Z'],
  ] as const)('does not hold where %s', (_, spec, time) => {
    expect(spec === null ? freezeAt(null, Date.parse(time)) : at(time, spec)).toBeNull();
  });

  it.each([
    ['until it is taken back', { freeze: true }, '2026-11-25T12:00:00Z', null],
    [
      'until its end',
      { freeze: true, freezeUntil: '2026-11-25T12:00:00Z' },
      '2026-11-25T11:59:59Z',
      '2026-11-25T12:00:00Z',
    ],
    ['over midnight', { freezeWindows: [NIGHT] }, '2026-11-25T21:00:00Z', '2026-11-26T05:00:00Z'],
    ['in the small hours', { freezeWindows: [NIGHT] }, '2026-11-25T04:59:59Z', '2026-11-25T05:00:00Z'],
    ['over both days', { freezeWindows: [WEEKEND] }, '2026-11-27T23:00:00Z', '2026-11-29T23:00:00Z'],
    ['over two weeks', { freezeWindows: [YEAR_END] }, '2026-12-21T00:00:00Z', '2027-01-04T00:00:00Z'],
    [
      'where one window follows another',
      { freezeWindows: [WEEKEND, NIGHT] },
      '2026-11-29T22:00:00Z',
      '2026-11-30T05:00:00Z',
    ],
    [
      'where a window outlasts the lever',
      { freeze: true, freezeUntil: '2026-11-25T22:00:00Z', freezeWindows: [NIGHT] },
      '2026-11-25T12:00:00Z',
      '2026-11-26T05:00:00Z',
    ],
    ['through the shorter night', { freezeWindows: [NIGHT] }, '2026-03-28T21:00:00Z', '2026-03-29T04:00:00Z'],
    [
      'for more days than are looked through',
      { freezeWindows: [{ name: 'all', from: '00:00' }] },
      '2026-11-25T00:00:00Z',
      null,
    ],
  ] as const)('holds %s', (_, spec, time, until) => {
    expect(at(time, spec)).toMatchObject({ until: until === null ? null : Date.parse(until) });
  });

  it('says who freezes, why and until when', () => {
    const lever = { freeze: true, reason: 'black week', freezeUntil: '2026-11-30T08:00:00Z' };
    expect(at('2026-11-25T12:00:00Z', lever)?.message).toBe(
      'the SafetyPolicy lets no release and no experiment begin: black week; until 2026-11-30T08:00:00.000Z',
    );
    expect(at('2026-11-28T22:00:00Z', { freezeWindows: [NIGHT, WEEKEND] })?.message).toBe(
      'the SafetyPolicy lets no release and no experiment begin: freezeWindows night, weekend; until 2026-11-30T05:00:00.000Z',
    );
    expect(at('2026-11-25T12:00:00Z', { freeze: true })?.message).toMatch(/`sluice unfreeze` ends it$/);
  });
});
