import fc from 'fast-check';
import type { RawObject } from './specs.ts';

type Path = readonly (string | number)[];

/** Values at and around the limits of a kind of field. */
const KINDS = {
  number: [
    ...[-1, 0, 0.000_009, 0.000_01, 0.009, 0.01, 0.011, 0.2, 0.21, 0.29, 1, 1.5, 2, 5, 5.001, 10, 11, 50, 99.99],
    ...[100, 100.01, 65_535, 65_536, 1_000_000, 1_000_001, 0.1 + 0.2],
  ],
  duration: [
    ...['0s', '1s', '9s', '10s', '59s', '1m', '61s', '10m', '11m', '20m', '1h', '24h', '24h1ms', '168h', '168h1ms'],
    ...['', '1.5h', '5', 's', '-1s', '1m 1s', '2d', '1000000000000h', 'µs', '1µs', '9999999999999999'],
  ],
  text: [
    ...[1, 15, 16, 17, 52, 53, 63, 64, 65, 253, 254].map((length) => 'a'.repeat(length)),
    ...['', 'b2', 'A', 'a-', '-a', 'a-b', 'a.b', 'a..b', 'a_b', 'ä', 'ää', ' a', 'strict', '9', '\n', 'a\n'],
  ],
  selector: [
    ...[
      'up',
      '',
      'a_total{v="{{revision}}"}',
      ' a:b { v =~ "x-{{revision}}" , } ',
      "a{v='{{revision}}'}",
      'a{v=`{{revision}}`}',
    ],
    ...[
      'a{v="{{revision}}"}[1m]',
      'rate(a{v="{{revision}}"}[1m])',
      'a{v="{{revision}}"} / b',
      'a{v="{{revision}}"} offset 1m',
    ],
    ...[
      'a{v!="{{revision}}"}',
      'a{v="{{ revision }}"}',
      'a{v="{{revision}}",b="{{x}}"}',
      'a{v={{revision}}}',
      'a{v="{{revision}}}',
    ],
    ...[
      '{v="{{revision}}"}',
      'a{__name__="b",v="{{revision}}"}',
      'a{v="{{revision}}",b="__name__ (x)"}',
      'ä{v="{{revision}}"}',
    ],
    ...[
      'a{v="{{revision}}",b="\\d"}',
      'a{v="{{revision}}",b="\\"-/"}',
      'a{v="{{revision}}",b="\n"}',
      'a\u00a0{v="{{revision}}"}',
    ],
    ...[
      'a{v="{{revision}}",b="(ä\u2028)"}',
      `a{v="{{revision}}",b="${'x'.repeat(1024)}"}`,
      'a{v="{{revision}}",b=`\n`}',
      'a\v',
    ],
  ],
  status: [
    ['5xx'],
    ['429', '5xx'],
    ['2xx'],
    ['5xx', '5xx'],
    [],
    ['600'],
    ['5XX'],
    ['UNAVAILABLE'],
    ['OK'],
    ['14'],
    [5],
    ['5xx\n'],
  ],
  word: [
    'Careful',
    'Fast',
    'careful',
    'Deployment',
    'StatefulSet',
    'RollBack',
    'Hold',
    'Rollback',
    'Pause',
    'Resume',
    'Promote',
    'Abort',
    'abort',
  ],
  cron: [
    ...['* * * * *', '*/5 0-23/2 1,15 JAN-MAR MON', '0 10 * * 7', '@hourly', '@every 90s', '@every 1h', '@weekly'],
    ...[
      '',
      '* * * *',
      '* * * * * *',
      '60 * * * *',
      '*/0 * * * *',
      '0 10 * * mon',
      '@reboot',
      '@every 1d',
      '@every',
      '@every ',
    ],
    ...[
      ' 0 10 * * *',
      '0  10 * * *',
      '0\t10 * * *',
      '0 10 L * *',
      '0 10 * * 5#2',
      '5/10 * * * *',
      '? * * * *',
      '0 22-2 * * *',
      '1000000000000000000000-1 * * * *',
      '*/60 * * * *',
      '10-9 0 10-11 1-2 *',
      '@every 59s',
    ],
  ],
  zone: [
    'UTC',
    'Europe/Berlin',
    'America/Argentina/Buenos_Aires',
    'Etc/GMT+5',
    '',
    'Local',
    '+02:00',
    'Mars',
    'EST',
    'a/b',
  ],
  clock: ['00:00', '09:00', '23:59', '24:00', '24:01', '9:00', '09:60', '', '09:00 '],
  date: [
    '2026-01-01',
    '2026-12-31',
    '2028-02-29',
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '0001-01-01',
    '2026-1-1',
    '',
  ],
  labels: [
    { app: 'a' },
    { 'a.b/c': '' },
    {},
    { app: 'a b' },
    { 'A/b': 'c' },
    { '/a': 'b' },
    { app: '-' },
    { a: 1 },
    { 'a/b/c': 'd' },
    Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`l${index}`, 'a'])),
  ],
  ramp: [
    [{ percentage: 100, for: '2m' }],
    [{ percentage: 0, for: '2m' }],
    [],
    [
      { percentage: 2, for: '1m' },
      { percentage: 1, for: '1m' },
    ],
    [
      { percentage: 1, for: '3h' },
      { percentage: 1, for: '2h' },
    ],
    [
      { percentage: 1, for: '3h' },
      { percentage: 1, for: 'x' },
    ],
    [{ percentage: 0.1 + 0.2, for: '1m' }],
    [{ for: '1m' }],
    [{ percentage: 0.00001, for: '1m' }],
  ],
  fault: [
    ...[{ delay: { fixed: '1s' } }, { delay: {} }, { abort: { httpStatus: 600 } }, { abort: { httpStatus: 599 } }, {}],
    ...[{ abort: { grpcStatus: 'OK' } }, { throttle: { requestsPerSecond: 0.5 } }, { throttle: {} }, { shed: {} }],
    ...[
      { shed: { status: 200 } },
      { circuit: {} },
      { circuit: { maxRequests: 1 } },
      { bandwidth: { kibPerSecond: 1 } },
    ],
    { bandwidth: { kibPerSecond: 0.5 } },
    {
      delay: {
        spread: [
          { fixed: '1s', share: 50 },
          { fixed: '2s', share: 50 },
        ],
      },
    },
    {
      delay: {
        spread: [
          { fixed: '1s', share: 50 },
          { fixed: '2s', share: 49 },
        ],
      },
    },
    { delay: { fixed: '1s' }, abort: { httpStatus: 503 } },
    {
      delay: {
        fixed: '1s',
        spread: [
          { fixed: '1s', share: 50 },
          { fixed: '2s', share: 50 },
        ],
      },
    },
  ],
  other: [
    ...[true, [], {}, [{}], [{ weight: 100 }], [{ weight: 50 }], [{ weight: 1 }, { weight: 100, hold: '1s' }]],
    ...[{ steps: [] }, { steps: [{ weight: 100 }] }, { successRatio: 99 }, { other: 1 }],
  ],
} as const satisfies Readonly<Record<string, readonly unknown[]>>;

type MutatedPath = readonly [keyof typeof KINDS, Path];

/** Paths of a Rollout's spec that mutations write to, by what belongs there. */
const ROLLOUT_PATHS: readonly MutatedPath[] = [
  ['word', ['workloadRef', 'kind']],
  ['text', ['workloadRef', 'name']],
  ['text', ['service', 'name']],
  ['text', ['service', 'port']],
  ['number', ['service', 'port']],
  ['other', ['routing', 'istio']],
  ['text', ['routing', 'istio', 'virtualService']],
  ['other', ['strategy', 'canary']],
  ['other', ['strategy', 'canary', 'steps']],
  ['number', ['strategy', 'canary', 'steps', 0, 'weight']],
  ['duration', ['strategy', 'canary', 'steps', 0, 'hold']],
  ['number', ['strategy', 'canary', 'steps', 1, 'weight']],
  ['number', ['strategy', 'canary', 'steps', 2, 'weight']],
  ['duration', ['strategy', 'canary', 'steps', 2, 'hold']],
  ['other', ['objectives']],
  ['text', ['objectives', 0, 'name']],
  ['other', ['objectives', 0, 'requests']],
  ['number', ['objectives', 0, 'requests', 'successRatio']],
  ['duration', ['objectives', 0, 'requests', 'under']],
  ['number', ['objectives', 0, 'requests', 'ratio']],
  ['status', ['objectives', 0, 'requests', 'failures', 'httpStatus']],
  ['status', ['objectives', 0, 'requests', 'failures', 'grpcStatus']],
  ['other', ['objectives', 0, 'objectiveRef']],
  ['duration', ['objectives', 2, 'requests', 'under']],
  ['number', ['objectives', 2, 'requests', 'ratio']],
  ['number', ['objectives', 2, 'requests', 'successRatio']],
  ['other', ['objectives', 2, 'requests', 'failures']],
  ['selector', ['objectives', 3, 'prometheus', 'bad']],
  ['selector', ['objectives', 3, 'prometheus', 'total']],
  ['number', ['objectives', 3, 'prometheus', 'ratio']],
  ['text', ['objectives', 3, 'prometheus', 'sourceRef', 'name']],
  ['text', ['objectives', 4, 'objectiveRef', 'name']],
  ['other', ['strategy', 'canary', 'adaptive']],
  ['number', ['analysis', 'falsePromote']],
  ['duration', ['analysis', 'warmup']],
  ['other', ['analysis', 'sourceRef']],
  ['number', ['analysis', 'falseRollback']],
  ['number', ['analysis', 'minRequests']],
  ['number', ['analysis', 'margin']],
  ['duration', ['analysis', 'bake']],
  ['duration', ['analysis', 'deadline']],
  ['word', ['analysis', 'onInconclusive']],
  ['duration', ['progressDeadline']],
  ['duration', ['propagation']],
  ['duration', ['drain']],
  ['word', ['action', 'type']],
  ['text', ['action', 'revision']],
  ['text', ['action', 'id']],
];

/** The same of an experiment's. */
const RUN_PATHS: readonly MutatedPath[] = [
  ['text', ['target', 'namespace']],
  ['text', ['target', 'service', 'name']],
  ['number', ['target', 'service', 'port']],
  ['word', ['target', 'revision']],
  ['other', ['callers']],
  ['labels', ['callers', 'matchLabels']],
  ['other', ['callers', 'everyone']],
  ['other', ['cohort']],
  ['text', ['cohort', 'headers', 0, 'name']],
  ['text', ['cohort', 'headers', 0, 'exact']],
  ['other', ['cohort', 'headers', 0, 'present']],
  ['text', ['cohort', 'cookies', 0, 'name']],
  ['text', ['cohort', 'cookies', 0, 'exact']],
  ['fault', ['fault']],
  ['fault', ['fault']],
  ['ramp', ['ramp']],
  ['number', ['ramp', 1, 'percentage']],
  ['duration', ['ramp', 1, 'for']],
  ['duration', ['duration']],
  ['text', ['steadyState', 'service']],
  ['other', ['steadyState', 'objectives', 0]],
  ['number', ['steadyState', 'objectives', 0, 'requests', 'successRatio']],
  ['number', ['limits', 'requestShare']],
  ['duration', ['baseline']],
  ['duration', ['fuse']],
  ['duration', ['startWithin']],
];

/** The same of a schedule's. */
const SCHEDULE_PATHS: readonly MutatedPath[] = [
  ['cron', ['schedule']],
  ['cron', ['schedule']],
  ['zone', ['timeZone']],
  ['duration', ['jitter']],
  ['word', ['concurrencyPolicy']],
  ['number', ['startingDeadlineSeconds']],
  ['other', ['suspend']],
  ['number', ['historyLimits', 'passed']],
  ['other', ['windows']],
  ['other', ['windows', 0]],
  ['clock', ['windows', 0, 'from']],
  ['clock', ['windows', 0, 'to']],
  ['date', ['windows', 0, 'dates', 'from']],
  ['date', ['windows', 0, 'dates', 'to']],
  ['labels', ['template', 'metadata', 'labels']],
  ['fault', ['template', 'spec', 'fault']],
  ['ramp', ['template', 'spec', 'ramp']],
];

const ALL_VALUES: readonly unknown[] = Object.values(KINDS).flat();

const mutationsOf = (paths: readonly MutatedPath[]) =>
  fc.constantFrom(...paths).chain(([kind, path]) => {
    const fitting = fc.constantFrom<unknown>(...KINDS[kind]);
    const any = fc.constantFrom(...ALL_VALUES);
    const value = fc.oneof({ arbitrary: fitting, weight: 9 }, { arbitrary: any, weight: 1 });
    return value.map((chosen) => [path, chosen] as const);
  });

/** An object with one to three fields overwritten by values that may be right or wrong. */
const mutated = (whole: () => RawObject, paths: readonly MutatedPath[]): fc.Arbitrary<RawObject> =>
  fc.array(mutationsOf(paths), { minLength: 1, maxLength: 3 }).map((list) => {
    const object = whole();
    for (const [path, value] of list) write(object.spec, path, value);
    return object;
  });

/** Objects with fields overwritten by values that may be right or wrong, by kind. */
export const mutatedObjects: Readonly<Record<string, fc.Arbitrary<RawObject>>> = {
  Rollout: mutated(wholeRollout, ROLLOUT_PATHS),
  ChaosExperiment: mutated(wholeExperiment, RUN_PATHS),
  ChaosSchedule: mutated(wholeSchedule, SCHEDULE_PATHS),
};

function wholeExperiment() {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'ChaosExperiment',
    metadata: { name: 'mutated' },
    spec: {
      target: { service: { name: 'payments', port: 80 } },
      callers: { matchLabels: { app: 'checkout' } },
      cohort: { headers: [{ name: 'x-cohort', exact: 'chaos' }], cookies: [{ name: 'chaos', exact: '1' }] },
      fault: { abort: { httpStatus: 503 } },
      ramp: [
        { percentage: 1, for: '1m' },
        { percentage: 5, for: '2m' },
      ],
      steadyState: { service: 'checkout', objectives: [{ name: 'availability', requests: { successRatio: 99 } }] },
      limits: { requestShare: 5 },
    },
  };
}

function wholeSchedule() {
  const { cohort: _cohort, ...spec } = wholeExperiment().spec;
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'ChaosSchedule',
    metadata: { name: 'mutated' },
    spec: {
      schedule: '0 10 * * MON-FRI',
      timeZone: 'Europe/Berlin',
      historyLimits: {},
      windows: [{ days: ['Mon'], from: '09:00', to: '17:00', dates: { from: '2026-01-01', to: '2026-06-30' } }],
      template: { metadata: { labels: { team: 'checkout' } }, spec },
    },
  };
}

function wholeRollout() {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'mutated' },
    spec: {
      workloadRef: { name: 'checkout' },
      service: { name: 'checkout', port: 'http' },
      routing: { istio: {} },
      strategy: { canary: { steps: [{ weight: 1, hold: '10s' }, { weight: 10 }, { weight: 100 }] } },
      objectives: [
        { name: 'availability', requests: { successRatio: 99.9, failures: {} } },
        { name: 'strict', requests: { successRatio: 99.99 } },
        { name: 'latency', requests: { under: '500ms', ratio: 99 } },
        {
          name: 'orders',
          prometheus: {
            bad: 'bad_total{v="{{revision}}"}',
            total: 'a_total{v="{{revision}}"}',
            ratio: 99,
            sourceRef: { name: 'mimir' },
          },
        },
        { name: 'promise', objectiveRef: { name: 'fast' } },
      ],
      analysis: {},
      action: { type: 'Pause', revision: '7f9c8b5d4f' },
    },
  };
}

function write(spec: object, path: Path, value: unknown): void {
  const parent = path.slice(0, -1).reduce<unknown>((node, part) => {
    return typeof node === 'object' && node !== null ? Reflect.get(node, part) : undefined;
  }, spec);
  const last = path.at(-1);
  // An earlier mutation may have put something else where the parent was.
  if (typeof parent !== 'object' || parent === null || Array.isArray(parent) || last === undefined) return;
  Reflect.set(parent, last, structuredClone(value));
}
