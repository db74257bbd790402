import type { ChaosSchedule } from './api/chaos-schedule.ts';
import { readConfig } from './config.ts';
import { createSourceOpener } from './effects/metrics-sources.ts';
import { createKube } from './kube/client.ts';
import { kinds } from './kube/kinds.ts';
import { createMissingKinds, type MissingKinds } from './kube/missing-kinds.ts';
import type { KubeObject } from './kube/port.ts';
import { createReflector } from './kube/reflector.ts';
import { systemClock } from './lib/clock.ts';
import { isAppError } from './lib/errors.ts';
import { createPrometheus } from './metrics/providers/prometheus.ts';
import { createSources } from './metrics/sources.ts';
import { createBullQueue } from './queue/bullmq.ts';
import { createMemoryQueue } from './queue/memory.ts';
import { createDispatch } from './reconcile/dispatch.ts';
import { createExperimentController } from './reconcile/experiment-controller.ts';
import { createRolloutCopies, type MakeCopy } from './reconcile/rollout/copies.ts';
import { createRolloutController } from './reconcile/rollout-controller.ts';
import { createScheduleController } from './reconcile/schedule-controller.ts';
import { startControllers } from './reconcile/start.ts';
import { createFaults } from './routing/faults/faults.ts';
import { createReaper, type ReaperOptions } from './routing/faults/reaper.ts';
import { createRoutes } from './routing/routes.ts';
import { createEventRecorder } from './telemetry/events.ts';
import { createLog, type Log } from './telemetry/log.ts';
import { createControllerMetrics } from './telemetry/metrics.ts';
import { serveTelemetry } from './telemetry/server.ts';

/** Half a poll: a finer cut would not be seen earlier, a coarser one costs time before a bad version is taken back. */
const CELL_MS = 250;

/** The controller: puts the parts together, runs until SIGTERM or SIGINT, then finishes what it is doing and ends. */
async function main(): Promise<void> {
  const config = readConfig();
  const log = createLog(config.LOG_LEVEL);
  const clock = systemClock;
  const metrics = createControllerMetrics();
  const kube = createKube({ kubeconfigPath: config.KUBECONFIG });
  const queue =
    config.REDIS_URL === undefined
      ? createMemoryQueue({ clock })
      : createBullQueue({
          redisUrl: config.REDIS_URL,
          clock,
          onStateChange: ({ state, message }) => {
            metrics.queueDegraded(state === 'degraded');
            log.warn({ state, detail: message }, 'queue changed');
          },
        });
  const { sampler, inspector, questions } = createSources({
    own: createPrometheus({
      url: config.PROMETHEUS_URL,
      now: clock.now,
      ...(config.PROMETHEUS_TOKEN !== undefined && { bearer: config.PROMETHEUS_TOKEN }),
    }),
    open: createSourceOpener({
      kube,
      connect: (connection) => createPrometheus({ ...connection, now: clock.now }),
    }),
    sampler: {
      clock,
      log,
      pollMs: config.POLL_INTERVAL_MS,
      cellMs: CELL_MS,
      onPoll: ({ durationMs, error }) => metrics.polled(error === undefined ? 'ok' : 'error', durationMs / 1000),
    },
  });
  const missing = createMissingKinds((reason) => log.error({}, `${reason}; what needs it does not work until then`));
  const reflect = copier({ kube, clock, log, missing, namespace: config.WATCH_NAMESPACE });
  const copies = createRolloutCopies(reflect);
  const routes = createRoutes({
    kube,
    // Routes themselves are read from the server: a copy that lags would make another replica's write look like somebody's edit.
    reflectors: {
      service: copies.services,
      endpointSlice: copies.endpointSlices,
      destinationRule: copies.destinationRules,
    },
    log: (event) => log.info({ ...event }, 'route event'),
  });
  const events = createEventRecorder(kube, clock, log);
  const dispatch = createDispatch(queue);
  const parts = { kube, sampler, inspector, questions, events, metrics, clock, log };
  const controller = createRolloutController({ ...parts, routes, copies, queue: dispatch.rollouts });
  const experiments = createExperimentController({
    ...parts,
    faults: createFaults(kube),
    copies,
    namespace: config.WATCH_NAMESPACE,
    queue: dispatch.experiments,
  });
  const schedules = createScheduleController({
    ...parts,
    schedules: reflect<ChaosSchedule & KubeObject>(kinds.chaosSchedule),
    experiments: copies.experiments,
    queue: dispatch.schedules,
  });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(new Error(signal)));
  const telemetry = serveTelemetry({
    listen: config.LISTEN,
    registry: metrics.registry,
    unready: () => missing.reason() ?? controller.unready(),
  });
  try {
    const address = { listen: config.LISTEN, prometheus: new URL(config.PROMETHEUS_URL).host };
    await telemetry;
    log.info({ ...address, redis: config.REDIS_URL !== undefined }, 'started');
    await sweep({ kube, clock, log, namespace: config.WATCH_NAMESPACE });
    const onFailure = (error: unknown) => log.error({ err: error }, 'a controller of chaos did not start');
    const chaos = [experiments, schedules];
    await startControllers(
      { rollouts: controller, chaos, sampler, dispatch, workers: config.WORKERS, onFailure },
      stop.signal,
    );
    log.info({}, 'watching');
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    // Also after a failed start: what is left open would keep a process alive that does nothing.
    stop.abort();
    await queue.close();
    await telemetry.then(
      (server) => server.close(),
      () => undefined,
    );
    log.info({}, 'stopped');
  }
}

interface CopierOptions extends ReaperOptions {
  readonly missing: MissingKinds;
  readonly log: Log;
}

function copier({ kube, clock, log, missing, namespace }: CopierOptions): MakeCopy {
  return (kind, indexes) =>
    createReflector(kube, kind, {
      clock,
      indexes,
      ...(namespace !== undefined && kind.namespaced && { namespace }),
      log: (event) => {
        const { type, ...fields } = event;
        log[type === 'listed' ? 'debug' : 'warn'](fields, `watch ${type}`);
        missing.observe(kind, event);
      },
    });
}

/** Ends faults that outlived their fuses while nobody was here. */
async function sweep(options: ReaperOptions): Promise<void> {
  const { log } = options;
  await createReaper(options)
    .look()
    .catch((error: unknown) => log.warn({ err: error }, 'sweep of faults failed'));
}

main().catch((error: unknown) => {
  const message = isAppError(error)
    ? `${error.code}: ${error.message}`
    : String(error instanceof Error ? error.stack : error);
  process.stderr.write(`sluice: ${message}\n`);
  process.exitCode = 1;
});
