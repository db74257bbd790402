import { isAppError } from '../../lib/errors.ts';

/** What keeps the Rollout from going on, when it is not the machine: a bad spec, a route that cannot be taken over, an effect that fails. */
export interface Obstacle {
  /** Nothing but an edit by the user helps (Stalled), or it is tried again by itself. */
  readonly isFinal: boolean;
  readonly reason: string;
  readonly message: string;
}

/** The obstacle in an error, or null for one that is only to be tried again. */
export function obstacleOf(error: unknown): Obstacle | null {
  const isFinal = isAppError(error, 'ConfigError') || isAppError(error, 'UnsupportedError');
  if (isAppError(error) && (isFinal || isAppError(error, 'NotReadyError') || isAppError(error, 'SafetyError'))) {
    return { isFinal, reason: reasonOf(error.code), message: error.message };
  }
  return null;
}

/** ROUTE_HELD → RouteHeld */
function reasonOf(code: string): string {
  return code
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
