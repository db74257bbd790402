import type { Rollout } from '../../api/rollout.ts';
import { type Paint, toneOf } from './paint.ts';
import { counted, oddsInWords, share, whole } from './words.ts';

type Status = NonNullable<Rollout['status']>;
/** What status says about one objective. */
export type ObjectiveStatus = NonNullable<Status['objectives']>[number];
type Counts = NonNullable<ObjectiveStatus['canary']>;

/** `1,204 requests, 3 failed (0.25 %)`. */
export function countsInWords(counts: Counts | undefined): string {
  if (counts === undefined || counts.requests === 0) return 'no requests yet';
  const { requests, failures } = counts;
  return `${counted(requests, 'request')}, ${whole(failures)} failed (${share(failures, requests)})`;
}

/** The odds of one objective beside those at which a release is taken back: objectives share the chance of a false alarm. */
export function oddsLine(rollout: Rollout, { name, verdict, odds }: ObjectiveStatus, paint: Paint): string {
  const { objectives, analysis } = rollout.spec;
  const limit = Math.round(Math.max(1, objectives.length) / analysis.falseRollback);
  return `${paint('strong', name)}  ${paint(toneOf(verdict), verdict)}  ${oddsInWords(odds)} (taken back at ${whole(limit)} to 1)`;
}
