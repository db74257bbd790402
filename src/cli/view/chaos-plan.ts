import { formatDuration } from '../../lib/duration.ts';
import type { ExperimentLook, MatchedCallers, PlannedTouch } from '../chaos-look.ts';
import type { Paint } from './paint.ts';
import { table } from './table.ts';
import { counted, percent, whole } from './words.ts';

/** Everything that is known of an experiment before it begins, for programs: rates a second, shares from 0 to 1, times in seconds. */
export function lookJson({ experiment, callers, traffic, doses, problems, admission, objects, times }: ExperimentLook) {
  const { name, namespace } = experiment.metadata;
  return {
    ...{ name, namespace, admission, callers },
    traffic,
    doses: doses.map(({ forMs, ...dose }) => ({ ...dose, forSeconds: forMs / 1000 })),
    baselineSeconds: times.baselineMs / 1000,
    injectedSeconds: times.injectedMs / 1000,
    fuseSeconds: times.fuseMs / 1000,
    problems,
    objects,
  };
}

/** The same for people. */
export function lookText(look: ExperimentLook, paint: Paint): readonly string[] {
  const { experiment, admission, objects, problems } = look;
  const { name, namespace } = experiment.metadata;
  const isAllowed = admission.state === 'allowed';
  const answer = isAllowed ? 'would be admitted' : `${ANSWERS[admission.state]} (${admission.reason})`;
  return [
    paint(isAllowed ? 'good' : 'bad', `${name} in namespace ${namespace}: ${answer}`),
    ...(isAllowed ? [] : [admission.message]),
    '',
    ...table(factsOf(look)),
    '',
    ...table([['DOSE', 'FOR', 'TOUCHED', 'OF ALL REQUESTS TO THE TARGET'], ...look.doses.map(rowOf)]),
    '',
    paint('strong', 'Would write, and has not written'),
    ...table(
      objects.map(({ kind, metadata }) => [`  ${kind}`, `${metadata.namespace}/${metadata.name}`, purposeOf(kind)]),
    ),
    '',
    paint(
      'quiet',
      'Only the controller asks: vetoes, error budgets, releases of neighbours, istiod, and the sum of all experiments.',
    ),
    ...(problems.length === 0 ? [] : ['', paint('strong', 'Traps')]),
    ...problems.map(
      ({ severity, reason, message }) => `  ${severity === 'refuse' ? 'refused' : 'warning'} ${reason}: ${message}`,
    ),
  ];
}

const ANSWERS = { denied: 'would be denied', waiting: 'would have to wait', unknown: 'cannot be told' } as const;

function factsOf({ experiment, callers, traffic, times }: ExperimentLook): readonly (readonly string[])[] {
  const { target, fault, steadyState } = experiment.spec;
  const { baselineMs, injectedMs, fuseMs } = times;
  const fuse = formatDuration(fuseMs);
  return [
    ['Fault', JSON.stringify(fault)],
    [
      'Target',
      `Service ${target.namespace ?? experiment.metadata.namespace}/${target.service.name}:${target.service.port}`,
    ],
    ['Callers', callersInWords(callers)],
    [
      'Traffic',
      'unknown' in traffic
        ? `not known: ${traffic.unknown}`
        : `${rate(traffic.callersPerSecond)} of the callers, ${rate(traffic.othersPerSecond)} of others (last minute)`,
    ],
    [
      'Judged by',
      steadyState === undefined ? 'nothing: it cannot pass' : `what the users of ${steadyState.service} see`,
    ],
    [
      'Time',
      `${formatDuration(baselineMs)} baseline, ${formatDuration(injectedMs)} injected, then until callers are seen untouched`,
    ],
    ['Fuse', `${fuse}, renewed while Sluice lives; should it die, the cluster takes the fault away within ${fuse}`],
  ];
}

const MOST_NAMES = 5;

function callersInWords({ pods, withoutSidecar, workloads }: MatchedCallers): string {
  if (pods.length === 0) return 'none';
  const without =
    withoutSidecar.length === 0 ? '' : `, ${withoutSidecar.length} of them without a sidecar and not touched`;
  const named = workloads.slice(0, MOST_NAMES).join(', ');
  const more = workloads.length > MOST_NAMES ? ` and ${workloads.length - MOST_NAMES} more` : '';
  return `${counted(pods.length, 'pod')} of ${named}${more}${without}`;
}

function rowOf({ percentage, forMs, share, perSecond }: PlannedTouch): readonly string[] {
  return [
    `${percentage} %`,
    formatDuration(forMs),
    perSecond === null ? 'not known' : rate(perSecond),
    share === null ? 'not known' : percent(share * 100),
  ];
}

function rate(perSecond: number): string {
  return `${perSecond >= 100 ? whole(perSecond) : Number(perSecond.toFixed(1))} requests/s`;
}

const purposeOf = (kind: string): string =>
  kind === 'Job' ? 'the fuse: runs nothing, and takes the fault with it' : 'the fault, at the first dose';
