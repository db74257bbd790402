import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../lab-error.ts';
import { type InstalledPart, installParts } from '../parts/install.ts';
import { withLock } from '../parts/lock.ts';
import type { PartName } from '../parts/part.ts';
import type { OnProgress } from '../parts/progress.ts';
import { PARTS } from '../parts/registry.ts';
import { requireTool } from '../parts/run.ts';
import { cacheFolder, LAB_FOLDER, type LabPaths, labPaths } from '../paths.ts';
import type { SupervisorConfig } from '../supervisor/config.ts';
import type { LabStatus } from '../supervisor/control-protocol.ts';
import { controlClient } from './control-client.ts';
import { childOf, initWords, namespaceWords, startTicksOf } from './namespaces.ts';
import { findRunningLab, type LabProcesses, type RunningLab } from './running-lab.ts';
import { timingsOf } from './timings.ts';

export interface StartOptions {
  readonly name: string;
  /** Prometheus scrapes this often. Default 5. A lab that runs already keeps its own. */
  readonly scrapeIntervalSeconds?: number;
  readonly onProgress: OnProgress;
  /** Aborting ends whatever was started. */
  readonly signal?: AbortSignal;
}

export interface StartResult {
  readonly lab: RunningLab;
  readonly status: LabStatus;
  /** False when it ran already. */
  readonly started: boolean;
}

const DEFAULT_SCRAPE_INTERVAL_SECONDS = 5;
/** Every part has its own, shorter limit; this one catches a supervisor that hangs. */
const READY_WITHIN_MS = 400_000;
const POLL_MS = 50;

/** Installs what is missing and starts the lab, unless it runs; resolves when every part is ready. */
export function startLab(options: StartOptions): Promise<StartResult> {
  const paths = labPaths(options.name);
  const onWait = (holder: number | undefined) =>
    options.onProgress({
      kind: 'step',
      part: 'lab',
      step: `wait for process ${holder ?? '?'}, which starts or stops it`,
    });
  return withLock(`lab ${paths.state}`, { onWait }, async () => {
    const running = await findRunningLab(paths);
    if (!running) return startFresh(paths, options);
    const status = await waitUntilReady(running, { ...options, onProgress: () => undefined });
    return { lab: running, status, started: false };
  });
}

async function startFresh(paths: LabPaths, options: StartOptions): Promise<StartResult> {
  const startedAtMs = performance.now();
  requireTool('openssl', 'install it (apt-get install openssl)');
  const parts = await installParts(partNames(), { cache: cacheFolder(), onProgress: options.onProgress });
  options.signal?.throwIfAborted();
  await prepareState(paths, supervisorConfig(paths, parts, options));
  const launchedAtMs = performance.now();
  const lab = await launch(paths, options.signal);
  try {
    const status = await waitUntilReady(lab, options);
    const now = performance.now();
    const timings = timingsOf(parts, status, { totalMs: now - startedAtMs, launchToReadyMs: now - launchedAtMs });
    await writeFile(paths.timings, `${JSON.stringify(timings, null, 2)}\n`);
    return { lab, status, started: true };
  } catch (error) {
    await killLab(lab);
    throw error;
  }
}

function partNames(): PartName[] {
  return Object.values(PARTS).map((part) => part.name);
}

function supervisorConfig(
  paths: LabPaths,
  parts: ReadonlyMap<PartName, InstalledPart>,
  options: StartOptions,
): SupervisorConfig {
  const file = (part: PartName, name: string): string => {
    const path = parts.get(part)?.files[name];
    if (path) return path;
    throw new LabError(`the installed part ${part} has no file "${name}"`);
  };
  return {
    name: paths.name,
    state: paths.state,
    scrapeIntervalSeconds: options.scrapeIntervalSeconds ?? DEFAULT_SCRAPE_INTERVAL_SECONDS,
    files: {
      etcd: file('etcd', 'etcd'),
      kubeApiserver: file('kube-apiserver', 'kube-apiserver'),
      kubeControllerManager: file('kube-controller-manager', 'kube-controller-manager'),
      pilotDiscovery: file('istiod', 'pilot-discovery'),
      istioCrds: file('istio-crds', 'crds'),
      envoy: file('envoy', 'envoy'),
      prometheus: file('prometheus', 'prometheus'),
      redisServer: file('redis', 'redis-server'),
      kubectl: file('kubectl', 'kubectl'),
    },
    cache: cacheFolder(),
    path: [dirname(process.execPath), process.env['PATH'] ?? '', '/usr/sbin:/usr/bin:/sbin:/bin'].join(':'),
  };
}

/** A lab begins empty: what an earlier one of that name left is removed. */
async function prepareState(paths: LabPaths, config: SupervisorConfig): Promise<void> {
  await rm(paths.state, { recursive: true, force: true });
  await mkdir(paths.logs, { recursive: true });
  await writeFile(paths.config, `${JSON.stringify(config, null, 2)}\n`);
}

async function launch(paths: LabPaths, signal: AbortSignal | undefined): Promise<RunningLab> {
  const [program, ...words] = [
    ...namespaceWords(process.getuid?.() === 0),
    ...initWords([process.execPath, join(LAB_FOLDER, 'supervisor/main.ts'), paths.config]),
  ];
  const logFile = join(paths.logs, 'supervisor.log');
  const log = openSync(logFile, 'a');
  const child = spawn(program ?? 'unshare', words, {
    // A session of its own: neither Ctrl-C nor the end of the launcher reaches it.
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(cacheFolder(), 'compiled'),
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    },
  });
  closeSync(log);
  child.unref();
  const end = () => new LabError(`the lab's namespaces ended at their start:\n${readFileSync(logFile, 'utf8').trim()}`);
  const unshare = child.pid;
  if (unshare === undefined) throw end();
  for (;;) {
    const init = childOf(unshare);
    const startTicks = init === undefined ? undefined : startTicksOf(init);
    if (init !== undefined && startTicks !== undefined) {
      const processes: LabProcesses = {
        unshare: { pid: unshare, startTicks: startTicksOf(unshare) ?? '' },
        init: { pid: init, startTicks },
      };
      await writeFile(paths.processes, `${JSON.stringify(processes)}\n`);
      return { paths, processes, control: controlClient(paths.socket) };
    }
    if (child.exitCode !== null || signal?.aborted) throw end();
    await delay(POLL_MS);
  }
}

/** Follows the supervisor until it is ready; throws its own message when it failed. */
async function waitUntilReady(lab: RunningLab, options: StartOptions): Promise<LabStatus> {
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  const announced = new Set<string>();
  let seen = 'its control socket does not answer yet';
  while (performance.now() < deadlineMs) {
    options.signal?.throwIfAborted();
    const status = await statusOf(lab);
    if (status) {
      announce(status, announced, options.onProgress);
      if (status.phase === 'ready') return status;
      const waiting = status.parts.filter((part) => !part.ready).map((part) => part.name);
      seen = `waiting for ${waiting.join(', ') || 'definitions'}`;
    }
    await delay(POLL_MS);
  }
  throw new LabError(`the lab was not ready within ${READY_WITHIN_MS / 1000} s: ${seen}`);
}

/** The status of a lab that starts; undefined while its supervisor does not listen yet. */
async function statusOf(lab: RunningLab): Promise<LabStatus | undefined> {
  const status = await lab.control.status().catch(() => undefined);
  if (status && status.phase !== 'ready' && status.phase !== 'starting') {
    throw new LabError(status.message ?? `the lab is ${status.phase}`);
  }
  if (status === undefined && (await findRunningLab(lab.paths)) === undefined) {
    const log = readFileSync(join(lab.paths.logs, 'supervisor.log'), 'utf8').trim();
    throw new LabError(`the supervisor ended before the lab was ready:\n${log}`);
  }
  return status;
}

function announce(status: LabStatus, announced: Set<string>, onProgress: OnProgress): void {
  for (const part of status.parts) {
    if (announced.has(part.name) || part.state === 'stopped') continue;
    if (part.ready) {
      announced.add(part.name);
      onProgress({ kind: 'done', part: part.name, result: 'ready', elapsedMs: part.startMs ?? 0 });
    } else onProgress({ kind: 'step', part: part.name, step: 'start' });
  }
}

/** Ends a lab at once, without a farewell to its parts, and resolves when its first process is gone. */
export async function killLab(lab: RunningLab): Promise<void> {
  const { init } = lab.processes;
  while (startTicksOf(init.pid) === init.startTicks) {
    try {
      process.kill(init.pid, 'SIGKILL');
    } catch {
      return;
    }
    await delay(POLL_MS);
  }
}
