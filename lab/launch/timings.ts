import type { InstalledPart } from '../parts/install.ts';
import type { PartName } from '../parts/part.ts';
import { formatElapsed } from '../parts/progress.ts';
import type { LabStatus } from '../supervisor/control-protocol.ts';

/** What a start took, also in `timings.json`; milliseconds. */
export interface LabTimings {
  readonly installMs: Readonly<Record<string, { readonly ms: number; readonly cached: boolean }>>;
  readonly startToReadyMs: Readonly<Record<string, number>>;
  readonly stepsMs: Readonly<Record<string, number>>;
  /** From the call to ready, with installation. */
  readonly totalMs: number;
  /** From the launch of the supervisor to ready. */
  readonly launchToReadyMs: number;
}

/** The timings of a lab that became ready just now. */
export function timingsOf(
  parts: ReadonlyMap<PartName, InstalledPart>,
  status: LabStatus,
  overall: { readonly totalMs: number; readonly launchToReadyMs: number },
): LabTimings {
  return {
    installMs: Object.fromEntries(
      [...parts].map(([name, part]) => [name, { ms: part.installMs, cached: part.cached }]),
    ),
    startToReadyMs: Object.fromEntries(status.parts.map((part) => [part.name, part.startMs ?? Number.NaN])),
    stepsMs: status.steps,
    totalMs: Math.round(overall.totalMs),
    launchToReadyMs: Math.round(overall.launchToReadyMs),
  };
}

/** The times of a start as lines for people. */
export function describeTimings(timings: LabTimings): string[] {
  const cold = Object.entries(timings.installMs).filter(([, one]) => !one.cached);
  const lines = cold.map(([name, one]) => `  ${name}: installed in ${formatElapsed(one.ms)}`);
  const times = { ...timings.stepsMs, ...timings.startToReadyMs };
  const ready = Object.entries(times).map(([name, ms]) => `${name} ${formatElapsed(ms)}`);
  return [...lines, `  to ready: ${ready.join(', ')}`, `  lab ready in ${formatElapsed(timings.totalMs)}`];
}
