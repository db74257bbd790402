import type { Random } from './random.ts';
import { type Answered, createService, type Span, total, type World } from './service.ts';

/** What was counted between two scrapes. Times in seconds since the release. */
export interface Interval {
  readonly fromS: number;
  readonly toS: number;
  readonly canary: Answered;
  readonly stable: Answered;
}

/** A service whose traffic is routed and scraped while time passes. */
export interface Scene {
  /** From `atS` on the new version gets this share of the requests. Times must not go back. */
  route(atS: number, share: number): void;
  /** Lets time pass and gives the scrape intervals that have ended, oldest first. */
  passUntil(untilS: number): readonly Interval[];
  /** Failures so far that would not have been without the release. */
  caused(): number;
  /** When the release's own fault first showed on a request; null when it has not. */
  faultSinceS(): number | null;
}

/** Where the time that a scene tells begins. */
interface SceneOptions {
  readonly beginsS: number;
  readonly scrapeS: number;
}

/** Sets a scene on which the new version has no requests yet. */
export function createScene(world: World, random: Random, { beginsS, scrapeS }: SceneOptions): Scene {
  const service = createService(world, random);
  const routes: { readonly atS: number; readonly share: number }[] = [];
  let [nowS, share, scrapes, caused] = [beginsS, 0, 0, 0];
  let [firstS, faultS]: [number | null, number | null] = [null, null];
  let parts: { canary: Answered; stable: Answered }[] = [];
  // A product instead of a sum, so that rounding does not add up.
  const scrapeAtS = () => beginsS + (scrapes + 1) * scrapeS;

  const serve = (untilS: number) => {
    if (untilS <= nowS) return;
    if (share > 0) firstS ??= nowS;
    const span: Span = { atS: nowS, seconds: untilS - nowS, share, sinceS: firstS === null ? null : nowS - firstS };
    if (shows(world, span)) faultS ??= nowS;
    const served = service.serve(span);
    parts.push(served);
    caused += served.caused;
    nowS = untilS;
  };
  return {
    route(atS, next) {
      routes.push({ atS, share: next });
    },
    passUntil(untilS) {
      const intervals: Interval[] = [];
      while (nowS < untilS) {
        const nextS = routes[0]?.atS ?? Number.POSITIVE_INFINITY;
        if (nextS <= nowS) {
          share = routes.shift()?.share ?? share;
          continue;
        }
        serve(Math.min(untilS, nextS, scrapeAtS()));
        if (nowS < scrapeAtS()) continue;
        intervals.push({
          fromS: scrapeAtS() - scrapeS,
          toS: scrapeAtS(),
          canary: total(parts.map(({ canary }) => canary)),
          stable: total(parts.map(({ stable }) => stable)),
        });
        scrapes++;
        parts = [];
      }
      return intervals;
    },
    caused: () => caused,
    faultSinceS: () => faultS,
  };
}

/** Faults of the release's own do not depend on chance. */
const CERTAIN = 0;

/** True when the release's own fault can be seen on the requests of a span. */
function shows({ fault }: World, span: Span): boolean {
  if (!fault.isCaused || span.share === 0) return false;
  return fault.slowness !== undefined || fault.extraAt(span, CERTAIN).canary > 0;
}
