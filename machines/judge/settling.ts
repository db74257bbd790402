import type { Batch } from './batch.ts';

/** A route that was decided reaches the proxies within this time. */
const ROUTE_MS = 2_000;

/** Where a batch does not say when it began, it is taken for this long: two scrapes of 5 s. */
const UNKNOWN_LENGTH_MS = 10_000;

/** The time before which no request of the batch ended, in milliseconds. */
export function beganAt({ at, from }: Pick<Batch, 'at' | 'from'>): number {
  return from == null || !Number.isFinite(from) ? at - UNKNOWN_LENGTH_MS + ROUTE_MS : from;
}

/** Share of the batch's time that lies after this moment. */
export function shareAfter(batch: Pick<Batch, 'at' | 'from'>, moment: number): number {
  const began = beganAt(batch);
  if (began >= moment) return 1;
  return batch.at <= moment ? 0 : (batch.at - moment) / (batch.at - began);
}

/** True when all requests of the batch followed the present weight, however rarely callers are scraped. */
export function isSettled(batch: Pick<Batch, 'at' | 'from' | 'raisedAt'>): boolean {
  return batch.raisedAt == null || beganAt(batch) >= batch.raisedAt + ROUTE_MS;
}
