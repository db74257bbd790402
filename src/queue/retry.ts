import { backoffMs } from '../lib/backoff.ts';
import { isAppError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';

const BASE_MS = 100;
const MAX_MS = 30_000;

/** How long a key rests in ms after its handler failed `failures` times in a row; never shorter than the error asks for. */
export function retryDelayMs(failures: number, error: unknown, random: Random): number {
  const asked = isAppError(error) ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(asked, backoffMs({ failures, baseMs: BASE_MS, maxMs: MAX_MS, random }));
}
