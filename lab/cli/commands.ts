import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { findLab, type Lab } from '../lab.ts';
import { LabError } from '../lab-error.ts';
import { startLab } from '../launch/start-lab.ts';
import { stopLab } from '../launch/stop-lab.ts';
import { describeTimings, type LabTimings } from '../launch/timings.ts';
import { installParts } from '../parts/install.ts';
import { streamProgress } from '../parts/progress.ts';
import { PARTS, partNamed } from '../parts/registry.ts';
import { ADDRESSES, cacheFolder, labPaths } from '../paths.ts';
import type { LabStatus, PartAction } from '../supervisor/control-protocol.ts';
import { EXIT, paint } from './report.ts';

/** `lab up`: starts the lab and says what is where. */
export async function upCommand(name: string, options: { readonly scrapeInterval?: number }): Promise<number> {
  const progress = streamProgress();
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new LabError('interrupted; what was started is stopped again'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, onSignal);
  // An installation need not end before the command does: its processes end with this one (see run.ts).
  interrupt.signal.addEventListener('abort', () => setTimeout(() => process.exit(EXIT.interrupted), 1_000).unref());
  try {
    const result = await startLab({
      name,
      onProgress: progress.report,
      signal: interrupt.signal,
      ...(options.scrapeInterval === undefined ? {} : { scrapeIntervalSeconds: options.scrapeInterval }),
    });
    progress.end();
    if (result.started) {
      const timings = JSON.parse(await readFile(labPaths(name).timings, 'utf8')) as LabTimings;
      process.stdout.write(`${describeTimings(timings).join('\n')}\n`);
    } else process.stdout.write(`lab "${name}" runs already\n`);
    process.stdout.write(`${whatIsWhere(name, result.status)}\n`);
    return EXIT.ok;
  } catch (error) {
    progress.end();
    if (!interrupt.signal.aborted) throw error;
    process.stderr.write(`lab: ${(interrupt.signal.reason as Error).message}\n`);
    return EXIT.interrupted;
  }
}

function whatIsWhere(name: string, status: LabStatus): string {
  const paths = labPaths(name);
  const option = name === 'default' ? '' : `--name ${name} `;
  return [
    ...status.notes.map((note) => paint('yellow', `note: ${note}`)),
    `Inside the lab (npm run lab -- ${option}exec -- COMMAND):`,
    `  Kubernetes API   ${ADDRESSES.apiServer}`,
    `  Prometheus       ${ADDRESSES.prometheus} (scrapes every ${status.scrapeIntervalSeconds} s)`,
    `  Redis            ${ADDRESSES.redis}`,
    `  istiod           xDS ${ADDRESSES.istiodXds}, debug ${ADDRESSES.istiodDebug}/debug`,
    'Outside:',
    `  kubeconfig       ${paths.kubeconfig}`,
    `  logs             ${paths.logs}`,
    `Look around: npm run lab -- ${option}kubectl get pods -A`,
    `Stop it:     npm run lab -- ${option}down`,
  ].join('\n');
}

/** `lab down`: stops the lab; fine when none runs. */
export async function downCommand(name: string): Promise<number> {
  const stopped = await stopLab(name);
  process.stdout.write(stopped ? `lab "${name}" is stopped\n` : `lab "${name}" does not run\n`);
  return EXIT.ok;
}

/** `lab status`: the parts of a running lab. */
export async function statusCommand(name: string, options: { readonly json?: boolean }): Promise<number> {
  const lab = await findLab(name);
  const status = await lab?.status();
  if (options.json) process.stdout.write(`${JSON.stringify(status ?? { name, phase: 'stopped' }, null, 2)}\n`);
  else process.stdout.write(`${status ? describeStatus(status) : `lab "${name}" does not run`}\n`);
  return status ? EXIT.ok : EXIT.notRunning;
}

/** A lab's status as a table. */
export function describeStatus(status: LabStatus, nowMs: number = Date.now()): string {
  const rows = status.parts.map((part) => {
    const seconds = Math.max(0, Math.round((nowMs - Date.parse(part.since)) / 1000));
    const state = part.state.padEnd(11);
    const cells = [
      part.name.padEnd(24),
      paint(part.ready ? 'green' : 'yellow', state),
      `for ${seconds} s`.padEnd(12),
      `restarts ${part.restarts}`.padEnd(12),
      part.pid === undefined ? '' : `pid ${part.pid}`.padEnd(9),
      part.message ?? '',
    ];
    return cells.join(' ').trimEnd();
  });
  const head = `lab "${status.name}" is ${status.phase}${status.message ? `: ${status.message}` : ''}`;
  return [head, ...rows, ...status.notes.map((note) => `note: ${note}`)].join('\n');
}

/** `lab exec` and `lab kubectl`: a command inside the lab, with its exit code. */
export async function execCommand(name: string, words: readonly string[]): Promise<number> {
  const [command, ...args] = words;
  if (!command) {
    process.stderr.write('lab: exec needs a command, e.g. exec -- curl -s 127.0.0.1:9090/-/ready\n');
    return EXIT.usage;
  }
  const lab = await findLab(name);
  if (!lab) return notRunning(name);
  return follow(lab, command, args);
}

function follow(lab: Lab, command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = lab.exec(command, args, { stdio: 'inherit' });
    // A terminal sends Ctrl-C to the command itself; here it must only not end us first.
    process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const) {
      process.on(signal, () => child.kill(signal));
    }
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** `lab logs`: the end of a part's log, and its further lines when followed. */
export async function logsCommand(
  name: string,
  part: string,
  options: { readonly follow?: boolean; readonly lines: number },
): Promise<number> {
  const { logs } = labPaths(name);
  const file = join(logs, `${part}.log`);
  if (!existsSync(file)) {
    const names = (await readdir(logs).catch(() => [])).map((one) => one.replace(/\.log$/, ''));
    if (names.length === 0) return notRunning(name);
    throw new LabError(`there is no log of "${part}"; there are logs of ${names.join(', ')}`);
  }
  const args = ['-n', String(options.lines), ...(options.follow ? ['-F'] : []), file];
  return new Promise((resolve, reject) => {
    const child = spawn('tail', args, { stdio: 'inherit' });
    process.on('SIGINT', () => child.kill('SIGINT'));
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === 'SIGINT' ? EXIT.ok : (code ?? EXIT.failed)));
  });
}

/** `lab part ACTION PART`. */
export async function partCommand(name: string, action: PartAction, part: string): Promise<number> {
  const lab = await findLab(name);
  if (!lab) return notRunning(name);
  const act = { stop: lab.stopPart, start: lab.startPart, restart: lab.restartPart }[action];
  const status = await act(part);
  process.stdout.write(`${status.name} is ${status.state}\n`);
  return EXIT.ok;
}

/** `lab build`: installs parts without starting anything. */
export async function buildCommand(names: readonly string[]): Promise<number> {
  const parts = (names.length > 0 ? names : Object.keys(PARTS)).map((one) => partNamed(one).name);
  const progress = streamProgress();
  // What runs ends with this process (see run.ts); what is complete stays in the cache.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(EXIT.interrupted));
  }
  try {
    const installed = await installParts(parts, { cache: cacheFolder(), onProgress: progress.report });
    progress.end();
    for (const part of installed.values()) process.stdout.write(`${part.name} ${part.version} ${part.folder}\n`);
    return EXIT.ok;
  } finally {
    progress.end();
  }
}

function notRunning(name: string): number {
  const option = name === 'default' ? '' : ` --name ${name}`;
  process.stderr.write(`lab: lab "${name}" does not run; start it with: npm run lab -- up${option}\n`);
  return EXIT.notRunning;
}
