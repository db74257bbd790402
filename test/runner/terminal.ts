import { formatElapsed } from './report.ts';
import type { Counts } from './tally.ts';

/** Where progress goes while a tier runs. */
export interface Terminal {
  /** A line that stays. */
  line(text: string): void;
  /** What is going on now; replaces the last one on a terminal. */
  activity(text: string): void;
  /** Ends the view of this tier. */
  close(): void;
}

/** Elsewhere than on a terminal, silence this long is broken by a line that says what is going on. */
const HEARTBEAT_MS = 15_000;

/** A faster change of activity than the eye can follow is not drawn. */
const REDRAW_MS = 100;

/** Shows one tier: its name, elapsed time, counts and current activity, kept up to date until it is closed. */
export function openTerminal(tier: string, counts: Counts, output: NodeJS.WriteStream = process.stdout): Terminal {
  const startedAt = Date.now();
  let activity = 'starting';
  let lastWriteAt = startedAt;
  const status = () => {
    const failed = counts.failures.length > 0 ? `  ${counts.failures.length} failed` : '';
    const skipped = counts.skips.length > 0 ? `  ${counts.skips.length} skipped` : '';
    return `${tier}  ${formatElapsed(Date.now() - startedAt)}  ${counts.passed} passed${failed}${skipped}  ${activity}`;
  };
  const write = (text: string) => {
    output.write(text);
    lastWriteAt = Date.now();
  };
  const drawStatus = () => write(`\r\u001b[K${status().slice(0, (output.columns ?? 80) - 1)}`);
  const timer = setInterval(() => {
    if (output.isTTY) drawStatus();
    else if (Date.now() - lastWriteAt >= HEARTBEAT_MS) write(`${status()}\n`);
  }, 1000);
  return {
    line(text) {
      write(output.isTTY ? `\r\u001b[K${text}\n` : `${text}\n`);
      if (output.isTTY) drawStatus();
    },
    activity(text) {
      activity = text;
      if (output.isTTY && Date.now() - lastWriteAt >= REDRAW_MS) drawStatus();
    },
    close() {
      clearInterval(timer);
      activity = 'done';
      write(output.isTTY ? `\r\u001b[K${status()}\n` : `${status()}\n`);
    },
  };
}
