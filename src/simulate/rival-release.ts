import { CLUSTER } from './cluster.ts';
import type { Random } from './random.ts';
import type { Result } from './result.ts';
import { estimatedP99, type Measured, type Rival } from './rivals.ts';
import { createScene, type Interval, type Scene } from './scene.ts';
import { total, type World } from './service.ts';

/** How the rivals are watched; they know no past of stable. */
export interface RivalSetup {
  readonly scrapeS: number;
  /** How long what happens is watched, in seconds. */
  readonly watchedS: number;
}

/**
 * Releases a new version by a rival's rule. What is unknown of it is assumed in its favour: its samples are there at once, its canary is as
 * quickly ready as ours, and the second roll of Flagger's promotion takes no time.
 */
export function releaseByRival(rival: Rival, { scrapeS, watchedS }: RivalSetup, world: World, random: Random): Result {
  const scene = createScene(world, random, { beginsS: 0, scrapeS });
  const rule = rival.rule();
  const readyS = CLUSTER.podStartMs / 1000;
  const progress = createProgress(rival, scene, readyS);
  let intervals: readonly Interval[] = [];
  // The first tick gives the first weight and measures nothing; steps that go by time fall between ticks.
  for (let atS = progress.nextS(readyS); atS < watchedS; atS = progress.nextS(atS)) {
    intervals = [...intervals, ...scene.passUntil(atS)].filter(({ toS }) => toS > atS - rival.windowS - scrapeS);
    const isTick = (atS - readyS) % rival.intervalS === 0;
    const wish = isTick ? rule(measured(rival, intervals, { atS, world })) : 'GoOn';
    if (wish === 'RollBack') {
      scene.route(atS + CLUSTER.routeMs / 1000, 0);
      return ended('RolledBack', atS, { scene, watchedS });
    }
    if (wish === 'GoOn' && progress.goOn(atS, isTick)) return ended('Promoted', atS, { scene, watchedS });
  }
  return ended('Inconclusive', watchedS, { scene, watchedS });
}

interface Progress {
  /** Takes the next step if it is due; true when that was the promotion. */
  goOn(atS: number, isTick: boolean): boolean;
  /** The next tick or step. */
  nextS(atS: number): number;
}

function createProgress({ weights, hold, intervalS }: Rival, scene: Scene, readyS: number): Progress {
  const routeS = CLUSTER.routeMs / 1000;
  let step = 0;
  scene.route(readyS + routeS, weights[0] ?? 1);
  const stepEndS = () => (hold === 'tick' ? Number.POSITIVE_INFINITY : readyS + (step + 1) * hold);
  return {
    goOn(atS, isTick) {
      if (hold === 'tick' ? !isTick : atS < stepEndS()) return false;
      step++;
      const weight = weights[step];
      scene.route(atS + routeS, weight ?? 1);
      return weight === undefined;
    },
    nextS(atS) {
      const ticks = Math.floor((atS - readyS) / intervalS) + 1;
      return Math.min(readyS + ticks * intervalS, stepEndS());
    },
  };
}

/** The new version over the last window, as far as it was scraped. */
function measured(
  rival: Rival,
  intervals: readonly Interval[],
  { atS, world }: { readonly atS: number; readonly world: World },
): Measured {
  const inWindow = intervals.filter(({ toS }) => toS > atS - rival.windowS && toS <= atS);
  // A window shorter than the time between two scrapes still sees the last one.
  const seen = inWindow.length === 0 ? intervals.slice(-1) : inWindow;
  if (seen.length === 0) return { requests: 0, failures: 0, p99Ms: null };
  const { requests, failures, within } = total(seen.map(({ canary }) => canary));
  const p99Ms = rival.measuresP99 && world.durations ? estimatedP99(world.durations.edges, { requests, within }) : null;
  return { requests, failures, p99Ms };
}

function ended(
  end: Result['end'],
  endS: number,
  { scene, watchedS }: { readonly scene: Scene; readonly watchedS: number },
): Result {
  scene.passUntil(watchedS);
  return { end, endS, faultS: scene.faultSinceS(), caused: scene.caused() };
}
