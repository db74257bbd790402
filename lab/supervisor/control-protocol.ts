import type { PartStatus } from './part-process.ts';

export type LabPhase = 'starting' | 'ready' | 'failed' | 'stopping';

/** What `GET /status` on the control socket answers. */
export interface LabStatus {
  readonly name: string;
  readonly phase: LabPhase;
  /** Why it failed. */
  readonly message: string | undefined;
  readonly startedAt: string;
  /** Milliseconds from the supervisor's start until all parts were ready. */
  readonly readyMs: number | undefined;
  readonly scrapeIntervalSeconds: number;
  /** What was left out or is odd, for people. */
  readonly notes: readonly string[];
  readonly parts: readonly PartStatus[];
  /** Milliseconds that steps other than parts took, e.g. applying definitions. */
  readonly steps: Readonly<Record<string, number>>;
}

export type PartAction = 'stop' | 'start' | 'restart';

export const PART_ACTIONS: readonly PartAction[] = ['stop', 'start', 'restart'];
