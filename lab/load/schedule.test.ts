import { describe, expect, it } from 'vitest';
import { createSchedule } from './schedule.ts';

describe('the schedule of a load', () => {
  it('puts arrivals at fixed distances from the start', () => {
    const schedule = createSchedule(4, 1000);
    expect(schedule.takeDue(1600)).toEqual([1000, 1250, 1500]);
    expect(schedule.nextAtMs()).toBe(1750);
  });

  it('returns each arrival once', () => {
    const schedule = createSchedule(10, 0);
    schedule.takeDue(500);
    expect(schedule.takeDue(500)).toEqual([]);
  });

  it('keeps the times of arrivals that a stall has delayed', () => {
    const schedule = createSchedule(100, 0);
    expect(schedule.takeDue(1000)).toHaveLength(101);
    expect(schedule.takeDue(1010)).toEqual([1010]);
  });

  it('does not drift at a rate whose interval is no whole number', () => {
    const schedule = createSchedule(300, 0);
    let sent = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 7) sent += schedule.takeDue(nowMs).length;
    sent += schedule.takeDue(59_999.99).length;
    expect(sent).toBe(18_000);
  });

  it('sends nothing at rate 0 and begins at once when the rate rises', () => {
    const schedule = createSchedule(0, 0);
    expect(schedule.nextAtMs()).toBe(Number.POSITIVE_INFINITY);
    expect(schedule.takeDue(60_000)).toEqual([]);
    schedule.setRate(10, 60_000);
    expect(schedule.takeDue(60_250)).toEqual([60_000, 60_100, 60_200]);
  });

  it('takes a higher rate from the moment of the change, without a long last gap', () => {
    const schedule = createSchedule(0.1, 0);
    schedule.takeDue(0);
    schedule.setRate(10, 1000);
    expect(schedule.takeDue(1300)).toEqual([1100, 1200, 1300]);
  });

  it('pauses when the rate becomes 0', () => {
    const schedule = createSchedule(10, 0);
    schedule.takeDue(1000);
    schedule.setRate(0, 1000);
    expect(schedule.takeDue(100_000)).toEqual([]);
  });
});
