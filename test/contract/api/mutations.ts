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
  other: [
    ...[true, [], {}, [{}], [{ weight: 100 }], [{ weight: 50 }], [{ weight: 1 }, { weight: 100, hold: '1s' }]],
    ...[{ steps: [] }, { steps: [{ weight: 100 }] }, { successRatio: 99 }, { other: 1 }],
  ],
} as const satisfies Readonly<Record<string, readonly unknown[]>>;

/** Paths of a Rollout's spec that mutations write to, by what belongs there. */
const PATHS: readonly (readonly [keyof typeof KINDS, Path])[] = [
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

const ALL_VALUES: readonly unknown[] = Object.values(KINDS).flat();

const mutations = fc.constantFrom(...PATHS).chain(([kind, path]) => {
  const fitting = fc.constantFrom<unknown>(...KINDS[kind]);
  const any = fc.constantFrom(...ALL_VALUES);
  const value = fc.oneof({ arbitrary: fitting, weight: 4 }, { arbitrary: any, weight: 1 });
  return value.map((chosen) => [path, chosen] as const);
});

/** A Rollout with one to three fields overwritten by values that may be right or wrong. */
export const mutatedRollouts: fc.Arbitrary<RawObject> = fc
  .array(mutations, { minLength: 1, maxLength: 3 })
  .map((list) => {
    const rollout = wholeRollout();
    for (const [path, value] of list) write(rollout.spec, path, value);
    return rollout;
  });

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
