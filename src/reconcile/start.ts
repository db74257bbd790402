import type { Sampler } from '../metrics/port.ts';
import type { Dispatch } from './dispatch.ts';

interface Controller {
  /** Resolves when its local copies are complete, which may be never. */
  start(signal: AbortSignal): Promise<void>;
}

export interface ControllersToStart {
  readonly rollouts: Controller;
  /** Those of experiments and schedules. */
  readonly chaos: readonly Controller[];
  readonly sampler: Pick<Sampler, 'start'>;
  readonly dispatch: Pick<Dispatch, 'start'>;
  readonly workers: number;
  /** A controller of chaos could not start, for another reason than `signal`. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Starts all controllers; resolves when Rollouts are worked. Those of chaos begin when their copies are complete: a cluster without
 * their kinds, or without the rights to them, still gets its releases.
 */
export async function startControllers(options: ControllersToStart, signal: AbortSignal): Promise<void> {
  const { rollouts, chaos, sampler, dispatch, workers, onFailure } = options;
  await rollouts.start(signal);
  for (const each of chaos) {
    void each.start(signal).catch((error: unknown) => {
      if (!signal.aborted) onFailure(error);
    });
  }
  if (signal.aborted) return;
  sampler.start(signal);
  dispatch.start(workers);
}
