/** What an installation or a start tells about itself while it runs. */
export type Progress =
  | { readonly kind: 'step'; readonly part: string; readonly step: string; readonly detail?: string }
  | { readonly kind: 'done'; readonly part: string; readonly result: string; readonly elapsedMs: number }
  | { readonly kind: 'note'; readonly text: string };

export type OnProgress = (progress: Progress) => void;

/** Where progress is drawn: a terminal gets one live line, anything else plain lines. */
export interface ProgressTarget {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly nowMs: () => number;
}

/** Without a terminal a part that is still in the same step is mentioned again after this time. */
const HEARTBEAT_MS = 15_000;

interface Running {
  readonly startedAtMs: number;
  readonly step: string;
  readonly detail: string | undefined;
  readonly printedAtMs: number;
}

export interface ProgressView {
  readonly report: OnProgress;
  /** Redraws elapsed times; call it about once a second. */
  readonly tick: () => void;
  /** Removes the live line. */
  readonly end: () => void;
}

/** Draws progress of several parts at once. */
export function createProgressView(target: ProgressTarget): ProgressView {
  const running = new Map<string, Running>();

  const clear = () => target.isTerminal && target.write('\r\x1b[2K');
  const draw = () => {
    if (!target.isTerminal || running.size === 0) return;
    target.write(`\r\x1b[2K${liveLine(running, target.nowMs(), target.columns)}`);
  };
  const line = (text: string) => {
    clear();
    target.write(`${text}\n`);
    draw();
  };

  const step = (part: string, stepName: string, detail: string | undefined) => {
    const now = target.nowMs();
    const before = running.get(part);
    const startedAtMs = before?.startedAtMs ?? now;
    const changed = before?.step !== stepName;
    const due = changed || now - before.printedAtMs >= HEARTBEAT_MS;
    running.set(part, { startedAtMs, step: stepName, detail, printedAtMs: due ? now : before.printedAtMs });
    if (target.isTerminal) draw();
    else if (due) line(`${part}: ${stepName}${detail ? ` ${detail}` : ''} (${formatElapsed(now - startedAtMs)})`);
  };

  return {
    report: (progress) => {
      if (progress.kind === 'note') return line(progress.text);
      if (progress.kind === 'step') return step(progress.part, progress.step, progress.detail);
      running.delete(progress.part);
      line(`${progress.part}: ${progress.result} (${formatElapsed(progress.elapsedMs)})`);
    },
    tick: () => {
      draw();
      if (!target.isTerminal) for (const [part, one] of running) step(part, one.step, one.detail);
    },
    end: clear,
  };
}

/** The live line, cut to the terminal's width: `etcd compile 12/300 0:03 · envoy download 0:01`. */
function liveLine(running: ReadonlyMap<string, Running>, nowMs: number, columns: number): string {
  const pieces = [...running].map(([part, one]) =>
    [part, one.step, one.detail, formatElapsed(nowMs - one.startedAtMs)].filter(Boolean).join(' '),
  );
  const text = pieces.join(' · ');
  return text.length < columns ? text : `${text.slice(0, Math.max(0, columns - 2))}…`;
}

/** `420 ms`, `3.2 s`, `2:05 min`. */
export function formatElapsed(elapsedMs: number): string {
  if (elapsedMs < 1000) return `${Math.round(elapsedMs)} ms`;
  if (elapsedMs < 60_000) return `${(elapsedMs / 1000).toFixed(1)} s`;
  const seconds = Math.round(elapsedMs / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} min`;
}

/** Progress on a stream of this process (default: standard error), redrawn every second until `end`. */
export function streamProgress(stream: NodeJS.WriteStream = process.stderr): ProgressView {
  const view = createProgressView({
    write: (text) => stream.write(text),
    isTerminal: stream.isTTY === true,
    // A pseudo-terminal without a size says 0.
    columns: stream.columns || 80,
    nowMs: () => performance.now(),
  });
  const timer = setInterval(view.tick, 1000);
  timer.unref();
  return {
    ...view,
    end: () => {
      clearInterval(timer);
      view.end();
    },
  };
}
