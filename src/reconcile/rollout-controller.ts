import { createEvidenceRecords } from '../effects/evidence-records.ts';
import type { Kube, KubeObject, Reflector } from '../kube/port.ts';
import type { Clock } from '../lib/clock.ts';
import { isAppError } from '../lib/errors.ts';
import { uniqueId } from '../lib/random.ts';
import type { Inspector } from '../metrics/inspector.ts';
import type { Sampler } from '../metrics/port.ts';
import type { Routes } from '../routing/port.ts';
import type { EventRecorder } from '../telemetry/events.ts';
import type { Log } from '../telemetry/log.ts';
import type { ControllerMetrics } from '../telemetry/metrics.ts';
import type { OwnQueue } from './dispatch.ts';
import { keyOf } from './key.ts';
import { namedIn, type RolloutCopies } from './rollout/copies.ts';
import { createFollowing, rolloutOf } from './rollout/following.ts';
import { createJudging } from './rollout/judging.ts';
import { createPreflight } from './rollout/preflight.ts';
import { type RolloutReconcilerPorts, reconcileRollout } from './rollout/reconcile.ts';
import { triggerLooks } from './rollout/triggers.ts';
import { createWakes } from './wakes.ts';

export interface RolloutControllerOptions {
  readonly kube: Kube;
  readonly queue: OwnQueue;
  readonly routes: Routes;
  readonly sampler: Sampler;
  readonly inspector: Inspector;
  readonly events: EventRecorder;
  readonly metrics: ControllerMetrics;
  readonly clock: Clock;
  readonly log: Log;
  /** Local copies of all that it looks at; the controller starts them. */
  readonly copies: RolloutCopies;
}

/** The controller of Rollouts. */
export interface RolloutController {
  /** Starts to watch and to work; resolves when the local copies are complete. */
  start(signal: AbortSignal): Promise<void>;
  /** Why it cannot decide anything at the moment, or null. */
  unready(): string | null;
}

/** Every Rollout is looked at this often even if no hint arrives. */
const RESYNC_MS = 30_000;

export function createRolloutController(options: RolloutControllerOptions): RolloutController {
  const { queue, clock, log, metrics, sampler, copies } = options;
  const preflight = createPreflight(options);
  const ports: RolloutReconcilerPorts = {
    ...options,
    ...copies,
    judging: createJudging(),
    preflight,
    named: (namespace) => namedIn(copies, namespace),
    following: createFollowing(sampler),
    evidenceRecords: createEvidenceRecords(options),
  };
  const wakes = createWakes(clock);
  const askedAt = new Map<string, number>();
  const ask = (key: string, reason: 'change' | 'evidence' | 'resync') => {
    if (!askedAt.has(key)) askedAt.set(key, clock.now());
    queue.add(key, reason);
  };

  const work = async (key: string): Promise<void> => {
    const startedAt = clock.now();
    const asked = askedAt.get(key);
    askedAt.delete(key);
    const reconcileId = uniqueId();
    log.debug({ rollout: key, reconcileId }, 'reconcile started');
    const [namespace = '', name = ''] = key.split('/');
    try {
      const { nextLookAt } = await reconcileRollout(ports, namespace, name);
      metrics.reconciled('done', (clock.now() - startedAt) / 1000);
      if (asked !== undefined) metrics.latency((clock.now() - asked) / 1000);
      if (nextLookAt !== null && wakes.isNew(key, nextLookAt)) queue.wakeAt(key, 'look', nextLookAt);
    } catch (error) {
      metrics.reconciled(isAppError(error) ? error.class : 'Error', (clock.now() - startedAt) / 1000);
      // A conflict only means that there is something newer to look at.
      const level = isAppError(error, 'ConflictError') ? 'debug' : 'warn';
      log[level]({ rollout: key, reconcileId, err: error }, 'reconcile failed');
      throw error;
    } finally {
      // The queue lets go of the key only after this line, so that logs show whether two replicas ever worked on it at once.
      log.debug({ rollout: key, reconcileId }, 'reconcile ended');
    }
  };

  const resync = (signal: AbortSignal): void => {
    if (signal.aborted) return;
    for (const rollout of copies.rollouts.list()) ask(keyOf(rollout), 'resync');
    clock.after(RESYNC_MS, () => resync(signal));
  };

  return {
    async start(signal) {
      triggerLooks(copies, (key) => ask(key, 'change'));
      sampler.onEvidence((key) => {
        if (!key.startsWith('experiment:')) ask(rolloutOf(key), 'evidence');
      });
      preflight.onAnswer((key) => ask(key, 'change'));
      const all = Object.values(copies) as readonly Reflector<KubeObject>[];
      for (const copy of all) copy.start(signal);
      await Promise.all(deciding(copies).map((copy) => copy.synced(signal)));
      queue.handle(work);
      resync(signal);
    },
    unready: () => (deciding(copies).every((copy) => copy.isFresh()) ? null : 'the API server cannot be watched'),
  };
}

/** The copies without which nothing can be decided; the others only tell when to look. */
function deciding({
  rollouts,
  deployments,
  replicaSets,
  pods,
}: RolloutCopies): readonly { synced: Reflector<KubeObject>['synced']; isFresh(): boolean }[] {
  return [rollouts, deployments, replicaSets, pods];
}
