import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';

/** A real Prometheus that scrapes one synthetic exporter. */
export interface FleetSource {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts both on loopback ports, with their data in a folder of its own; resolves once the exporter was scraped. */
export async function startFleetSource(releases: number, scrapeMs: number): Promise<FleetSource> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-fleet-'));
  const children: ChildProcess[] = [];
  const stop = async () => {
    await Promise.all(children.map(end));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const exporter = startChild(process.execPath, [
      join(import.meta.dirname, 'fleet-exporter.child.ts'),
      String(releases),
    ]);
    children.push(exporter);
    const [line] = (await once(exporter.stdout ?? exporter, 'data')) as [Buffer];
    const port = await freePort();
    const target = `127.0.0.1:${String(line).trim()}`;
    writeFileSync(join(folder, 'prometheus.yml'), configuration(target, scrapeMs));
    children.push(
      startChild(findPrometheus(), [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ]),
    );
    const url = `http://127.0.0.1:${port}`;
    await eventually('the exporter to be scraped', () => isScraped(url), { withinMs: 60_000 });
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startChild(program: string, args: readonly string[]): ChildProcess {
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** JSON is YAML. */
function configuration(target: string, scrapeMs: number): string {
  return JSON.stringify({
    global: { scrape_interval: `${scrapeMs}ms`, scrape_timeout: `${scrapeMs}ms` },
    scrape_configs: [{ job_name: 'mesh', static_configs: [{ targets: [target], labels: { pod: 'web-1' } }] }],
  });
}

async function isScraped(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/v1/query?query=up==1`).catch(() => undefined);
  if (answer?.ok !== true) return false;
  const { data } = (await answer.json()) as { data: { result: unknown[] } };
  return data.result.length > 0;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function findPrometheus(): string {
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const cache = process.env['SLUICE_LAB_CACHE'] ?? join(caches, 'sluice-lab');
  const cached = existsSync(cache) ? globSync(join(cache, 'parts/prometheus-*/usr/bin/prometheus')) : [];
  const found = ['prometheus', ...cached].find((candidate) => spawnSync(candidate, ['--version']).status === 0);
  if (found === undefined) {
    throw new Error('no prometheus on the PATH or in the cache of the lab: `npm run lab -- up` installs it');
  }
  return found;
}
