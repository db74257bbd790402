import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The checkout's root folder: every command runs there. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** How long an interrupted command gets to end by itself before it is killed. */
const GRACE_MS = 10_000;

export interface ChildOptions {
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with every line of standard output and standard error as it comes. */
  readonly onLine: (line: string) => void;
}

/**
 * Runs `command` in the checkout and resolves with its exit code: 128 where a signal ended it, or where it was not started
 * because the run is interrupted already.
 */
export function runChild(command: readonly [string, ...string[]], options: ChildOptions): Promise<number> {
  if (options.signal.aborted) return Promise.resolve(128);
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: projectRoot,
    env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', options.onLine);
  const stop = () => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
  };
  options.signal.addEventListener('abort', stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      options.signal.removeEventListener('abort', stop);
      resolve(code ?? 128);
    });
  });
}
