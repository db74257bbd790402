import type { Place } from './chronicle.ts';

/** Every place of a good release with so many steps, in order. */
export function goodPath(steps: number): readonly Place[] {
  const ascent = Array.from({ length: steps }, (_, index) =>
    ['Scaling', 'Shifting', 'Holding'].map((state) => `${state} ${index + 1}`),
  ).flat();
  const end = ['Baking', 'HandingOver', 'Returning', 'Closing'].map((state) => `${state} ${steps}`);
  return ['OpeningStable 1', 'RoutingStable 1', ...ascent, ...end];
}

/** Every place of a release that is taken back at its first step. */
export const BAD_PATH: readonly Place[] = [
  ...['OpeningStable', 'RoutingStable', 'Scaling', 'Shifting', 'Holding'],
  ...['Withdrawing', 'RemovingCanary', 'Returning', 'Closing'],
].map((state) => `${state} 1`);

/**
 * The places that are not on the path, or are there a second time, or come after one that lies behind them. One look may pass
 * several states at once, so places may be missing.
 */
export function straysFrom(path: readonly Place[], places: readonly Place[]): readonly Place[] {
  let reached = -1;
  return places.filter((place) => {
    const index = path.indexOf(place);
    const isStray = index <= reached;
    reached = Math.max(reached, index);
    return isStray;
  });
}
