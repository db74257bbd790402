import { isDeepStrictEqual } from 'node:util';
import type { ChaosExperiment } from '../api/chaos-experiment.ts';
import type { Rollout } from '../api/rollout.ts';
import type { KubeObject, Reflector } from '../kube/port.ts';
import { isAppError } from '../lib/errors.ts';
import type { Sampler } from '../metrics/port.ts';
import type { OwnQueue } from './dispatch.ts';
import type { ExperimentCopies } from './experiment/copies.ts';
import { createFollowing, experimentOf } from './experiment/following.ts';
import { type ExperimentReconcilerPorts, reconcileExperiment } from './experiment/reconcile.ts';
import { keyOf } from './key.ts';
import { createWakes } from './wakes.ts';

export interface ExperimentControllerOptions extends Omit<ExperimentReconcilerPorts, 'following'> {
  readonly queue: OwnQueue;
  readonly sampler: Sampler;
  readonly copies: ExperimentCopies;
  /** The only namespace that it is for; absent: all. What is in another one belongs to another controller. */
  readonly namespace?: string | undefined;
}

/** The controller of ChaosExperiments. */
export interface ExperimentController {
  /** Starts to watch; resolves when the local copies are complete and what was left behind is known. */
  start(signal: AbortSignal): Promise<void>;
}

/** Every experiment that has not finished is looked at this often even if no hint arrives. */
const RESYNC_MS = 30_000;

function namesVersion({ spec: { callers, target } }: ChaosExperiment): boolean {
  return (callers.revision ?? target.revision) !== undefined;
}

/** Whether an experiment on one version of a release sees no difference. */
function isSameRelease(before: Rollout | undefined, after: Rollout | undefined): boolean {
  const [was, is] = [before, after].map((rollout) => [
    rollout?.status?.phase,
    rollout?.status?.stable?.revision,
    rollout?.status?.canary?.revision,
  ]);
  return isDeepStrictEqual(was, is);
}

export function createExperimentController(options: ExperimentControllerOptions): ExperimentController {
  const { queue, clock, log, copies, sampler, faults, questions } = options;
  const wakes = createWakes(clock);
  const ports: ExperimentReconcilerPorts = { ...options, following: createFollowing(sampler) };

  const work = async (key: string): Promise<void> => {
    const [namespace = '', name = ''] = key.split('/');
    try {
      const { nextLookAt } = await reconcileExperiment(ports, namespace, name);
      if (nextLookAt === null) wakes.forget(key);
      else if (wakes.isNew(key, nextLookAt)) queue.wakeAt(key, 'look', nextLookAt);
    } catch (error) {
      const level = isAppError(error, 'ConflictError') ? 'debug' : 'warn';
      log[level]({ experiment: key, err: error }, 'reconcile failed');
      throw error;
    }
  };

  const askAll = (
    reason: 'change' | 'evidence' | 'resync',
    isMeant: (experiment: ChaosExperiment) => boolean = () => true,
  ) => {
    for (const experiment of copies.experiments.list())
      if (experiment.status?.phase !== 'Finished' && isMeant(experiment)) queue.add(keyOf(experiment), reason);
  };
  const resync = (signal: AbortSignal): void => {
    if (signal.aborted) return;
    askAll('resync');
    clock.after(RESYNC_MS, () => resync(signal));
  };

  /** Faults whose experiment was deleted while nobody was here; their fuses burn, but there is no need to wait for them. */
  const sweep = async (): Promise<void> => {
    for (const { experiment, namespace } of await faults.list(options.namespace))
      queue.add(`${namespace}/${experiment}`, 'change');
  };

  return {
    async start(signal) {
      copies.experiments.onChange(({ before, after }) => {
        const experiment = after ?? before;
        // Every replica lets go of it, also one that no longer works on it.
        if (experiment !== undefined && (after === undefined || after.status?.phase === 'Finished')) {
          ports.following.unfollow(keyOf(experiment));
          wakes.forget(keyOf(experiment));
        }
        if (experiment !== undefined && after?.metadata.generation !== before?.metadata.generation)
          queue.add(keyOf(experiment), 'change');
      });
      copies.safetyPolicies.onChange(() => askAll('change'));
      copies.serviceLevelObjectives.onChange(() => askAll('change', ({ status }) => status?.phase === 'Pending'));
      copies.rollouts.onChange(({ before, after }) => {
        if (!isSameRelease(before, after)) askAll('change', namesVersion);
      });
      sampler.onEvidence((key) => {
        const experiment = experimentOf(key);
        if (experiment !== undefined) queue.add(experiment, 'evidence');
      });
      questions.onAnswer(() => askAll('evidence'));
      // They are started with what releases are followed by.
      const own = [copies.experiments, copies.safetyPolicies] as readonly Reflector<KubeObject>[];
      await Promise.all(own.map((copy) => copy.synced(signal)));
      queue.handle(work);
      await sweep().catch((error: unknown) => log.warn({ err: error }, 'sweep failed'));
      resync(signal);
    },
  };
}
