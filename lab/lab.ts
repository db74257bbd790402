import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { LabError, messageOf } from './lab-error.ts';
import { namespaceWords, spawnInside } from './launch/namespaces.ts';
import { findRunningLab, type RunningLab } from './launch/running-lab.ts';
import { startLab } from './launch/start-lab.ts';
import { stopLab } from './launch/stop-lab.ts';
import { requireToolsFor } from './parts/install.ts';
import { partFolderName } from './parts/part.ts';
import type { OnProgress } from './parts/progress.ts';
import { PARTS } from './parts/registry.ts';
import { requireTool, run } from './parts/run.ts';
import { ADDRESSES, cacheFolder, type LabPaths, labPaths } from './paths.ts';
import type { LabStatus } from './supervisor/control-protocol.ts';
import type { PartStatus } from './supervisor/part-process.ts';

export type { LabStatus } from './supervisor/control-protocol.ts';
export type { PartStatus } from './supervisor/part-process.ts';

export interface ExecOptions extends Pick<SpawnOptions, 'stdio' | 'cwd'> {
  /** Added to the environment of the caller and the lab's own variables. */
  readonly env?: NodeJS.ProcessEnv;
  /** The command goes on when this process ends; otherwise it is killed then. Default false. */
  readonly outlivesCaller?: boolean;
}

/** A running lab as the demo and the tests use it. */
export interface Lab {
  readonly name: string;
  /** True when this call started it, false when it ran already. */
  readonly started: boolean;
  readonly kubeconfigPath: string;
  /** The folder with logs, certificates and data. */
  readonly statePath: string;
  /**
   * Starts a command inside the lab's namespaces, with KUBECONFIG, LAB_STATE_DIR, PROMETHEUS_URL, REDIS_URL and PATH set.
   * `kill` of the returned process reaches the command; its exit code is the command's.
   */
  readonly exec: (command: string, args: readonly string[], options?: ExecOptions) => ChildProcess;
  /** Stops a part, e.g. `prometheus`; its data stays. Resolves when its process is gone. */
  readonly stopPart: (name: string) => Promise<PartStatus>;
  /** Starts a stopped part. Resolves when it is ready. */
  readonly startPart: (name: string) => Promise<PartStatus>;
  readonly restartPart: (name: string) => Promise<PartStatus>;
  readonly status: () => Promise<LabStatus>;
  /** Stops the lab if this call started it; a lab that ran before is left as it is. */
  readonly close: () => Promise<void>;
}

export interface OpenLabOptions {
  /** Default `default`. Labs of different names run side by side. */
  readonly name?: string;
  /** Default 5. */
  readonly scrapeIntervalSeconds?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Gives the lab of that name, starting it (and installing its parts) when it does not run. */
export async function openLab(options: OpenLabOptions = {}): Promise<Lab> {
  const { name = 'default', onProgress = () => undefined, ...rest } = options;
  const result = await startLab({ name, onProgress, ...rest });
  const asked = options.scrapeIntervalSeconds;
  if (asked !== undefined && asked !== result.status.scrapeIntervalSeconds) {
    throw new LabError(
      `lab "${name}" runs already and scrapes every ${result.status.scrapeIntervalSeconds} s, not every ${asked} s: ` +
        'stop it first, or use another name',
    );
  }
  return labOf(result.lab, result.started);
}

/** The lab of that name if it runs. */
export async function findLab(name: string): Promise<Lab | undefined> {
  const running = await findRunningLab(labPaths(name));
  return running && labOf(running, false);
}

function labOf(running: RunningLab, started: boolean): Lab {
  const { paths, control } = running;
  return {
    name: paths.name,
    started,
    kubeconfigPath: paths.kubeconfig,
    statePath: paths.state,
    exec: (command, args, options = {}) => {
      const { env, ...rest } = options;
      return spawnInside(running.processes.init, [command, ...args], {
        ...rest,
        env: { ...process.env, ...labEnvironment(paths), ...env },
      });
    },
    stopPart: (name) => control.part(name, 'stop'),
    startPart: (name) => control.part(name, 'start'),
    restartPart: (name) => control.part(name, 'restart'),
    status: control.status,
    close: async () => {
      if (started) await stopLab(paths.name);
    },
  };
}

/** What commands inside the lab find in their environment. */
export function labEnvironment(paths: LabPaths): Record<string, string> {
  const parts = join(cacheFolder(), 'parts');
  const programs = [PARTS.kubectl, PARTS.redis, PARTS.prometheus, PARTS.envoy].flatMap((part) =>
    [...new Set(Object.values(part.files).map(dirname))].map((folder) => join(parts, partFolderName(part), folder)),
  );
  return {
    KUBECONFIG: paths.kubeconfig,
    LAB_STATE_DIR: paths.state,
    PROMETHEUS_URL: ADDRESSES.prometheus,
    REDIS_URL: ADDRESSES.redis,
    PATH: [dirname(process.execPath), ...programs, process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter),
  };
}

export type LabAvailability = { readonly available: true } | { readonly available: false; readonly reason: string };

const TOOLS = [
  ['unshare', 'apt-get install util-linux'],
  ['nsenter', 'apt-get install util-linux'],
  ['setpriv', 'apt-get install util-linux'],
  ['ip', 'apt-get install iproute2'],
  ['openssl', 'apt-get install openssl'],
] as const;

/** Whether a lab can run here: namespaces can be made, and tools are there for the parts that are not yet. */
export async function labAvailability(): Promise<LabAvailability> {
  try {
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      throw new LabError(`the lab needs Linux on x64, this is ${process.platform} on ${process.arch}`);
    }
    for (const [tool, cure] of TOOLS) requireTool(tool, cure);
    await requireToolsFor(
      Object.values(PARTS).map((part) => part.name),
      cacheFolder(),
    );
    await tryNamespaces();
    return { available: true };
  } catch (error) {
    return { available: false, reason: messageOf(error) };
  }
}

async function tryNamespaces(): Promise<void> {
  const [program = 'unshare', ...words] = namespaceWords(process.getuid?.() === 0);
  await run(program, [...words, 'true']).catch((cause: unknown) => {
    throw new LabError(
      `network and process namespaces cannot be made here (${messageOf(cause)}): run as root, or allow unprivileged user namespaces`,
      { cause },
    );
  });
}
