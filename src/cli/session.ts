import type { Kube } from '../kube/port.ts';
import type { Clock } from '../lib/clock.ts';
import type { Paint } from './view/paint.ts';

/** Where output goes. */
export interface Screen {
  /** Writes text as it is. */
  write(text: string): void;
  /** True when text can be drawn over. */
  readonly isTerminal: boolean;
  /** Size of the terminal at this moment. */
  size(): { readonly columns: number; readonly rows: number };
}

/** What every command works with. */
export interface Session {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly namespace: string;
  /** The namespace was named on the command line. */
  readonly isNamespaceGiven?: boolean;
  readonly isJson: boolean;
  /** Results. */
  readonly out: Screen;
  /** Remarks: never part of the result. */
  note(line: string): void;
  readonly paint: Paint;
  /** Aborted by SIGINT or SIGTERM; its reason is the signal's name. */
  readonly signal: AbortSignal;
}
