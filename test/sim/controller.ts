import { Registry } from 'prom-client';
import type { ChaosSchedule } from '../../src/api/chaos-schedule.ts';
import { createSourceOpener } from '../../src/effects/metrics-sources.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { IndexFunction, Kind, KubeObject } from '../../src/kube/port.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { isAppError } from '../../src/lib/errors.ts';
import type { MetricsClient } from '../../src/metrics/provider.ts';
import { createSources } from '../../src/metrics/sources.ts';
import { createMemoryQueue } from '../../src/queue/memory.ts';
import { createDispatch, type OwnQueue } from '../../src/reconcile/dispatch.ts';
import { createExperimentController } from '../../src/reconcile/experiment-controller.ts';
import { createRolloutCopies, type MakeCopy } from '../../src/reconcile/rollout/copies.ts';
import { createRolloutController } from '../../src/reconcile/rollout-controller.ts';
import { createScheduleController } from '../../src/reconcile/schedule-controller.ts';
import { startControllers } from '../../src/reconcile/start.ts';
import { createFaults } from '../../src/routing/faults/faults.ts';
import { createRoutes } from '../../src/routing/routes.ts';
import type { EventRecorder } from '../../src/telemetry/events.ts';
import type { ControllerMetrics } from '../../src/telemetry/metrics.ts';
import type { FakeCommit, FakeKube } from '../support/fake-kube.ts';
import type { Dice } from './dice.ts';
import { createLateReflector } from './late-reflector.ts';
import { createLink, type LinkQuality, type Trouble } from './link.ts';
import type { SimClock } from './sim-clock.ts';

export interface SimControllerOptions {
  readonly name: string;
  readonly kube: FakeKube;
  readonly clock: SimClock;
  readonly dice: Dice;
  readonly provider: MetricsClient;
  readonly quality: () => LinkQuality;
  readonly lagMs: () => number;
  readonly subscribe: (listener: (commit: FakeCommit) => void) => void;
  /** May call `kill` of the controller. */
  readonly onWrite: (moment: 'before' | 'after', what: string) => void;
  readonly onOwnWrite: (object: KubeObject) => void;
  readonly trouble: (what: string) => Trouble | undefined;
  readonly isServed: (kind: Kind) => boolean;
  /** Sees which experiments are looked at. */
  readonly onLook: (queue: OwnQueue) => OwnQueue;
  readonly trace: (line: string) => void;
  readonly fail: (what: string) => void;
}

/** One process of the controller as main.ts puts it together, on simulated time and a simulated network. */
export interface SimController {
  readonly name: string;
  readonly isDead: boolean;
  /** As by SIGKILL: nothing of it goes on, whatever it was waiting for. */
  kill(): void;
}

export function startController(options: SimControllerOptions): SimController {
  const { name, kube, clock: simClock, dice, provider, trace, fail } = options;
  const stop = new AbortController();
  const state = { isDead: false };
  const isDead = () => state.isDead;
  const clock = mortal(simClock, isDead);
  const link = createLink(kube, { ...options, isDead });
  const log = logTo((line) => trace(`${name}: ${line}`), fail);
  const queue = createMemoryQueue({ clock, random: dice.next });
  const reflect: MakeCopy = <T extends KubeObject>(kind: Kind, indexes?: Readonly<Record<string, IndexFunction<T>>>) =>
    createLateReflector<T>(kube, kind, { ...options, clock: simClock, indexes, isDead });
  const copies = createRolloutCopies(reflect);
  const { services: service, endpointSlices: endpointSlice, destinationRules: destinationRule } = copies;
  const dispatch = createDispatch(queue);
  const sources = createSources({
    own: provider,
    // Whatever a MetricsSource says, there is one source.
    open: createSourceOpener({ kube: link, connect: () => provider }),
    sampler: { clock, random: dice.next, cellMs: 250 },
  });
  const events: EventRecorder = {
    record: (_, { reason, message }) => trace(`${name}: Event ${reason}: ${message}`),
  };
  const parts = { kube: link, clock, log, events, metrics: silentMetrics, ...sources };
  const controller = createRolloutController({
    ...{ ...parts, queue: dispatch.rollouts, copies },
    routes: createRoutes({ kube: link, reflectors: { service, endpointSlice, destinationRule } }),
  });
  const experiments = createExperimentController({
    ...{ ...parts, queue: options.onLook(dispatch.experiments), copies },
    faults: createFaults(link),
  });
  const schedules = createScheduleController({
    ...{ ...parts, queue: dispatch.schedules, experiments: copies.experiments },
    schedules: reflect<ChaosSchedule & KubeObject>(kinds.chaosSchedule),
  });
  void startControllers(
    {
      ...{ rollouts: controller, chaos: [experiments, schedules], sampler: sources.sampler, dispatch, workers: 2 },
      onFailure: (error) => fail(`a controller of chaos did not start: ${String(error)}`),
    },
    stop.signal,
  );
  trace(`${name}: started`);
  return {
    name,
    get isDead() {
      return state.isDead;
    },
    kill() {
      if (state.isDead) return;
      state.isDead = true;
      trace(`${name}: killed`);
      stop.abort(new Error('killed'));
    },
  };
}

/** Timers of a dead process never fire. */
function mortal(clock: SimClock, isDead: () => boolean): Clock {
  return {
    now: () => clock.now(),
    after: (delayMs, run) => clock.after(delayMs, () => (isDead() ? undefined : run())),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  };
}

function logTo(trace: (line: string) => void, fail: (what: string) => void) {
  const write = (fields: object, message: string): void => {
    const { err, error = err } = fields as { err?: unknown; error?: unknown };
    if (error === undefined) return;
    trace(`${message}: ${isAppError(error) ? `${error.code} ${error.message}` : String((error as Error).stack)}`);
    if (!isAppError(error) || error.class === 'InvariantError') fail(`a bug was hit: ${String(error)}`);
  };
  return { debug: write, info: () => {}, warn: write, error: write };
}

const silentMetrics: ControllerMetrics = {
  registry: new Registry(),
  reconciled: () => {},
  latency: () => {},
  polled: () => {},
  queueDegraded: () => {},
};
