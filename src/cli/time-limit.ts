import { constants } from 'node:os';
import type { Rollout } from '../api/rollout.ts';
import { formatDuration } from '../lib/duration.ts';
import { EXIT, Failure } from './exit.ts';

/** Says that time is over, and what was going on. */
export function timedOut(rollout: Rollout, timeoutMs: number, trouble: string | undefined): Failure {
  const { metadata, status } = rollout;
  const last = trouble ?? `${status?.phase ?? 'no status yet'}: ${status?.message ?? 'is a controller running?'}`;
  return new Failure(`${metadata.name}: not within ${formatDuration(timeoutMs)}; ${last}`, EXIT.timedOut);
}

/** Exit code of a wait that a signal ended: 128 and the signal's number, as shells have it. */
export function interrupted(signal: AbortSignal): number {
  return 128 + (constants.signals[signal.reason as NodeJS.Signals] ?? 0);
}
