import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from './shop.ts';

/** A controller or reaper as a process of its own, as it would run in a pod. */
export interface ControllerProcess {
  readonly pid: number;
  /** Address of its /metrics, /healthz and /readyz. */
  readonly address: string;
  /** SIGKILL, as when a node dies. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface ControllerOptions {
  /** Where its log goes. */
  readonly logFile: string;
  /** Port for /metrics and the probes; one for each controller that runs at the same time. */
  readonly port: number;
  /** Default `main.ts`, the controller. */
  readonly program?: 'main.ts' | 'reaper.ts';
  /** Added to the environment; KUBECONFIG, PROMETHEUS_URL and REDIS_URL come from the lab. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** It goes on when the caller ends. Default false. */
  readonly outlivesCaller?: boolean;
}

const SRC = new URL('../../src/', import.meta.url);
// About a second of work; but two cores that are shared by many have been seen to take half a minute for it.
const READY_TIMEOUT_MS = 120_000;

/** Starts one inside the lab's namespaces and resolves when it does its work. */
export async function startController({
  logFile,
  port,
  program = 'main.ts',
  env = {},
  outlivesCaller = false,
}: ControllerOptions): Promise<ControllerProcess> {
  const address = `127.0.0.1:${port}`;
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [fileURLToPath(new URL(program, SRC))], {
    stdio: ['ignore', log, log],
    detached: outlivesCaller,
    env: { ...process.env, LISTEN: address, ...env },
  });
  closeSync(log);
  if (outlivesCaller) child.unref();
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  await eventually(`the ${program} at ${address} is ready`, READY_TIMEOUT_MS, async () => {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}; see ${logFile}`);
    const response = await fetch(`http://${address}/readyz`);
    return response.ok || undefined;
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    pid: pidOf(child),
    address,
    kill: () => end(child, gone, 'SIGKILL').then(() => undefined),
    stop: () => end(child, gone, 'SIGTERM'),
  };
}

async function end(child: ChildProcess, gone: Promise<number | null>, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  return await gone;
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the controller was not started');
  return child.pid;
}
