import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

export interface RealPrometheusOptions {
  /** See {@link findPrometheus}. */
  readonly binary: string;
  /** Holds its `prometheus.yml`, and its data. */
  readonly folder: string;
  readonly port: number;
  readonly features?: readonly string[];
}

/** Why tests skip. */
export const WITHOUT_PROMETHEUS =
  'no prometheus on the PATH or in the cache of the lab: `npm run lab -- up` installs it';

/** A real Prometheus on a loopback port, with its data in a folder of its own that outlives a kill. */
export class RealPrometheus {
  readonly url: string;
  readonly #options: RealPrometheusOptions;
  #process: ChildProcess | undefined;

  constructor(options: RealPrometheusOptions) {
    this.#options = options;
    this.url = `http://127.0.0.1:${options.port}`;
  }

  async start(): Promise<void> {
    const { binary, folder, port, features = [] } = this.#options;
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
      ...(features.length > 0 ? [`--enable-feature=${features.join(',')}`] : []),
    ];
    const child = spawn(binary, args, { stdio: 'ignore' });
    this.#process = child;
    await eventually(`${this.url} to be ready`, () => this.#isReady(), {
      withinMs: 20_000,
      lastSeen: () => child.exitCode,
    });
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async #isReady(): Promise<boolean> {
    return fetch(`${this.url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}

/** One on the PATH, or else that of the lab. */
export function findPrometheus(): string | undefined {
  const cache =
    process.env['SLUICE_LAB_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sluice-lab');
  const cached = existsSync(cache) ? globSync(join(cache, 'parts/prometheus-*/usr/bin/prometheus')) : [];
  return ['prometheus', ...cached].find((candidate) => spawnSync(candidate, ['--version']).status === 0);
}

/** A port on which nobody listens now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
