import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../lab-error.ts';
import type { Probe } from './probes.ts';

/** How a part runs and how to see that it is ready. */
export interface PartCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly probe: Probe;
  readonly logFile: string;
  /** Time between SIGTERM and SIGKILL when it is stopped. */
  readonly graceMs: number;
  /** Longest time from start to ready. */
  readonly readyWithinMs: number;
}

export type PartState = 'stopped' | 'starting' | 'ready' | 'unready' | 'stopping' | 'restarting';

/** A part's condition as the control socket tells it. Process ids are those inside the lab. */
export interface PartStatus {
  readonly name: string;
  readonly state: PartState;
  readonly ready: boolean;
  readonly pid: number | undefined;
  /** When the state was entered, ISO 8601. */
  readonly since: string;
  /** Starts after the first, both asked for and after a crash. */
  readonly restarts: number;
  /** Milliseconds from the last start to ready. */
  readonly startMs: number | undefined;
  /** How the last run ended, or what the last probe saw while it is not ready. */
  readonly message: string | undefined;
}

const PROBE_EVERY_STARTING_MS = 50;
const PROBE_EVERY_READY_MS = 1_000;
const RESTART_FIRST_MS = 500;
const RESTART_MAX_MS = 10_000;
const LOG_TAIL_LINES = 12;
const LOG_TAIL_BYTES = 16_384;

/** Keeps one part running: starts, probes, restarts after a crash, stops. */
export class PartProcess {
  readonly #part: PartCommand;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #state: PartState = 'stopped';
  #since = new Date();
  #starts = 0;
  #crashesInARow = 0;
  #startMs: number | undefined;
  #message: string | undefined;
  /** Becomes aborted when what runs now is to end: probes and a pending restart then stop. */
  #run = new AbortController();

  constructor(part: PartCommand) {
    this.#part = part;
  }

  get name(): string {
    return this.#part.name;
  }

  status(): PartStatus {
    return {
      name: this.#part.name,
      state: this.#state,
      ready: this.#state === 'ready',
      pid: this.#child?.pid,
      since: this.#since.toISOString(),
      restarts: Math.max(0, this.#starts - 1),
      startMs: this.#startMs,
      message: this.#message,
    };
  }

  /** Starts the part and resolves when it is ready; rejects with its last log lines when it ends or takes too long. */
  async start(): Promise<void> {
    if (this.#state === 'ready' || this.#state === 'unready') return;
    if (this.#state !== 'stopped') throw new LabError(`${this.name} is ${this.#state}: wait until that is over`);
    this.#crashesInARow = 0;
    this.#run = new AbortController();
    try {
      await this.#launch(this.#run.signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops the part and resolves when its process is gone; its data stays. */
  async stop(): Promise<void> {
    this.#run.abort();
    const child = this.#child;
    if (child) {
      this.#enter('stopping');
      child.kill('SIGTERM');
      const grace = new AbortController();
      const killed = delay(this.#part.graceMs, undefined, { signal: grace.signal }).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      );
      await this.#exited;
      grace.abort();
      await killed;
    }
    this.#enter('stopped');
  }

  async #launch(signal: AbortSignal): Promise<void> {
    const startedAtMs = performance.now();
    this.#starts += 1;
    this.#spawn(signal);
    this.#enter('starting');
    const child = this.#child;
    for (;;) {
      const result = await this.#part.probe();
      if (signal.aborted) throw new LabError(`${this.name} was stopped before it was ready`);
      if (this.#child !== child || child === undefined) throw new LabError(this.#deathNotice());
      if (result.ready) break;
      this.#message = result.seen;
      if (performance.now() - startedAtMs > this.#part.readyWithinMs) throw new LabError(this.#lateNotice(result.seen));
      await delay(PROBE_EVERY_STARTING_MS);
    }
    this.#startMs = Math.round(performance.now() - startedAtMs);
    this.#message = undefined;
    this.#enter('ready');
    void this.#watch(signal, child);
  }

  #spawn(signal: AbortSignal): void {
    const log = openSync(this.#part.logFile, 'a');
    writeSync(log, `--- ${new Date().toISOString()} start ${this.#starts} of ${this.name}\n`);
    const child = spawn(this.#part.command, this.#part.args, {
      cwd: this.#part.cwd,
      env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', ...this.#part.env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const onEnd = (message: string) => {
        if (this.#child === child) this.#child = undefined;
        this.#message = message;
        resolve();
        if (!signal.aborted && this.#state !== 'starting') void this.#restart(signal);
      };
      child.once('error', (error) => onEnd(`cannot start: ${error.message}`));
      child.once('exit', (code, killedBy) => onEnd(`ended with ${killedBy ?? `code ${code}`}`));
    });
  }

  /** Keeps `ready` true to life after the start. */
  async #watch(signal: AbortSignal, child: ChildProcess): Promise<void> {
    for (;;) {
      await delay(PROBE_EVERY_READY_MS);
      if (signal.aborted || this.#child !== child) return;
      const result = await this.#part.probe();
      if (signal.aborted || this.#child !== child) return;
      const state = result.ready ? 'ready' : 'unready';
      this.#message = result.ready ? undefined : result.seen;
      if (state !== this.#state) this.#enter(state);
    }
  }

  async #restart(signal: AbortSignal): Promise<void> {
    this.#enter('restarting');
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** this.#crashesInARow);
    this.#crashesInARow += 1;
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await this.#launch(signal);
      this.#crashesInARow = 0;
    } catch (error) {
      if (signal.aborted) return;
      this.#message = error instanceof Error ? error.message : String(error);
      this.#child?.kill('SIGKILL');
      await this.#exited;
      void this.#restart(signal);
    }
  }

  #enter(state: PartState): void {
    this.#state = state;
    this.#since = new Date();
  }

  #deathNotice(): string {
    return `${this.name} ${this.#message ?? 'ended'} before it was ready; last lines of ${this.#part.logFile}:\n${this.#logTail()}`;
  }

  #lateNotice(seen: string): string {
    const seconds = this.#part.readyWithinMs / 1000;
    return `${this.name} was not ready within ${seconds} s (${seen}); last lines of ${this.#part.logFile}:\n${this.#logTail()}`;
  }

  #logTail(): string {
    const bytes = readFileSync(this.#part.logFile);
    const lines = bytes.subarray(-LOG_TAIL_BYTES).toString().trimEnd().split('\n');
    return lines.slice(-LOG_TAIL_LINES).join('\n');
  }
}
