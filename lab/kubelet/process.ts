import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import type { ProcessPlan } from './process-plan.ts';

export interface RunningProcess {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: number | undefined }>;
  /** SIGTERM goes to the process alone, SIGKILL to all that it has started. */
  send(signal: 'SIGTERM' | 'SIGKILL'): void;
}

function sendTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already; its exit is reported by `ended`.
  }
}

/**
 * Starts a container's process with its output appended to `logFile`. The process dies with the kubelet (parent-death signal).
 * Rejects when the program cannot be executed.
 */
export function startProcess(plan: ProcessPlan, logFile: string): Promise<RunningProcess> {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  return new Promise((resolve, reject) => {
    // A process group of its own makes SIGKILL reach grandchildren too, as the end of a container does.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...plan.argv], {
      cwd: plan.cwd,
      env: plan.env,
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    child.once('error', reject);
    const ended = new Promise<{ code: number | null; signal: number | undefined }>((resolveEnd) => {
      child.once('exit', (code, signal) => {
        if (child.pid !== undefined) sendTo(-child.pid, 'SIGKILL');
        resolveEnd({ code, signal: signal === null ? undefined : constants.signals[signal] });
      });
    });
    child.once('spawn', () => {
      const pid = child.pid ?? 0;
      resolve({ pid, ended, send: (signal) => sendTo(signal === 'SIGKILL' ? -pid : pid, signal) });
    });
  });
}
