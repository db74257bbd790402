import type { Counts } from './tally.ts';
import type { Terminal } from './terminal.ts';

export interface TierContext {
  readonly counts: Counts;
  readonly terminal: Terminal;
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal;
  /** Only tests whose file path, or checks whose name, contains this. */
  readonly filter: string | undefined;
}

/** One stage of `npm test`; a later one needs more of the machine and takes longer. */
export interface Tier {
  readonly name: string;
  readonly purpose: string;
  run(context: TierContext): Promise<void>;
}
