import { readFileSync } from 'node:fs';

/** One reconcile as a controller logged it at level debug. */
export interface LoggedReconcile {
  readonly log: string;
  readonly key: string;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Line {
  readonly time: string;
  readonly msg: string;
  readonly rollout?: string;
  readonly reconcileId?: string;
}

/** Reads the reconciles from a log; one without an end was cut off by a kill, at `killedAtMs` at the latest. */
export function readReconciles(log: string, killedAtMs = Number.POSITIVE_INFINITY): readonly LoggedReconcile[] {
  const open = new Map<string, LoggedReconcile>();
  const closed: LoggedReconcile[] = [];
  for (const text of readFileSync(log, 'utf8').split('\n')) {
    const line = lineOf(text);
    if (line?.reconcileId === undefined || line.rollout === undefined) continue;
    const atMs = Date.parse(line.time);
    const begun = open.get(line.reconcileId);
    if (line.msg === 'reconcile started') {
      open.set(line.reconcileId, { log, key: line.rollout, fromMs: atMs, toMs: killedAtMs });
    } else if (line.msg === 'reconcile ended' && begun !== undefined) {
      open.delete(line.reconcileId);
      closed.push({ ...begun, toMs: atMs });
    }
  }
  return [...closed, ...open.values()];
}

/** Pairs of reconciles of one key that ran at the same time, in words. Times are of one clock, in whole milliseconds. */
export function overlapsOf(reconciles: readonly LoggedReconcile[]): readonly string[] {
  const byKey = Map.groupBy(reconciles, ({ key }) => key);
  return [...byKey].flatMap(([key, own]) => {
    const sorted = own.toSorted((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
    return sorted.flatMap((later, index) => {
      const earlier = sorted[index - 1];
      return earlier === undefined || earlier.toMs <= later.fromMs
        ? []
        : [`${key}: ${earlier.log} ${earlier.fromMs}..${earlier.toMs} and ${later.log} ${later.fromMs}..${later.toMs}`];
    });
  });
}

/** The last line of a killed process may be half a line. */
function lineOf(text: string): Line | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}
