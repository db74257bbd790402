import type { Rollout } from '../../api/rollout.ts';
import { fixedSteps } from '../../api/strategy.ts';
import { countsInWords, oddsLine } from './evidence.ts';
import { type Paint, toneOf } from './paint.ts';
import { table } from './table.ts';
import { age, counted, percent, span, whole } from './words.ts';

type Status = NonNullable<Rollout['status']>;
type Condition = NonNullable<Status['conditions']>[number];

/** How one Rollout is shown. */
export interface DetailOptions {
  readonly nowMs: number;
  readonly paint: Paint;
}

/** Everything that a person may want to know of one Rollout, in blocks that are left out where there is nothing to say. */
export function detailLines(rollout: Rollout, options: DetailOptions): readonly string[] {
  const { metadata, status = {} } = rollout;
  const { paint } = options;
  const phase = status.phase ?? 'Unknown';
  const head = `${paint('strong', metadata.name)} in namespace ${metadata.namespace ?? ''}: ${paint(toneOf(phase), phase)}`;
  const blocks = [
    [head, status.message ?? 'no controller has looked at it yet: is one running?'],
    versions(status),
    steps(rollout, paint),
    evidence(rollout, paint),
    gates(status, paint),
    waiting(status, options.nowMs),
    conditions(status, paint),
    history(status, options),
  ];
  return blocks.filter((block) => block.length > 0).flatMap((block, index) => (index === 0 ? block : ['', ...block]));
}

function versions(status: Status): readonly string[] {
  const { stable, canary, weight, failedRequests } = status;
  if (stable === undefined && canary === undefined) return [];
  const pods = (version: Status['stable']) => `${version?.readyReplicas ?? '?'}/${version?.replicas ?? '?'}`;
  const rows = [['Versions', 'REVISION', 'PODS', 'WEIGHT']];
  const isOne = stable?.revision === canary?.revision;
  if (stable !== undefined) {
    rows.push(['  stable', stable.revision, pods(stable), percent(isOne ? 100 : 100 - (shownWeight(status) ?? 0))]);
  }
  if (canary !== undefined && !isOne) rows.push(['  canary', canary.revision, pods(canary), weightWords(weight)]);
  const lines = [...table(rows)];
  if (failedRequests !== undefined) lines.push(`  ${counted(failedRequests, 'failed request')} of the canary so far`);
  return lines;
}

/** Share of the requests that the new version gets, in percent; once it is stable, all of them. */
export function shownWeight({ stable, canary, weight }: Status): number | undefined {
  if (weight === undefined) return undefined;
  return canary !== undefined && canary.revision === stable?.revision ? 100 : (weight.applied ?? weight.desired);
}

/** What was asked for, what the route says and what was seen, as far as they differ. */
export function weightWords(weight: Status['weight']): string {
  if (weight === undefined) return '-';
  const { desired, applied, observed } = weight;
  const route = applied === desired ? percent(desired) : `${percent(desired)} wanted, route ${appliedWords(applied)}`;
  return observed === undefined ? route : `${route} (seen ${percent(observed)})`;
}

const appliedWords = (applied: number | undefined): string => (applied === undefined ? 'not ours' : percent(applied));

/** `2/5`, or `2` where the evidence says the steps. */
export function stepNumber({ index, count }: NonNullable<Status['step']>, separator: string): string {
  return count === undefined ? String(index) : `${index}${separator}${count}`;
}

/** `step 2 of 5`. */
export function stepWords(step: NonNullable<Status['step']>, separator: string): string {
  return `step ${stepNumber(step, separator)}`;
}

function steps({ spec, status }: Rollout, paint: Paint): readonly string[] {
  const plan = fixedSteps(spec.strategy);
  const present = status?.step;
  const rows = plan.map(({ weight, hold }, index) => {
    const isLast = index === plan.length - 1;
    const number = index + 1;
    const mark = present === undefined || number > present.index ? ' ' : number < present.index ? '✓' : '▶';
    const watch = isLast ? `bake ${spec.analysis.bake}` : `hold ${hold ?? '1m'}`;
    return [`  ${mark} ${percent(weight)}`, watch];
  });
  const lines = table(rows).map((line) => (line.includes('▶') ? paint('strong', line) : line));
  // The release follows the spec of its beginning, which may have had other steps.
  const isEdited = present?.count !== undefined && present.count !== plan.length;
  const note = isEdited
    ? ` (edited since; the release follows the ${present.count} steps of before, and is at its step ${present.index})`
    : '';
  return lines.length === 0 ? [] : [`Steps${note}`, ...lines];
}

function evidence(rollout: Rollout, paint: Paint): readonly string[] {
  const objectives = rollout.status?.objectives ?? [];
  if (rollout.status?.canary === undefined || objectives.length === 0) return [];
  return [
    'Evidence against the new version',
    ...objectives.flatMap((objective) => [
      `  ${oddsLine(rollout, objective, paint)}`,
      `    canary  ${countsInWords(objective.canary)}`,
      `    stable  ${countsInWords(objective.stable)}`,
      ...(objective.message === undefined ? [] : [`    ${objective.message}`]),
    ]),
  ];
}

function gates({ gates: all = [] }: Status, paint: Paint): readonly string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ name, state, message }) => [`  ${name}`, paint(toneOf(state), state), message ?? '']);
  return ['Gates', ...table(rows)];
}

/** The first line has the message of the wait already, as a rule. */
function waiting({ waiting: wait, message }: Status, nowMs: number): readonly string[] {
  if (wait === undefined) return [];
  const isSaid = message?.startsWith(wait.message) === true;
  if (isSaid && wait.until === undefined && wait.expectedAt === undefined) return [];
  const text = isSaid ? `(${wait.reason})` : `(${wait.reason}): ${wait.message}`;
  return [`Waits ${text}${untilWords(wait.until, nowMs)}${expectedWords(wait.expectedAt, nowMs)}`];
}

/** `; 12s left`, or nothing where no end is known. */
export function untilWords(until: string | undefined, nowMs: number): string {
  const at = until === undefined ? Number.NaN : Date.parse(until);
  if (Number.isNaN(at)) return '';
  return at <= nowMs ? '; due now' : `; ${span(at - nowMs)} left`;
}

/** `; a decision is expected in about 3m20s`, or nothing where nobody knows. */
export function expectedWords(expectedAt: string | undefined, nowMs: number): string {
  const at = expectedAt === undefined ? Number.NaN : Date.parse(expectedAt);
  return Number.isNaN(at) ? '' : `; a decision is expected in about ${span(Math.max(1000, at - nowMs))}`;
}

/** Not shown: what has not been seen yet in a release that goes its way, and Ready and Reconciling while it does. */
function isWorrying({ type, status, reason }: Condition, isReleasing: boolean): boolean {
  switch (type) {
    case 'Ready':
      return status !== 'True' && !isReleasing;
    case 'Stalled':
      return status !== 'False';
    case 'ObjectivesReady':
      return status === 'False' || reason === 'TooBursty';
    case 'AnalysisHealthy':
      return status === 'False' || reason === 'MetricsUnavailable';
    case 'TrafficVerified':
      return status === 'False';
    default:
      return false;
  }
}

function conditions({ conditions: all = [], canary }: Status, paint: Paint): readonly string[] {
  const odd = all.filter((condition) => isWorrying(condition, canary !== undefined));
  if (odd.length === 0) return [];
  const rows = odd.map(({ type, status, reason, message }) => [`  ${type}`, status, `${reason}: ${message}`]);
  return [paint('strong', 'Conditions that are not as they should be'), ...table(rows)];
}

function history({ history: all = [] }: Status, { nowMs, paint }: DetailOptions): readonly string[] {
  if (all.length === 0) return [];
  const rows = [...all]
    .reverse()
    .map(({ revision, outcome, message, startedAt, finishedAt, failedRequests }) => [
      `  ${revision}`,
      paint(toneOf(outcome), outcome),
      `${age(finishedAt, nowMs)} ago`,
      `took ${span(Date.parse(finishedAt) - Date.parse(startedAt))}`,
      failedRequests === undefined ? '-' : `${whole(failedRequests)} failed`,
      message ?? '',
    ]);
  return ['History, newest first', ...table(rows)];
}
