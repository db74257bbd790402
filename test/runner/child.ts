import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The checkout's root folder: every command runs there. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** How long an interrupted command gets to end by itself before it is killed. */
const GRACE_MS = 10_000;

/** Starts a command in the checkout with standard output and standard error as pipes. */
export type StartChild = (command: Command, env: Readonly<Record<string, string>>) => ChildProcess;

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

export interface ChildOptions {
  readonly signal: AbortSignal;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Called with every line of standard output and standard error as it comes. */
  readonly onLine: (line: string) => void;
  /** How to start it. Default: as a child of this process. */
  readonly start?: StartChild | undefined;
}

/**
 * Runs `command` in the checkout and resolves with its exit code: 128 where a signal ended it, or where it was not started
 * because the run is interrupted already.
 */
export function runChild(command: Command, options: ChildOptions): Promise<number> {
  const { signal, env = {}, onLine, start = startHere } = options;
  if (signal.aborted) return Promise.resolve(128);
  const child = start(command, { ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }), ...env });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', onLine);
  }
  const stop = () => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
  };
  signal.addEventListener('abort', stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(code ?? 128);
    });
  });
}

const startHere: StartChild = ([program, ...args], env) =>
  spawn(program, args, { cwd: projectRoot, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
