import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { LabError } from '../lab-error.ts';

/** Lines of output that an error message shows. */
const TAIL_LINES = 15;

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Called for each line of standard error. */
  readonly onErrorLine?: (line: string) => void;
  readonly input?: string;
}

/**
 * Runs a command to its end and returns its standard output.
 * @throws LabError with the command and its last lines when it cannot start or ends with another code than 0.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const shown = `${command} ${args.join(' ')}`;
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // A command must not go on when the lab's own process was interrupted.
    const endWithUs = () => child.kill('SIGTERM');
    process.once('exit', endWithUs);
    const output: Buffer[] = [];
    const tail: string[] = [];
    child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
    eachLine(child.stderr, (line) => {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      options.onErrorLine?.(line);
    });
    child.on('error', (cause) => {
      process.off('exit', endWithUs);
      reject(new LabError(`cannot run ${shown}: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      process.off('exit', endWithUs);
      const text = Buffer.concat(output).toString();
      if (code === 0) return resolve(text);
      const last = tail.length > 0 ? tail : text.trimEnd().split('\n').slice(-TAIL_LINES);
      reject(new LabError(`${shown} ended with ${signal ?? `code ${code}`}:\n${last.join('\n')}`));
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** Calls `onLine` for each complete line of a stream, and for the rest at its end. */
export function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (bytes: Buffer | string) => {
    const lines = (rest + bytes.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest) onLine(rest);
  });
}

/** The first executable called `name` on the PATH, or undefined. */
export function findTool(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/go/bin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a tool that the machine must have; the error names it and `cure`. */
export function requireTool(name: string, cure: string, env: NodeJS.ProcessEnv = process.env): string {
  const found = findTool(name, env);
  if (found) return found;
  throw new LabError(`"${name}" is missing on this machine: ${cure}`, { missing: true });
}
