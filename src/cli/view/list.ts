import type { Rollout } from '../../api/rollout.ts';
import { shownWeight, stepNumber } from './details.ts';
import { type Paint, toneOf } from './paint.ts';
import { table } from './table.ts';
import { age, percent, whole } from './words.ts';

/** How the table of Rollouts is shown. */
export interface ListOptions {
  readonly nowMs: number;
  readonly paint: Paint;
  /** Names the namespace of each Rollout. */
  readonly hasNamespaces: boolean;
}

/** One line per Rollout under a header, by namespace and name. */
export function listLines(
  rollouts: readonly Rollout[],
  { nowMs, paint, hasNamespaces }: ListOptions,
): readonly string[] {
  const header = ['NAME', 'PHASE', 'STEP', 'WEIGHT', 'STABLE', 'CANARY', 'FAILED', 'AGE', 'MESSAGE'];
  const rows = [...rollouts].sort(byPlace).map((rollout) => {
    const { metadata, status = {} } = rollout;
    const { step, stable, canary, failedRequests } = status;
    const weight = shownWeight(status);
    const phase = status.phase ?? 'Unknown';
    const row = [
      metadata.name,
      paint(toneOf(phase), phase),
      step === undefined ? '-' : stepNumber(step, '/'),
      weight === undefined ? '-' : percent(weight),
      stable?.revision ?? '-',
      canary?.revision ?? '-',
      failedRequests === undefined ? '-' : whole(failedRequests),
      age(metadata.creationTimestamp, nowMs),
      status.message ?? 'no controller has looked at it yet',
    ];
    return hasNamespaces ? [metadata.namespace ?? '', ...row] : row;
  });
  return table([hasNamespaces ? ['NAMESPACE', ...header] : header, ...rows]);
}

function byPlace(a: Rollout, b: Rollout): number {
  const place = ({ metadata }: Rollout) => `${metadata.namespace ?? ''}/${metadata.name}`;
  return place(a) < place(b) ? -1 : 1;
}
