import { beforeEach, describe, expect, it } from 'vitest';
import { createFakeKube, type FakeKube } from '../../../test/support/fake-kube.ts';
import { SAMPLE_FAULT } from '../../../test/support/sample-fault.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kind, KubeObject } from '../../kube/port.ts';
import { renderArming } from './arming.ts';
import { createFaults } from './faults.ts';
import type { Fault, FaultPlan } from './port.ts';
import { renderFault } from './render.ts';

const ABORT: Fault = { kind: 'abort', httpStatus: 503 };
const THROTTLE: Fault = { kind: 'throttle', requestsPerSecond: 10, status: 429, retryAfterS: null };
const SHED: Fault = { kind: 'shed', status: 503, retryAfterS: null };
const CIRCUIT: Fault = { kind: 'circuit', maxConnections: 1, maxPendingRequests: null, maxRequests: null };
const SPREAD: Fault = {
  kind: 'spread',
  parts: [
    { delayMs: 1, share: 0.5 },
    { delayMs: 2, share: 0.5 },
  ],
};
const COHORT = [{ name: 'x-cohort', value: { exact: 'a' } }];

let kube: FakeKube;

interface Thing {
  readonly kind: Kind;
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

function add({ kind, name, namespace = 'shop', labels = {}, ...rest }: Thing): Promise<KubeObject> {
  const object = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, namespace, labels }, ...rest };
  return kube.create<KubeObject>(kind, object, { fieldManager: 'test' });
}

const service = (name: string, port: object = {}, labels = {}) =>
  add({ kind: kinds.service, name, labels, spec: { ports: [{ name: 'http', port: 80, ...port }] } });
const pod = (name: string, more: Partial<Thing> = {}) =>
  add({ kind: kinds.pod, name, labels: { app: 'web' }, spec: { containers: [{ name: 'web' }] }, ...more });
const sidecar = { spec: { containers: [{ name: 'web' }, { name: 'istio-proxy' }] } };
const route = (
  name: string,
  hosts: readonly string[] | undefined,
  http: readonly object[],
  more: Partial<Thing> = {},
) => add({ kind: kinds.virtualService, name, spec: { ...(hosts && { hosts }), http }, ...more });
const filter = (name: string, spec: object, namespace = 'shop') =>
  add({ kind: kinds.envoyFilter, name, namespace, spec });
const arm = () => kube.create(kinds.envoyFilter, renderArming(), { fieldManager: 'test' });
const patch = (value: object, match: object = {}, applyTo = 'HTTP_ROUTE') => ({
  configPatches: [{ applyTo, match, patch: { operation: 'MERGE', value } }],
});
const onHost = (name: string) => ({ routeConfiguration: { vhost: { name } } });
const faultOf = { typed_per_filter_config: { 'envoy.filters.http.fault': { delay: {} } } };
const limitOf = { typed_per_filter_config: { 'envoy.filters.http.local_ratelimit': {} } };

async function problems(more: Partial<FaultPlan> = {}): Promise<readonly (readonly [string, string, string])[]> {
  const plan = { ...SAMPLE_FAULT, ...more };
  const found = await createFaults(kube).inspect(plan);
  return found.map(({ severity, reason, message }) => [severity, reason, message] as const);
}

const refused = (reason: string, words: string) => [['refuse', reason, expect.stringContaining(words)]];

beforeEach(() => {
  kube = createFakeKube();
});

describe('the target', () => {
  beforeEach(() => pod('web-1', sidecar));

  it('must be there', async () => {
    expect(await problems()).toEqual(refused('TargetNotFound', 'no Service shop/ord'));
  });

  it('may begin where nothing is in the way', async () => {
    await service('ord');
    expect(await problems()).toEqual([]);
  });

  it.each<[string, object, string, string]>([
    ['another port', { port: 8080 }, 'PortNotFound', 'no port 80, only 8080'],
    ['a port by its name not HTTP', { name: 'tcp-db' }, 'PortNotHttp', '"tcp-db"'],
    ['a port by its appProtocol not HTTP', { appProtocol: 'redis' }, 'PortNotHttp', '"redis"'],
    ['a port of UDP', { name: 'dns', protocol: 'UDP' }, 'PortNotHttp', '"dns"'],
  ])('must not have %s', async (_, port, reason, words) => {
    await service('ord', port);
    expect(await problems()).toEqual(refused(reason, words));
  });

  it('must not be behind a waypoint, which takes the routes out of the proxies', async () => {
    await service('ord', {}, { 'istio.io/use-waypoint': 'shop-gate' });
    expect(await problems()).toEqual(refused('Waypoint', 'waypoint shop-gate'));
  });

  it('may say that it uses none, also where its namespace has one', async () => {
    const metadata = { name: 'shop', labels: { 'istio.io/use-waypoint': 'all' } };
    await kube.create(kinds.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata }, { fieldManager: 'test' });
    await service('pay');
    const target = { namespace: 'shop', service: 'pay', port: 80 };
    expect(await problems({ target })).toEqual(
      refused('Waypoint', 'waypoint all (label istio.io/use-waypoint of its Namespace)'),
    );
    await service('ord', {}, { 'istio.io/use-waypoint': 'none' });
    expect(await problems()).toEqual([]);
  });

  it('may be a revision only while a release sends requests to it', async () => {
    await service('ord');
    const target = { namespace: 'shop', service: 'ord', port: 80, revision: 'abc' };
    expect(await problems({ target })).toEqual(refused('RevisionNotFound', 'revision abc of Service shop/ord'));
    await service('ord-abc', {}, { 'sluice.dev/service': 'ord', 'sluice.dev/revision': 'abc' });
    expect(await problems({ target })).toEqual([]);
    expect(await problems({ fault: CIRCUIT })).toEqual(refused('ReleaseInProgress', 'past these limits'));
  });
});

describe('the callers', () => {
  beforeEach(() => service('ord'));

  it('must be there, ended and ending pods aside', async () => {
    await pod('done', sidecar);
    const ref = { kind: kinds.pod, namespace: 'shop', name: 'done' };
    const asKubelet = { fieldManager: 'kubelet', subresource: 'status' } as const;
    await kube.mergePatch(ref, { status: { phase: 'Succeeded' } }, asKubelet);
    await pod('other', { ...sidecar, labels: { app: 'batch' } });
    expect(await problems()).toEqual(refused('NoCallers', 'labels app=web in namespace shop'));
    expect(await problems({ callers: null })).toEqual([]);
  });

  it('must have a sidecar, all of them or some with a warning', async () => {
    await pod('web-1');
    expect(await problems()).toEqual(refused('NoSidecar', '1 of 1 pods'));
    await pod('web-2', sidecar);
    expect(await problems()).toEqual([['warn', 'SomeWithoutSidecar', expect.stringContaining('1 of 2 pods')]]);
  });

  it.each<[string, Partial<Thing>]>([
    ['that starts first', { spec: { containers: [{ name: 'web' }], initContainers: [{ name: 'istio-proxy' }] } }],
    ['that its label asks for', { labels: { app: 'web', 'sidecar.istio.io/inject': 'true' } }],
  ])('may have a sidecar %s', async (_, more) => {
    await pod('web-1', more);
    expect(await problems()).toEqual([]);
  });
});

describe('what a fault by limits cannot tell apart', () => {
  beforeEach(async () => {
    await service('ord');
    await service('ord-abc', {}, { 'sluice.dev/service': 'ord', 'sluice.dev/revision': 'abc' });
    await pod('web-1', sidecar);
    await arm();
  });

  it.each<[string, Fault]>([
    ['throttle', THROTTLE],
    ['shed', SHED],
  ])('is refused for a %s, naming the field', async (_, fault) => {
    expect(await problems({ fault, headers: COHORT })).toEqual(refused('CohortUnsupported', 'spec.cohort: '));
    const cookies = [{ name: 'a', exact: 'b' }];
    expect(await problems({ fault, cookies })).toEqual(refused('CohortUnsupported', 'spec.cohort: '));
    const target = { namespace: 'shop', service: 'ord', port: 80, revision: 'abc' };
    expect(await problems({ fault, target })).toEqual(refused('RevisionUnsupported', 'spec.target.revision: '));
    expect(await problems({ fault })).toEqual([]);
  });

  it('is refused for a circuit too', async () => {
    const reasons = (await problems({ fault: CIRCUIT, headers: COHORT })).map(([, reason]) => reason);
    expect(reasons).toEqual(['CohortUnsupported', 'ReleaseInProgress']);
  });

  it('is known of delays', async () => {
    expect(await problems({ fault: SPREAD, headers: COHORT })).toEqual([]);
  });

  it('is a spread of more than five', async () => {
    const parts = Array.from({ length: 6 }, () => ({ delayMs: 1, share: 1 / 6 }));
    expect(await problems({ fault: { kind: 'spread', parts } })).toEqual(refused('TooManyParts', 'at most 5'));
  });
});

describe('filters that proxies lack', () => {
  beforeEach(async () => {
    await service('ord');
    await pod('web-1', sidecar);
  });

  it.each<[string, Fault, string]>([
    ['throttle', THROTTLE, 'envoy.filters.http.local_ratelimit'],
    ['shed', SHED, 'envoy.filters.http.local_ratelimit'],
    ['spread', SPREAD, 'sluice.fault.2'],
  ])('refuse a %s with the command that arms them', async (_, fault, name) => {
    expect(await problems({ fault })).toEqual(
      refused('NotArmed', `no ${name}: run \`kubectl apply -f deploy/arming.yaml\``),
    );
    await arm();
    expect(await problems({ fault })).toEqual([]);
  });

  it('must be armed for all of the callers', async () => {
    const { configPatches } = renderArming().spec;
    const armed = (labels: Readonly<Record<string, string>>) =>
      filter(`arm-${Object.values(labels).join('-')}`, { workloadSelector: { labels }, configPatches });
    await armed({ app: 'web', version: 'v1' });
    expect(await problems({ fault: THROTTLE })).toEqual(refused('NotArmed', 'local_ratelimit'));
    await armed({ app: 'web' });
    expect(await problems({ fault: THROTTLE })).toEqual([]);
    expect(await problems({ fault: THROTTLE, callers: null })).toEqual(refused('NotArmed', 'local_ratelimit'));
  });
});

describe('another EnvoyFilter', () => {
  beforeEach(async () => {
    await service('ord');
    await pod('web-1', sidecar);
  });

  it.each<[string, object, string]>([
    ['for the same host', patch(faultOf, onHost('ord.shop.svc.cluster.local:80')), 'shop'],
    ['for every host', patch(faultOf), 'shop'],
    ['for every proxy', patch(faultOf), 'istio-system'],
    ['on the virtual host', patch(faultOf, {}, 'VIRTUAL_HOST'), 'shop'],
    ['on all routes', patch(faultOf, { context: 'ANY' }, 'ROUTE_CONFIGURATION'), 'shop'],
    ['on the filter itself', patch({ name: 'envoy.filters.http.fault', abort: {} }, {}, 'HTTP_FILTER'), 'shop'],
    ['for fewer callers', { workloadSelector: { labels: { app: 'web', version: 'v1' } }, ...patch(faultOf) }, 'shop'],
  ])('holds the fault %s', async (_, spec, namespace) => {
    await filter('rival', spec, namespace);
    expect(await problems()).toEqual(refused('FaultHeld', `EnvoyFilter ${namespace}/rival already sets`));
  });

  it.each<[string, object, string]>([
    ['for another host', patch(faultOf, onHost('pay.shop.svc.cluster.local:80')), 'shop'],
    ['for another port', patch(faultOf, onHost('ord.shop.svc.cluster.local:8080')), 'shop'],
    ['for other callers', { workloadSelector: { labels: { app: 'batch' } }, ...patch(faultOf) }, 'shop'],
    ['in a namespace of other callers', patch(faultOf), 'bank'],
    ['for what comes in', patch(faultOf, { context: 'SIDECAR_INBOUND' }), 'shop'],
    ['for gateways', patch(faultOf, { context: 'GATEWAY' }), 'shop'],
    ['of another filter', patch(limitOf), 'shop'],
    ['without a filter', patch({ access_log: [] }, {}, 'NETWORK_FILTER'), 'istio-system'],
    ['that has no patches', {}, 'shop'],
  ])('does not hold it %s', async (_, spec, namespace) => {
    await filter('other', spec, namespace);
    expect(await problems()).toEqual([]);
  });

  it('that limits all requests would be lifted by a throttle', async () => {
    await arm();
    const limit = { name: 'envoy.filters.http.local_ratelimit', typed_config: { token_bucket: {} } };
    await filter('global', patch(limit, {}, 'HTTP_FILTER'), 'istio-system');
    expect(await problems({ fault: THROTTLE })).toEqual(refused('FaultHeld', 'istio-system/global'));
    expect(await problems()).toEqual([]);
  });

  it('with limits or priorities of its own holds a circuit', async () => {
    await filter('limits', patch({ circuit_breakers: {} }, {}, 'CLUSTER'));
    await filter('others', patch({ circuit_breakers: {} }, { cluster: { service: 'pay' } }, 'CLUSTER'));
    await filter('priority', patch({ route: { priority: 'HIGH' } }));
    expect(await problems({ fault: CIRCUIT })).toEqual([
      ...refused('FaultHeld', 'shop/limits'),
      ...refused('FaultHeld', 'shop/priority'),
    ]);
    expect(await problems()).toEqual([]);
  });

  it('of another experiment on the same route holds it, but not that of this one', async () => {
    const target = { namespace: 'shop', service: 'ord', port: 80 };
    const rest = { target, callers: { app: 'web' }, headers: [], fault: ABORT };
    const write = (experiment: string) => {
      const fuse = { number: 1, uid: 'uid', expiresAt: 0, isOwner: true };
      const object = renderFault({ experiment, namespace: 'shop', ...rest }, 1, [fuse]);
      return kube.create(kinds.envoyFilter, object, { fieldManager: 'test' });
    };
    await write('late');
    expect(await problems()).toEqual([]);
    await write('earlier');
    expect(await problems()).toEqual(refused('FaultHeld', '(of ChaosExperiment shop/earlier) already'));
    expect(await problems({ fault: CIRCUIT })).toEqual([]);
  });
});

describe("the user's routes", () => {
  const faulty = [{ route: [] }, { fault: { abort: {} } }];
  beforeEach(async () => {
    await service('ord');
    await pod('web-1', sidecar);
  });

  it.each<[string, readonly string[]]>([
    ['its short name', ['pay', 'ord']],
    ['its full name', ['ord.shop.svc.cluster.local']],
    ['a wildcard', ['*.shop.svc.cluster.local']],
  ])('hold the fault with one of their own for %s, naming the rule', async (_, hosts) => {
    await route('own', hosts, faulty);
    expect(await problems()).toEqual(refused('FaultHeld', 'VirtualService shop/own spec.http[1] has a fault'));
    await arm();
    expect(await problems({ fault: THROTTLE })).toEqual([]);
  });

  it('hold it by a rule that they delegate to', async () => {
    await route('root', ['ord'], [{ delegate: { name: 'part', namespace: 'teams' } }]);
    await route('part', undefined, faulty, { namespace: 'teams' });
    expect(await problems()).toEqual(refused('FaultHeld', 'VirtualService teams/part spec.http[1]'));
  });

  it('do not hold it for other hosts, or for gateways only', async () => {
    await route('others', ['pay'], faulty);
    await route('elsewhere', ['ord'], faulty, { namespace: 'bank' });
    await add({
      kind: kinds.virtualService,
      name: 'door',
      spec: { hosts: ['ord'], gateways: ['shop/door'], http: faulty },
    });
    expect(await problems()).toEqual([]);
  });

  it('must not answer by themselves under a circuit', async () => {
    await route('moved', ['ord'], [{ redirect: { uri: '/' } }]);
    expect(await problems({ fault: CIRCUIT })).toEqual(refused('RouteUnsupported', 'shop/moved spec.http[0]'));
    expect(await problems()).toEqual([]);
  });
});
