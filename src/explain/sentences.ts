import type { ArmCounts, Verdict } from '../../machines/judge/index.ts';
import { countsInWords, oddsInWords } from '../../machines/judge/words.ts';
import { sinceInWords } from './axes.ts';
import type { ExplainedObjective } from './explanation.ts';
import type { EvidenceRecord } from './record.ts';

const ENDINGS: Readonly<Record<string, string>> = {
  Promoted: 'was promoted',
  RolledBack: 'was taken back',
  Aborted: 'was aborted',
  Superseded: 'was superseded',
  Reverted: 'was reverted',
  TakenOver: 'was taken over',
  Deleted: 'ended with its Rollout',
};

/** What was decided and when, in one sentence; why is the outcome's own message. */
export function decisionInWords({ revision, raises, startedAt, outcome, objectives }: EvidenceRecord): string {
  const last = Math.max(startedAt, ...objectives.map(({ verdict }) => verdict.at ?? 0));
  const at = outcome?.at ?? last;
  const weight = raises.findLast((raise) => raise.at <= at)?.weightBp;
  const where = weight === undefined ? 'before it had any request' : `at ${weight / 100} %`;
  const what = outcome === null ? 'is in progress' : (ENDINGS[outcome.kind] ?? outcome.kind);
  const when = sinceInWords(at - startedAt);
  const known = outcome === null ? `, as recorded ${when} after it began` : ` ${when} after it began`;
  return `${revision} ${what}${known}, ${where}`;
}

/** The batch that decided, what it held and how it moved the odds; null where nothing was decided by a batch. */
export function turnInWords({ replay }: ExplainedObjective, startedAt: number): string | null {
  const { turn } = replay;
  if (turn === null) return null;
  const { batch, verdict } = turn.moment;
  const isHarm = turn.kind === 'harm';
  const lnOf = (known: Verdict | null) => (isHarm ? known?.lnTotal : known?.lnAccept) ?? 0;
  const when = `the batch that ended ${sinceInWords(batch.at - startedAt)} after the beginning (${iso(batch.at)})`;
  const moved = `from ${odds(lnOf(turn.before), isHarm)} to ${odds(lnOf(verdict), isHarm)}`;
  const counts = countsInWords(batch.canary, batch.stable);
  return `${isHarm ? 'Decided by' : 'Good enough since'} ${when}: ${counts} in it; ${moved}`;
}

function odds(ln: number, isHarm: boolean): string {
  return isHarm ? oddsInWords(ln) : oddsInWords(ln).replace('against harmless', 'for good enough');
}

/** Which test contributed how much to the evidence of harm; null where there is none. */
export function blameInWords({ blame, lnTotal }: Verdict): string | null {
  if (lnTotal < Math.LN2) return null;
  const parts = (
    [
      ['failures beside stable', blame.harm],
      ['durations beside stable', blame.latency],
      ['failures beside the objective', blame.slo],
    ] as const
  ).filter(([, share]) => share >= 0.005);
  return parts.map(([name, share]) => `${name} ${Math.round(share * 100)} %`).join(', ');
}

/** What the same rule says of stable's own pods, which are known to be harmless; null where the source does not tell them apart. */
export function placeboInWords({ placebo: { pods, alarms } }: Verdict): string | null {
  if (pods < 2) return null;
  const would = `of ${pods} stable pods, each judged against the others by the same rule, ${alarms === 0 ? 'none' : alarms} would have been taken back`;
  return alarms === 0 ? would : `${would}: failures here are not as independent as the odds suppose`;
}

/** Share of failed requests; null where there was none. */
export function failureRatio({ requests, failures }: ArmCounts): number | null {
  return requests === 0 ? null : failures / requests;
}

export const iso = (at: number): string => new Date(at).toISOString();
