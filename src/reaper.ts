import { Registry } from 'prom-client';
import { readReaperConfig } from './config.ts';
import { createKube } from './kube/client.ts';
import { systemClock } from './lib/clock.ts';
import { isAppError } from './lib/errors.ts';
import { createReaper } from './routing/faults/reaper.ts';
import { createLog } from './telemetry/log.ts';
import { createReaperMetrics } from './telemetry/metrics.ts';
import { serveTelemetry } from './telemetry/server.ts';

/** The reaper: ends faults past their time until SIGTERM or SIGINT. It needs the API server and nothing else. */
async function main(): Promise<void> {
  const config = readReaperConfig();
  const log = createLog(config.LOG_LEVEL);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort(new Error(signal)));
  const registry = new Registry();
  const { reaped } = createReaperMetrics(registry);
  const reaper = createReaper({
    kube: createKube({ kubeconfigPath: config.KUBECONFIG }),
    clock: systemClock,
    log,
    namespace: config.WATCH_NAMESPACE,
    onReaped: reaped,
  });
  const server = await serveTelemetry({ listen: config.LISTEN, registry, unready: reaper.unready });
  log.info({ listen: config.LISTEN, namespace: config.WATCH_NAMESPACE ?? 'all' }, 'started');
  await reaper.run(stop.signal);
  server.close();
  log.info({}, 'stopped');
}

main().catch((error: unknown) => {
  const message = isAppError(error)
    ? `${error.code}: ${error.message}`
    : String(error instanceof Error ? error.stack : error);
  process.stderr.write(`sluice reaper: ${message}\n`);
  process.exitCode = 1;
});
