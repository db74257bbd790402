import type { Route, TrafficFact } from './facts.ts';

/**
 * What the observed split says of a route: `seen` on the wire; `different`, because a proxy still has another one; `idle`, a whole
 * window without a request; `unknown`, too few requests to tell or no whole window yet.
 */
export type Sight = 'seen' | 'different' | 'idle' | 'unknown';

/**
 * Half-width of the accepted band in standard deviations of a binomial share: four leave 6 in 100,000 right splits
 * outside, and a later window settles those; a proxy that still has the old weight is outside as soon as a few dozen requests tell it apart.
 */
const BAND_SIGMAS = 4;

/** Fewer expected canary requests than this cannot show the absence of the canary. */
const MIN_EXPECTED = 5;

/** Compares the requests of a window that began after the route was written with what the route should have made of them. */
export function sightOf(route: Route, traffic: TrafficFact | null): Sight {
  if (traffic === null) return 'unknown';
  const { plain, stable, canary } = traffic;
  const total = plain + stable + canary;
  if (total === 0) return 'idle';
  if (route.kind === 'plain') return stable + canary === 0 ? 'seen' : 'different';
  if (plain > 0) return 'different';
  const share = route.canaryBp / 10_000;
  const expected = total * share;
  const band = BAND_SIGMAS * Math.sqrt(total * share * (1 - share));
  if (Math.abs(canary - expected) > band + (share > 0 && share < 1 ? 1 : 0)) return 'different';
  if (share > 0 && canary === 0 && expected < MIN_EXPECTED) return 'unknown';
  return 'seen';
}
