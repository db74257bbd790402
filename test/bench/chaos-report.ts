/** What can be run. */
export const CHAOS_CASES = ['kills', 'reaper', 'halt', 'breach', 'renewal', 'interleavings'] as const;
export type ChaosCase = (typeof CHAOS_CASES)[number];

/** What the part inside the lab is to do. */
export interface ChaosWish {
  readonly cases: readonly ChaosCase[];
  /** Kinds of fault for kills and reaper. */
  readonly kinds: readonly string[];
  /** Of renewal. */
  readonly minutes: number;
  /** Of interleavings. */
  readonly runs: number;
  readonly shops: number;
}

/** Requests on their way, clocks of whole seconds, and a proxy that learns late. */
export const GRACE_MS = 3_000;

/** One experiment that was ended. */
export interface Run {
  readonly case: Exclude<ChaosCase, 'interleavings'>;
  /** What ended it. */
  readonly by: string;
  readonly kind: string;
  /** The last touched answer, after that which it is measured from; negative: before it. */
  readonly lastAfterMs: number;
  readonly boundMs: number;
  /** Anything else that is not as it must be. */
  readonly problems: readonly string[];
}

export function isGood({ lastAfterMs, boundMs, problems }: Run): boolean {
  return lastAfterMs <= boundMs && problems.length === 0;
}

/** The table at the end, by case and what ended the runs. */
export function tableOf(runs: readonly Run[]): string {
  const groups = Map.groupBy(runs, (run) => `${run.case}: ${run.by}`);
  const lines = [...groups].map(([name, group]) => {
    const good = group.filter(isGood).length;
    const sorted = group.map(({ lastAfterMs }) => lastAfterMs).sort((a, b) => a - b);
    const [median, worst] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    const bound = Math.max(...group.map(({ boundMs }) => boundMs));
    const words = `last touched answer: median ${inSeconds(median)}, worst ${inSeconds(worst)} (≤ ${inSeconds(bound)})`;
    return `${good === group.length ? 'ok  ' : 'MISS'} ${name}: ${good} of ${group.length}; ${words}`;
  });
  return lines.join('\n');
}

function inSeconds(ms: number | undefined): string {
  return ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`;
}
