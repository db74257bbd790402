import type { ChaosSchedule } from '../api/chaos-schedule.ts';
import type { KubeObject, Reflector } from '../kube/port.ts';
import { isAppError } from '../lib/errors.ts';
import type { OwnQueue } from './dispatch.ts';
import type { ExperimentCopies } from './experiment/copies.ts';
import { keyOf } from './key.ts';
import { reconcileSchedule, type ScheduleReconcilerPorts } from './schedule/reconcile.ts';
import { createWakes } from './wakes.ts';

export interface ScheduleControllerOptions extends ScheduleReconcilerPorts {
  readonly queue: OwnQueue;
  readonly schedules: Reflector<ChaosSchedule & KubeObject>;
  readonly experiments: ExperimentCopies['experiments'];
}

/** The controller of ChaosSchedules. */
export interface ScheduleController {
  /** Starts to watch; resolves when the local copy is complete. */
  start(signal: AbortSignal): Promise<void>;
}

/** A wake that was lost costs this at most. */
const RESYNC_MS = 60_000;

export function createScheduleController(options: ScheduleControllerOptions): ScheduleController {
  const { queue, clock, log, schedules, experiments } = options;
  const wakes = createWakes(clock);

  const work = async (key: string): Promise<void> => {
    const [namespace = '', name = ''] = key.split('/');
    try {
      const { nextLookAt } = await reconcileSchedule(options, namespace, name);
      if (nextLookAt === null) wakes.forget(key);
      else if (wakes.isNew(key, nextLookAt)) queue.wakeAt(key, 'look', nextLookAt);
    } catch (error) {
      const level = isAppError(error, 'ConflictError') ? 'debug' : 'warn';
      log[level]({ schedule: key, err: error }, 'reconcile failed');
      throw error;
    }
  };

  const resync = (signal: AbortSignal): void => {
    if (signal.aborted) return;
    for (const schedule of schedules.list()) queue.add(keyOf(schedule), 'resync');
    clock.after(RESYNC_MS, () => resync(signal));
  };

  return {
    async start(signal) {
      schedules.onChange(({ before, after }) => {
        const schedule = after ?? before;
        if (schedule !== undefined && after?.metadata.generation !== before?.metadata.generation)
          queue.add(keyOf(schedule), 'change');
      });
      // A run that ends may let the next one begin.
      experiments.onChange(({ before, after }) => {
        if (after === undefined || before?.status?.phase === after.status?.phase) return;
        const owner = after.metadata.ownerReferences?.find(({ kind }) => kind === 'ChaosSchedule');
        if (owner !== undefined) queue.add(`${after.metadata.namespace ?? 'default'}/${owner.name}`, 'change');
      });
      schedules.start(signal);
      await Promise.all([schedules.synced(signal), experiments.synced(signal)]);
      queue.handle(work);
      resync(signal);
    },
  };
}
