import { describe, expect, it } from 'vitest';
import { durationsKeeping } from './durations.ts';
import { FAULTS, type Fault } from './faults.ts';
import { createRandom } from './random.ts';
import { createScene, type Interval } from './scene.ts';
import type { World } from './service.ts';
import { TRAFFIC } from './traffic.ts';

const named = <T extends { readonly name: string }>(name: string, among: readonly T[]): T => {
  const found = among.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

function worldOf(fault: string, changes: Partial<World> = {}): World {
  const steady = named('steady', TRAFFIC);
  return {
    traffic: steady,
    fault: named<Fault>(fault, FAULTS),
    requestRate: 100,
    usualFailures: 0.001,
    durations: null,
    ...changes,
  };
}

function sceneOf(world: World, beginsS = 0) {
  return createScene(world, createRandom(7), { beginsS, scrapeS: 5 });
}

const sum = (intervals: readonly Interval[], count: (interval: Interval) => number) =>
  intervals.reduce((total, interval) => total + count(interval), 0);

/** Within five standard deviations of a Poisson number. */
const near = (found: number, expected: number) => Math.abs(found - expected) < 5 * Math.sqrt(expected);

describe('a scene', () => {
  it('scrapes at the same times however it is looked at', () => {
    const [once, often] = [sceneOf(worldOf('none')), sceneOf(worldOf('none'))];
    const pieces = Array.from({ length: 47 }, (_, i) => often.passUntil((i + 1) * 1.5));
    const times = (intervals: readonly Interval[]) => intervals.map(({ fromS, toS }) => [fromS, toS]);
    expect(times(pieces.flat())).toEqual(times(once.passUntil(70.5)));
    expect(once.passUntil(70.5)).toEqual([]);
  });

  it('splits the requests from the moment at which the route is followed', () => {
    const scene = sceneOf(worldOf('none'));
    scene.route(102.5, 0.2);
    const [before, after] = [scene.passUntil(100), scene.passUntil(1105).filter(({ fromS }) => fromS >= 105)];
    expect(sum(before, ({ canary }) => canary.requests)).toBe(0);
    expect(
      near(
        sum(before, ({ stable }) => stable.requests),
        10_000,
      ),
    ).toBe(true);
    expect(
      near(
        sum(after, ({ canary }) => canary.requests),
        20_000,
      ),
    ).toBe(true);
    expect(
      near(
        sum(after, ({ canary }) => canary.failures),
        20,
      ),
    ).toBe(true);
  });

  it('counts what the release costs, and says since when', () => {
    const scene = sceneOf(worldOf('late'));
    scene.route(10, 0.5);
    scene.passUntil(309);
    expect([scene.caused(), scene.faultSinceS()]).toEqual([0, null]);
    scene.passUntil(410);
    expect(near(scene.caused(), 100 * 50 * 0.2)).toBe(true);
    expect(scene.faultSinceS()).toBe(310);
  });

  it('does not hold an outage of both versions against the release', () => {
    const scene = sceneOf(worldOf('outage'));
    scene.route(0, 0.5);
    const intervals = scene.passUntil(600);
    expect(
      near(
        sum(intervals, ({ canary }) => canary.failures),
        50 * (180 * 0.3 + 420 * 0.001),
      ),
    ).toBe(true);
    expect([scene.caused(), scene.faultSinceS()]).toEqual([0, null]);
  });

  it.each(['bursty', 'autocorrelated'])('keeps the mean of %s failures', (traffic) => {
    const scene = sceneOf(worldOf('none', { traffic: named(traffic, TRAFFIC), usualFailures: 0.01 }));
    const failures = sum(scene.passUntil(20_000), ({ stable }) => stable.failures);
    expect(failures / 20_000).toBeGreaterThan(0.85);
    expect(failures / 20_000).toBeLessThan(1.15);
  });

  it('keeps an objective on durations while nothing is wrong', () => {
    const goals = [{ underMs: 300, allowedRatio: 0.01 }];
    const durations = durationsKeeping(goals);
    const scene = sceneOf(worldOf('slow', { durations }));
    scene.route(0, 0.5);
    const intervals = scene.passUntil(1000);
    const edge = durations.edges.indexOf(300);
    const slowShare = (arm: 'canary' | 'stable') =>
      1 -
      sum(intervals, (interval) => interval[arm].within[edge] ?? 0) /
        sum(intervals, (interval) => interval[arm].requests);
    expect(slowShare('stable')).toBeLessThan(0.005);
    expect(slowShare('canary')).toBeGreaterThan(0.01);
  });
});
