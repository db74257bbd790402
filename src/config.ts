import { z } from 'zod';
import { AppError } from './lib/errors.ts';
import { LOG_LEVELS } from './telemetry/log.ts';

const listen = z.string().regex(/^[^:]*:\d+$/, 'must be HOST:PORT, such as 0.0.0.0:9464');

const schema = z.object({
  /** Kubeconfig file; default: ~/.kube/config, then the pod's service account. */
  KUBECONFIG: z.string().min(1).optional(),
  /** Prometheus (or anything that speaks its query API) that scrapes the callers' proxies. */
  PROMETHEUS_URL: z.url({ protocol: /^https?$/ }),
  /** Bearer token for Prometheus. */
  PROMETHEUS_TOKEN: z.string().min(1).optional(),
  /** Redis for several replicas; without it the queue is in memory, for one replica. */
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  /** Only this namespace; default: all. */
  WATCH_NAMESPACE: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  /** Rollouts worked on at once. */
  WORKERS: z.coerce.number().int().min(1).max(64).default(4),
  /** Address and port of /metrics, /healthz and /readyz. */
  LISTEN: listen.default('127.0.0.1:9464'),
  /** How often Prometheus is asked while a release is in progress, in ms. */
  POLL_INTERVAL_MS: z.coerce.number().int().min(100).max(60_000).default(500),
});

/** Settings of the controller, from the environment. */
export type Config = z.output<typeof schema>;

const reaperSchema = schema
  .pick({ KUBECONFIG: true, WATCH_NAMESPACE: true, LOG_LEVEL: true })
  .extend({ LISTEN: listen.default('127.0.0.1:9465') });

/** Settings of the reaper, from the environment. */
export type ReaperConfig = z.output<typeof reaperSchema>;

/** Reads and checks the environment. Throws ConfigError CONFIG_INVALID naming every wrong variable. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  return read(schema, environment);
}

/** As `readConfig`, for the reaper. */
export function readReaperConfig(environment: NodeJS.ProcessEnv = process.env): ReaperConfig {
  return read(reaperSchema, environment);
}

function read<T>(wanted: z.ZodType<T>, environment: NodeJS.ProcessEnv): T {
  const parsed = wanted.safeParse(environment);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: [name = ''], message }) =>
    environment[String(name)] === undefined ? `${String(name)} is required` : `${String(name)}: ${message}`,
  );
  throw new AppError('ConfigError', 'CONFIG_INVALID', `the environment is not as it must be: ${problems.join('; ')}`);
}
