/** Requests of the recent past and the seconds in which they came, both fading with time. */
export interface Pace {
  readonly requests: number;
  readonly seconds: number;
}

/** Nothing counted. */
export const NO_PACE: Pace = { requests: 0, seconds: 0 };

/** What is this old counts a third. Batches come in irregular cells, so a mean of their own rates would be far off. */
const FADING_SECONDS = 30;

/** Adds the requests of one batch and the time since the batch before. */
export function addToPace(pace: Pace, requests: number, seconds: number): Pace {
  const kept = Math.exp(-seconds / FADING_SECONDS);
  return { requests: pace.requests * kept + requests, seconds: pace.seconds * kept + seconds };
}

/** Requests per second; 0 before there are two batches. */
export function rateOf({ requests, seconds }: Pace): number {
  return seconds > 0 ? requests / seconds : 0;
}
