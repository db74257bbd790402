import type { Rollout } from '../../api/rollout.ts';
import { expectedWords, shownWeight, stepWords, untilWords, weightWords } from './details.ts';
import { countsInWords, oddsLine } from './evidence.ts';
import { type Paint, toneOf } from './paint.ts';
import type { Rate, Rates } from './rates.ts';
import { table, wrapped } from './table.ts';
import { age, counted, oddsInWords, percent, whole } from './words.ts';

type Status = NonNullable<Rollout['status']>;

/** What the live view shows beside the Rollout itself. */
export interface LiveOptions {
  readonly nowMs: number;
  readonly paint: Paint;
  readonly rates: Rates;
  /** Width of the terminal. */
  readonly columns: number;
  /** What is wrong with the connection, where something is. */
  readonly trouble?: string | undefined;
}

/** The live view of one Rollout, to be drawn over the one before. */
export function liveLines(rollout: Rollout, options: LiveOptions): readonly string[] {
  const { metadata, status = {} } = rollout;
  const { paint, nowMs, columns, trouble } = options;
  const phase = status.phase ?? 'Unknown';
  const step = status.step === undefined ? '' : `   ${stepWords(status.step, ' of ')}`;
  return [
    `${paint('strong', metadata.name)} in ${metadata.namespace ?? ''}   ${paint(toneOf(phase), phase)}${step}`,
    ...weightLines(status, paint),
    '',
    ...versionLines(status, options),
    ...evidenceLines(rollout, options),
    '',
    ...wrapped(`→ ${nowLine(status, nowMs)}`, columns),
    ...lastRelease(status, options),
    ...(trouble === undefined ? [] : ['', ...wrapped(trouble, columns).map((line) => paint('bad', line))]),
  ];
}

function nowLine({ waiting, message = 'no controller has looked at it yet' }: Status, nowMs: number): string {
  if (waiting === undefined) return message;
  // The sentence goes on with what is expected, which older controllers do not say.
  const rest = message.startsWith(waiting.message) ? message.slice(waiting.message.length) : '';
  return `${waiting.message}${untilWords(waiting.until, nowMs)}${rest || expectedWords(waiting.expectedAt, nowMs)}`;
}

const BAR_CELLS = 40;

function weightLines(status: Status, paint: Paint): readonly string[] {
  const weight = shownWeight(status);
  if (weight === undefined) return [];
  const filled = Math.round((weight / 100) * BAR_CELLS);
  const bar = paint('busy', '█'.repeat(filled)) + paint('quiet', '░'.repeat(BAR_CELLS - filled));
  const isPromoted = status.canary?.revision === status.stable?.revision;
  return [`${bar}  ${isPromoted ? 'all requests' : weightWords(status.weight)}`];
}

function versionLines(status: Status, { rates }: LiveOptions): readonly string[] {
  const objective = status.objectives?.find(({ canary }) => canary !== undefined);
  const rows = (['stable', 'canary'] as const).flatMap((which) => {
    const version = status[which];
    const isRepeated = which === 'canary' && version?.revision === status.stable?.revision;
    if (version === undefined || isRepeated) return [];
    const pods = `${version.readyReplicas ?? '?'}/${version.replicas ?? '?'}`;
    const counts = status.canary === undefined ? '' : countsInWords(objective?.[which]);
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

function evidenceLines(rollout: Rollout, { paint, columns }: LiveOptions): readonly string[] {
  const { canary, objectives = [] } = rollout.status ?? {};
  if (canary === undefined || objectives.length === 0) return [];
  return [
    '',
    ...objectives.flatMap((objective) => [
      oddsLine(rollout, objective, paint),
      ...(objective.message === undefined ? [] : wrapped(`  ${objective.message}`, columns)),
    ]),
  ];
}

function lastRelease({ canary, history, message }: Status, options: LiveOptions): readonly string[] {
  const last = history?.at(-1);
  if (canary !== undefined || last === undefined) return [];
  const { revision, outcome, finishedAt, failedRequests } = last;
  // At rest after a release that was taken back, the message says why already.
  const why = last.message === undefined || message?.includes(last.message) ? '' : `: ${last.message}`;
  const cost = failedRequests === undefined ? '' : `, ${counted(failedRequests, 'failed request')}`;
  const text = `last release: ${revision}, ${outcome} ${age(finishedAt, options.nowMs)} ago${cost}${why}`;
  return wrapped(text, options.columns).map((line) => options.paint('quiet', line));
}

/** The Rollout in one line. */
export function changeLine(rollout: Rollout): string {
  const { metadata, status = {} } = rollout;
  const { step, canary, objectives = [], message = 'no controller has looked at it yet' } = status;
  const weight = shownWeight(status);
  const parts = [`${metadata.name}: ${status.phase ?? 'Unknown'}`];
  if (step !== undefined) parts.push(stepWords(step, '/'));
  if (weight !== undefined) parts.push(`weight ${percent(weight)}`);
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
