import { describe, expect, it } from 'vitest';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../src/kube/port.ts';
import { AppError } from '../../src/lib/errors.ts';
import { brokenConditionRules } from '../support/conditions-check.ts';
import { NAME, NAMESPACE } from './cluster.ts';
import { createDice } from './dice.ts';
import { until } from './releasing.ts';
import { createWorld, templateOf, type World } from './world.ts';

const LIMIT_MS = 60_000;
const STABLE = 'k8s1';
const HOUR_MS = 3_600_000;
const APP = { job: 'app', instance: 'app:1', pod: 'app-1' };
const CALLER = {
  ...{ job: 'mesh', instance: 'web:15020', pod: 'web', reporter: 'source', response_flags: '-' },
  ...{ destination_service_name: NAME, destination_service_namespace: NAMESPACE },
};

/** Counters of the application, as objectives name them. */
const ORDERS = {
  bad: 'orders_failed_total{version="{{revision}}"}',
  total: 'orders_total{version="{{revision}}"}',
  ratio: 99,
};
const orders = (change: object = {}) => [{ name: 'orders', prometheus: { ...ORDERS, ...change } }];
const fast = (under: string) => [{ name: 'fast', requests: { under, ratio: 99 } }];
const byName = [{ name: 'slo', objectiveRef: { name: 'slo' } }];
const REQUESTS = { name: 'availability', requests: { successRatio: 99 } };

interface Wrong {
  /** What is wrong, besides the objectives. */
  readonly prepare?: (world: World) => void | Promise<void>;
  readonly objectives: readonly object[];
  readonly analysis?: object;
  readonly reason: string;
  /** The field and the cure. */
  readonly message: RegExp;
}

/** One sample every 15 s over the last hour. */
function hour({ source, clock }: World, metric: string, labels: Record<string, string>, value: (i: number) => number) {
  for (let i = 0; i <= 240; i++) source.add(metric, labels, clock.now() - HOUR_MS + i * 15_000, value(i));
}

function exportOrders(world: World, version = STABLE, bad = (i: number) => i, total = (i: number) => i * 500): void {
  hour(world, 'orders_total', { ...APP, version }, total);
  hour(world, 'orders_failed_total', { ...APP, version }, bad);
}

function exportDurations(world: World, edges: readonly string[]): void {
  for (const le of [...edges, '+Inf'])
    hour(world, 'istio_request_duration_milliseconds_bucket', { ...CALLER, le }, (i) => i * 100);
}

const stated = (metric: string, type: string) => (world: World) => {
  exportOrders(world);
  world.source.types.set(metric, type);
};

const failing = (code: string, kind: 'ConfigError' | 'TransientError', details: object) => (world: World) => {
  world.source.fails = () => new AppError(kind, code, `it: ${code}`, { details: { ...details } });
};

async function create(world: World, kind: Kind, name: string, content: object): Promise<void> {
  const object = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, namespace: NAMESPACE }, ...content };
  await world.kube.create(kind, object as KubeObject, { fieldManager: 'kubectl' });
}

const slo = (spec: object) => (world: World) => create(world, kinds.serviceLevelObjective, 'slo', { spec });
const metricsSource = (spec: object) => (world: World) => create(world, kinds.metricsSource, 'own', { spec });
const OWN = { sourceRef: { name: 'own' } };
const TOKEN = { bearerToken: { secretKeyRef: { name: 'token', key: 'token' } } };
const ADDRESS = 'http://prometheus:9090';

const CASES: Readonly<Record<string, Wrong>> = {
  'total is unknown': {
    prepare: (world) => hour(world, 'orders_failed_total', { ...APP, version: STABLE }, (i) => i),
    objectives: orders(),
    reason: 'MetricUnknown',
    message: /^spec\.objectives\[0\] \(orders\): prometheus\.total: .*no orders_total .*: correct the name/,
  },
  'bad is unknown': {
    prepare: (world) => hour(world, 'orders_total', { ...APP, version: STABLE }, (i) => i),
    objectives: orders(),
    reason: 'MetricUnknown',
    message: /prometheus\.bad: .*no orders_failed_total .*: correct the name/,
  },
  'durations are not scraped': {
    objectives: fast('250ms'),
    reason: 'MetricUnknown',
    message: /\(fast\): requests\.under: .*scrape the callers' proxies/,
  },
  'it is the second of two': {
    objectives: [REQUESTS, ...orders()],
    reason: 'MetricUnknown',
    message: /^spec\.objectives\[1\] \(orders\): prometheus\.total/,
  },
  'it names a gauge': {
    prepare: stated('orders_total', 'gauge'),
    objectives: orders(),
    reason: 'NotACounter',
    message: /prometheus\.total: orders_total is a gauge, .*name a counter/,
  },
  'it names a histogram': {
    prepare: stated('orders_failed_total', 'histogram'),
    objectives: orders(),
    reason: 'NotACounter',
    message: /prometheus\.bad: .* is a histogram, .*take orders_failed_total_count/,
  },
  'it names a summary': {
    prepare: stated('orders_total', 'summary'),
    objectives: orders(),
    reason: 'NotACounter',
    message: /prometheus\.total: .* is a summary, .*take orders_total_count/,
  },
  'it names the family of a histogram': {
    prepare: (world) => void world.source.types.set('orders_total', 'histogram'),
    objectives: orders(),
    reason: 'NotACounter',
    message: /it is a histogram: take orders_total_count/,
  },
  'its values fall as those of a gauge': {
    prepare: (world) =>
      exportOrders(
        world,
        STABLE,
        () => 0,
        (i) => 100 + (i % 3),
      ),
    objectives: orders(),
    reason: 'NotACounter',
    message: /values fell \d+ of \d+ times.*name counters/,
  },
  'its values are ratios': {
    prepare: (world) =>
      exportOrders(
        world,
        STABLE,
        () => 0,
        () => 0.25,
      ),
    objectives: orders(),
    reason: 'NotACounter',
    message: /values such as 0\.25, so it is a ratio.*name the raw counters/,
  },
  'stable has no series': {
    prepare: (world) => exportOrders(world, 'v1'),
    objectives: orders(),
    reason: 'SeriesMissing',
    message: /prometheus\.total: .*revision k8s1, the stable one: correct the labels/,
  },
  'a series is of both versions': {
    prepare: (world) => exportOrders(world),
    objectives: orders({
      bad: 'orders_failed_total{version=~"{{revision}}|.*"}',
      total: 'orders_total{version=~"{{revision}}|.*"}',
    }),
    reason: 'SeriesShared',
    message: /prometheus\.total: .* alike: match \{\{revision\}\} exactly/,
  },
  'the source refuses the selector': {
    prepare: failing('METRICS_BAD_QUERY', 'ConfigError', { said: 'missing argument to repetition operator' }),
    objectives: orders({ total: 'orders_total{version="{{revision}}",path=~"*"}' }),
    reason: 'SelectorInvalid',
    message: /refuses the selector: missing argument to repetition operator: correct it/,
  },
  'more is bad than there is': {
    prepare: (world) =>
      exportOrders(
        world,
        STABLE,
        (i) => i * 3,
        (i) => i,
      ),
    objectives: orders(),
    reason: 'BadExceedsTotal',
    message: /prometheus\.bad: it grew by \d+ more .*total must count every event/,
  },
  'a threshold lies between two edges': {
    prepare: (world) => exportDurations(world, ['100', '250', '500']),
    objectives: fast('300ms'),
    reason: 'EdgeUnknown',
    message: /requests\.under: 300 ms is no bucket edge.*250 ms and 500 ms: take one of them/,
  },
  'a threshold lies beyond all edges': {
    prepare: (world) => exportDurations(world, ['100', '250']),
    objectives: fast('1h'),
    reason: 'EdgeUnknown',
    message: /requests\.under: 3600000 ms .*the next are 250 ms: take/,
  },
  'there are no edges at all': {
    prepare: (world) => exportDurations(world, []),
    objectives: fast('250ms'),
    reason: 'EdgeUnknown',
    message: /it has no edges at all: have the proxies keep classic buckets/,
  },
  'counters name a MetricsSource that does not exist': {
    objectives: orders(OWN),
    reason: 'SourceUnknown',
    message: /sourceRef: MetricsSource own in \w+: it does not exist: create it, or correct sourceRef\.name/,
  },
  'requests are read from a MetricsSource that does not exist': {
    objectives: [REQUESTS],
    analysis: OWN,
    reason: 'SourceUnknown',
    message: /\(availability\): sourceRef: MetricsSource own .*create it/,
  },
  'the address of its MetricsSource is none': {
    prepare: metricsSource({ address: 'prometheus' }),
    objectives: orders(OWN),
    reason: 'SourceUnknown',
    message: /MetricsSource own in \w+: spec\.address/,
  },
  'the Secret of its MetricsSource does not exist': {
    prepare: metricsSource({ address: ADDRESS, auth: TOKEN }),
    objectives: orders(OWN),
    reason: 'SourceUnknown',
    message: /spec\.auth\.bearerToken\.secretKeyRef: there is no Secret token: create it/,
  },
  'the Secret of its MetricsSource lacks the key': {
    prepare: async (world) => {
      await create(world, kinds.secret, 'token', { data: { other: 'eA==' } });
      await metricsSource({ address: ADDRESS, auth: TOKEN })(world);
    },
    objectives: orders(OWN),
    reason: 'SourceUnknown',
    message: /Secret token has nothing at key token: add it, or correct the field/,
  },
  'the source refuses our credentials': {
    prepare: failing('METRICS_UNAUTHORIZED', 'ConfigError', { reason: 'it refuses our credentials (HTTP 401)' }),
    objectives: [REQUESTS],
    reason: 'SourceRefused',
    message: /sourceRef: .*it refuses our credentials \(HTTP 401\)/,
  },
  'the source is away': {
    prepare: failing('METRICS_UNREACHABLE', 'TransientError', { reason: 'connection refused' }),
    objectives: [REQUESTS],
    reason: 'SourceUnavailable',
    message: /cannot be read now: connection refused: it is asked again; check that it runs/,
  },
  'the source answers in part': {
    prepare: ({ source }) => void source.warnings.push('store b is away'),
    objectives: [REQUESTS],
    reason: 'SourceUnavailable',
    message: /it answers only in part: store b is away: it is asked again/,
  },
  'the clock of the source is off': {
    prepare: ({ source }) => {
      source.skewMs = 300_000;
    },
    objectives: [REQUESTS],
    reason: 'SourceUnavailable',
    message: /the clock of .* is 300 s ahead.*it is asked again/,
  },
  'it names a ServiceLevelObjective that does not exist': {
    objectives: byName,
    reason: 'ObjectiveUnknown',
    message:
      /^spec\.objectives\[0\]\.objectiveRef: there is no ServiceLevelObjective slo .*create it or correct the name/,
  },
  'it names a ServiceLevelObjective that is wrong': {
    prepare: slo({ requests: { successRatio: 100 } }),
    objectives: byName,
    reason: 'ObjectiveInvalid',
    message: /ServiceLevelObjective slo: spec\.requests\.successRatio must be more than 0 and less than 100/,
  },
  'the ratio of a ServiceLevelObjective can never be shown': {
    prepare: slo({ requests: { successRatio: 99.99999 } }),
    objectives: byName,
    reason: 'RatioNotTestable',
    message:
      /^spec\.objectives\[0\]\.requests\.successRatio allows fewer failures than can be counted: set it to at most/,
  },
  'the deadline is shorter than a good release takes': {
    objectives: [{ name: 'strict', requests: { successRatio: 99.99 } }],
    reason: 'DeadlineTooShort',
    message: /^spec\.analysis\.deadline is 3m, but at \d+ requests a second .* strict .*lengthen the deadline/,
  },
};

/** What the API server refuses; an older one, or one without our rules, hands it to the controller. */
const INVALID: Readonly<Record<string, Pick<Wrong, 'objectives' | 'analysis' | 'message'>>> = {
  'asks for 100 %': {
    objectives: [{ name: 'all', requests: { successRatio: 100 } }],
    message: /spec\.objectives\[0\]\.requests\.successRatio: must be more than 0 and less than 100/,
  },
  'is written as a fraction': {
    objectives: orders({ ratio: 0.999 }),
    message: /spec\.objectives\[0\]\.prometheus\.ratio: must be more than 1, .*write 99\.9, not 0\.999/,
  },
  'can never be shown': {
    objectives: [{ name: 'all', requests: { successRatio: 99.99999 } }],
    message: /successRatio: allows fewer failures than can be counted: set it to at most/,
  },
  'is PromQL': {
    objectives: orders({ bad: 'rate(orders_failed_total{version="{{revision}}"}[5m])' }),
    message: /prometheus\.bad: must select raw counters, without functions/,
  },
  'does not tell versions apart': {
    objectives: orders({ total: 'orders_total' }),
    message: /prometheus\.total: must pick one version by a matcher with \{\{revision\}\}/,
  },
  'counts the same as bad and as total': {
    objectives: orders({ bad: ORDERS.total }),
    message: /prometheus\.bad: must not be the same as total/,
  },
  'has the name of another': {
    objectives: [REQUESTS, REQUESTS],
    message: /spec\.objectives\[1\]: Duplicate value: .* is named availability too; rename one/,
  },
  'has a deadline shorter than holds and bake': {
    objectives: [REQUESTS],
    analysis: { deadline: '1m', bake: '2m' },
    message: /spec\.analysis\.bake: must be shorter than spec\.analysis\.deadline .*lengthen the deadline/,
  },
};

/** A Rollout of which a new version is wanted that must keep `objectives`. */
async function wanted({ prepare, objectives, analysis }: Pick<Wrong, 'prepare' | 'objectives' | 'analysis'>) {
  const world = await createWorld({
    ...{ mode: 'owned', replicas: 2, onInconclusive: 'RollBack' },
    dice: createDice(1),
  });
  world.startController();
  await world.pass(40_000);
  await prepare?.(world);
  await world.patch(kinds.rollout, NAME, { spec: { objectives, ...(analysis !== undefined && { analysis }) } });
  await world.patch(kinds.deployment, NAME, { spec: { template: templateOf('v2') } });
  return world;
}

const conditionOf = (world: World, type: string) =>
  world.rollout()?.status?.conditions?.find((condition) => condition.type === type);

/** No object was made, no route written, no pod started. */
function expectUntouched(world: World): void {
  expect(world.route()).toBeUndefined();
  expect(world.kube.all(kinds.service).map(({ metadata }) => metadata.name)).toEqual([NAME]);
  expect(world.kube.all(kinds.replicaSet).map(({ metadata }) => metadata.name)).toEqual([`${NAME}-${STABLE}`]);
  expect(world.rollout()?.status?.canary).toBeUndefined();
}

describe('an objective that cannot be judged keeps a release from beginning, and says why and what helps, where', () => {
  it('at least 20 things are wrong in different ways', () => {
    expect(Object.keys(CASES).length).toBeGreaterThanOrEqual(20);
    expect(new Set(Object.values(CASES).map(({ message }) => message.source)).size).toBe(Object.keys(CASES).length);
  });

  it.each(Object.entries(CASES))('%s', async (_, wrong) => {
    const world = await wanted(wrong);
    await until(world, LIMIT_MS, () => conditionOf(world, 'ObjectivesReady')?.status === 'False');
    await world.pass(30_000);
    const { reason, message } = wrong;
    const named = { status: 'False', reason, message: expect.stringMatching(message) as string };
    expect(conditionOf(world, 'ObjectivesReady')).toMatchObject(named);
    expect(conditionOf(world, 'Ready')).toMatchObject(named);
    expect(world.rollout()?.status?.message).toMatch(message);
    const isPassing = reason === 'SourceUnavailable';
    expect(conditionOf(world, 'Stalled')?.status).toBe(isPassing ? 'False' : 'True');
    expect(brokenConditionRules(world.rollout() ?? { metadata: {} })).toEqual([]);
    expectUntouched(world);
  });
});

describe('an objective that cannot even be read stalls the Rollout, where it', () => {
  it.each(Object.entries(INVALID))('%s', async (_, { message, ...wrong }) => {
    const world = await wanted(wrong);
    await until(world, LIMIT_MS, () => conditionOf(world, 'Stalled')?.status === 'True');
    await world.pass(30_000);
    for (const type of ['Ready', 'Stalled'])
      expect(conditionOf(world, type)).toMatchObject({
        reason: 'InvalidSpec',
        message: expect.stringMatching(message) as string,
      });
    expectUntouched(world);
  });
});

describe('a cure', () => {
  it.each<[string, Pick<Wrong, 'objectives'>, (world: World) => Promise<void>]>([
    ['of a ServiceLevelObjective', { objectives: byName }, slo({ requests: { successRatio: 99 } })],
    [
      'of a MetricsSource',
      { objectives: orders(OWN) },
      async (world) => {
        exportOrders(world);
        await metricsSource({ address: ADDRESS })(world);
      },
    ],
  ])('%s is seen at once, also when it is long in coming', async (_, wrong, cure) => {
    const world = await wanted(wrong);
    await until(world, LIMIT_MS, () => conditionOf(world, 'ObjectivesReady')?.status === 'False');
    // By then it is asked about every two minutes.
    await world.pass(250_000);
    await cure(world);
    await until(world, 5_000, () => world.rollout()?.status?.canary !== undefined);
  });
});
