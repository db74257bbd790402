import type { Rollout } from '../../api/rollout.ts';
import { untilWords, weightWords } from './details.ts';
import { countsInWords, oddsLine } from './evidence.ts';
import { type Paint, toneOf } from './paint.ts';
import type { Rate, Rates } from './rates.ts';
import { table } from './table.ts';
import { age, oddsInWords, percent, whole } from './words.ts';

type Status = NonNullable<Rollout['status']>;

/** What the live view shows beside the Rollout itself. */
export interface LiveOptions {
  readonly nowMs: number;
  readonly paint: Paint;
  readonly rates: Rates;
  /** What is wrong with the connection, where something is. */
  readonly trouble?: string | undefined;
}

/** The live view of one Rollout, to be drawn over the one before. */
export function liveLines(rollout: Rollout, options: LiveOptions): readonly string[] {
  const { metadata, status = {} } = rollout;
  const { paint, nowMs } = options;
  const phase = status.phase ?? 'Unknown';
  const step = status.step === undefined ? '' : `   step ${status.step.index} of ${status.step.count}`;
  return [
    `${paint('strong', metadata.name)} in ${metadata.namespace ?? ''}   ${paint(toneOf(phase), phase)}${step}`,
    ...(status.weight === undefined ? [] : [`${bar(status.weight, paint)}  ${weightWords(status.weight)}`]),
    '',
    ...versionLines(status, options),
    ...evidenceLines(rollout, paint),
    '',
    status.waiting === undefined
      ? (status.message ?? 'no controller has looked at it yet')
      : `waits  ${status.waiting.message}${untilWords(status.waiting.until, nowMs)}`,
    ...lastRelease(status, options),
    ...(options.trouble === undefined ? [] : ['', paint('bad', options.trouble)]),
  ];
}

const BAR_CELLS = 40;

function bar({ applied, desired }: NonNullable<Status['weight']>, paint: Paint): string {
  const filled = Math.round(((applied ?? desired) / 100) * BAR_CELLS);
  return paint('busy', '█'.repeat(filled)) + paint('quiet', '░'.repeat(BAR_CELLS - filled));
}

function versionLines(status: Status, { rates }: LiveOptions): readonly string[] {
  const counted = status.objectives?.find(({ canary }) => canary !== undefined);
  const rows = (['stable', 'canary'] as const).flatMap((which) => {
    const version = status[which];
    if (version === undefined) return [];
    const pods = `${version.readyReplicas ?? '?'}/${version.replicas ?? '?'}`;
    const counts = status.canary === undefined ? '' : countsInWords(counted?.[which]);
    return [[which, version.revision, pods, ...rateCells(rates[which]), counts]];
  });
  return table([['', 'REVISION', 'PODS', 'REQUESTS/S', 'FAILED', 'SINCE THE CANARY BEGAN'], ...rows]);
}

function rateCells(rate: Rate | undefined): readonly [string, string] {
  if (rate === undefined) return ['-', '-'];
  const { requestsPerSecond, failedPercent } = rate;
  const requests = requestsPerSecond < 10 ? requestsPerSecond.toFixed(1) : whole(requestsPerSecond);
  return [requests, failedPercent === undefined ? '-' : `${failedPercent.toFixed(1)} %`];
}

function evidenceLines(rollout: Rollout, paint: Paint): readonly string[] {
  const { canary, objectives = [] } = rollout.status ?? {};
  if (canary === undefined || objectives.length === 0) return [];
  return [
    '',
    ...objectives.flatMap((objective) => [
      oddsLine(rollout, objective, paint),
      ...(objective.message === undefined ? [] : [`  ${objective.message}`]),
    ]),
  ];
}

function lastRelease({ canary, history }: Status, { paint, nowMs }: LiveOptions): readonly string[] {
  const last = history?.at(-1);
  if (canary !== undefined || last === undefined) return [];
  const { revision, outcome, finishedAt, message = '', failedRequests } = last;
  const cost = failedRequests === undefined ? '' : `, ${whole(failedRequests)} failed requests`;
  return [`last   ${revision} ${paint(toneOf(outcome), outcome)} ${age(finishedAt, nowMs)} ago: ${message}${cost}`];
}

/** The Rollout in one line. */
export function changeLine(rollout: Rollout): string {
  const { metadata, status = {} } = rollout;
  const { step, weight, canary, objectives = [], message = 'no controller has looked at it yet' } = status;
  const parts = [`${metadata.name}: ${status.phase ?? 'Unknown'}`];
  if (step !== undefined) parts.push(`step ${step.index}/${step.count}`);
  if (weight !== undefined) parts.push(`weight ${percent(weight.applied ?? weight.desired)}`);
  if (canary !== undefined) {
    parts.push(`canary ${canary.revision} (${canary.readyReplicas ?? '?'}/${canary.replicas ?? '?'} pods)`);
    for (const { name, odds } of objectives) parts.push(`${name}: ${oddsInWords(odds)}`);
  }
  return `${parts.join(', ')}; ${message}`;
}

/** Equal for two looks at which the same thing goes on: numbers that move with every request count only by power of ten, or not at all. */
export function changeKey(rollout: Rollout): string {
  const { objectives = [], ...status } = rollout.status ?? {};
  const { phase, step, weight, canary, waiting, message = '' } = status;
  const evidence = objectives.map(({ name, verdict, odds = 0 }) => [
    name,
    verdict,
    Math.floor(Math.log10(Math.max(1, odds))),
  ]);
  const sentence = message.replace(/\d[\d.,]*/g, '#');
  return JSON.stringify([phase, step, weight?.desired, weight?.applied, canary, waiting?.reason, evidence, sentence]);
}
