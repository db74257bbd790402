import { createHash } from 'node:crypto';
import http, { type RequestOptions } from 'node:http';
import https from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';

/** Where the API server is, and how a request to it proves who we are. */
export interface Connection {
  /** Base URL of the API server, without a slash at the end. */
  readonly server: string;
  /** Agent (with kept connections), TLS material and credentials of a request. A failure is a ConfigError. */
  requestOptions(): Promise<RequestOptions>;
  /** Reads credentials anew before the next request. */
  forgetCredentials(): void;
}

/** Files are read again after this time: well below the time in which kubelet renews a token before it expires. */
const CREDENTIALS_TTL_MS = 30_000;
/** Kept connections close after this time without use; servers and load balancers keep them longer, so they do not race us. */
const IDLE_CONNECTION_MS = 30_000;

/**
 * Reads the kubeconfig at `path`, or what the library's default rules find: KUBECONFIG, ~/.kube/config, the pod's own service
 * account. Throws a ConfigError that says what is missing.
 */
export function connect(options: {
  readonly path?: string | undefined;
  readonly context?: string | undefined;
  readonly clock: Clock;
}): Connection {
  const config = loadConfig(options.path);
  if (options.context !== undefined) useContext(config, options.context);
  const cluster = config.getCurrentCluster();
  if (!cluster?.server) {
    throw new AppError('ConfigError', 'KUBECONFIG_INVALID', 'the kubeconfig names no cluster; set current-context');
  }
  const resolver = credentialsResolver(config, options.clock, cluster.proxyUrl === undefined);
  return { server: cluster.server.replace(/\/+$/, ''), ...resolver };
}

/** What the kubeconfig at `path` says, or what the default rules find. Throws a ConfigError that says what is missing. */
export function loadConfig(path: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (path === undefined) config.loadFromDefault();
    else config.loadFromFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError(
      'ConfigError',
      'KUBECONFIG_INVALID',
      `cannot read the kubeconfig ${path ?? 'by default rules'}: ${reason}`,
      {
        cause,
      },
    );
  }
  // The library invents this cluster when it finds nothing; better to say so than to fail at the first request.
  if (
    config.getCurrentCluster()?.server === 'http://localhost:8080' &&
    config.getCurrentContext() === 'loaded-context'
  ) {
    throw new AppError(
      'ConfigError',
      'KUBECONFIG_MISSING',
      'found no kubeconfig and no service account; set KUBECONFIG',
    );
  }
  return config;
}

/** Makes `context` the current one. Throws a ConfigError naming the contexts that there are. */
export function useContext(config: KubeConfig, context: string): void {
  const names = config.getContexts().map(({ name }) => name);
  if (!names.includes(context)) {
    const known = names.join(', ') || 'none';
    throw new AppError(
      'ConfigError',
      'KUBECONFIG_INVALID',
      `the kubeconfig has no context "${context}"; it has: ${known}`,
    );
  }
  config.setCurrentContext(context);
}

type Credentials = https.RequestOptions;

function credentialsResolver(config: KubeConfig, clock: Clock, isDirect: boolean) {
  const agents = agentCache();
  let kept: { readonly options: Promise<Credentials>; readonly untilMs: number } | undefined;
  const resolve = async (): Promise<Credentials> => {
    const options: Credentials = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new AppError(
        'ConfigError',
        'CREDENTIALS_UNAVAILABLE',
        `cannot get credentials from the kubeconfig: ${reason}`,
        {
          cause,
        },
      );
    }
    // The library's own agents open a new connection for each request; those that speak to a proxy are kept as they are.
    if (isDirect) options.agent = agents(options);
    return options;
  };
  return {
    requestOptions(): Promise<RequestOptions> {
      if (kept === undefined || clock.now() >= kept.untilMs) {
        const options = resolve();
        kept = { options, untilMs: clock.now() + CREDENTIALS_TTL_MS };
        options.catch(() => {
          kept = undefined;
        });
      }
      return kept.options;
    },
    forgetCredentials(): void {
      kept = undefined;
    },
  };
}

/** One keep-alive agent for as long as the TLS material stays the same; renewed certificates get a new one. */
function agentCache(): (options: Credentials) => http.Agent {
  let current: { readonly fingerprint: string; readonly agent: http.Agent } | undefined;
  return (options) => {
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
    const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
    const fingerprint = createHash('sha256').update(JSON.stringify(tls)).digest('hex');
    if (current?.fingerprint !== fingerprint) {
      const keepAlive = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 32, timeout: IDLE_CONNECTION_MS };
      const isPlain = options.agent instanceof http.Agent && !(options.agent instanceof https.Agent);
      const defined = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
      const agent = isPlain ? new http.Agent(keepAlive) : new https.Agent({ ...keepAlive, ...defined });
      current = { fingerprint, agent };
    }
    return current.agent;
  };
}
