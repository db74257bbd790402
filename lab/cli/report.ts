import { styleText } from 'node:util';
import { LabError, messageOf } from '../lab-error.ts';

/** Exit codes of the `lab` command; `exec` and `kubectl` pass on their command's own. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notRunning: 3, interrupted: 130 } as const;

/** Writes why a command failed to standard error and gives its exit code. */
export function reportFailure(error: unknown): number {
  const known = error instanceof LabError;
  const text = known || !(error instanceof Error) ? messageOf(error) : (error.stack ?? error.message);
  process.stderr.write(`${paint('red', 'lab:', process.stderr)} ${text}\n`);
  return EXIT.failed;
}

/** Colours `text` when the stream is a terminal (and NO_COLOR is not set). */
export function paint(
  style: 'red' | 'green' | 'yellow' | 'bold' | 'dim',
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return styleText(style, text, { stream, validateStream: true });
}
