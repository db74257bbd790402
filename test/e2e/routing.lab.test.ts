import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../src/kube/port.ts';
import type { Route, RouteOriginal, Routes, RouteTarget } from '../../src/routing/port.ts';
import type { VirtualService } from '../../src/routing/routers/istio-types.ts';
import { createRoutes } from '../../src/routing/routes.ts';
import { eventually } from '../support/eventually.ts';
import { PodScene, podKinds } from './pod-scene.ts';

const namespace = 'routing';
const kube = createKube();
const scene = new PodScene(kube, namespace);
const routes: Routes = createRoutes({ kube });
const gitops = { fieldManager: 'gitops' };
const policy = { connectionPool: { http: { http2MaxRequests: 77 } } };

let owned: RouteTarget;
let adopting: RouteTarget;
/** The pod-template-hash of version a (stable) and b (canary). */
let stable: string;
let canary: string;

const release = (canaryBp: number): Route => ({ kind: 'revisions', stable, canary, canaryBp });
const make = (kind: Kind, name: string, spec: object) =>
  kube.apply(kind, manifest(kind, name, spec), gitops) as Promise<VirtualService>;
const manifest = (kind: Kind, name: string, spec: object) => ({
  apiVersion: kind.apiVersion,
  kind: kind.kind,
  metadata: { name, namespace },
  spec,
});
const remove = (kind: Kind, name: string) => kube.delete({ kind, namespace, name });

async function write(
  target: RouteTarget,
  original: RouteOriginal,
  route: Route,
  expected: Route[] = [],
): Promise<void> {
  await routes.write(target, original, route, await routes.read(target, original, expected));
}

beforeAll(async () => {
  await scene.open();
  await scene.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'ord' },
    spec: { selector: { app: 'ord' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
  for (const version of ['a', 'b'])
    await scene.apply(deployment(`ord-${version}`, { app: 'ord', version }, echo(version)));
  await scene.apply(deployment('load', { app: 'load', 'sidecar.istio.io/inject': 'true' }, load));
  for (const name of ['ord-a', 'ord-b', 'load']) await scene.rolledOut(name);
  const hashes = new Map(
    (await scene.pods('ord')).map(({ metadata }) => [metadata.labels?.['version'], metadata.labels]),
  );
  stable = hashes.get('a')?.['pod-template-hash'] ?? '';
  canary = hashes.get('b')?.['pod-template-hash'] ?? '';
  // Some object must own what Sluice makes, and take it along when it goes.
  const owner = await kube.create<KubeObject>(
    podKinds.configMap,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owner', namespace } },
    gitops,
  );
  owned = {
    ...{ namespace, service: 'ord', port: 'http', routing: { istio: {} } },
    owner: { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid ?? '', controller: true },
  };
  adopting = { ...owned, routing: { istio: { virtualService: 'shop' } } };
});

afterAll(() => scene.close());

describe('an owned route', () => {
  it('loses no request on its way from the plain Service through the weights and back', async () => {
    const original = await routes.snapshot(owned);
    const report = await scene.underLoad(async () => {
      for (const revision of [stable, canary]) await routes.ensureRevision(owned, revision);
      await eventually('ready endpoints of both revisions', async () => {
        const readings = await Promise.all([stable, canary].map((revision) => routes.readRevision(owned, revision)));
        return readings.every(({ exists, readyEndpoints }) => exists && readyEndpoints > 0);
      });
      await scene.proxiesKnow('load', [`ord-${stable}`, `ord-${canary}`]);
      for (const bp of [0, 2500, 10_000]) {
        await write(owned, original, release(bp), [release(bp)]);
        await routedAs([
          [stable, 10_000 - bp],
          [canary, bp],
        ]);
        expect((await routes.read(owned, original, [release(bp)])).observed).toEqual(release(bp));
      }
      await write(owned, original, { kind: 'plain' }, [release(10_000)]);
      await routedTo([['ord', 10_000]]);
    });
    expect(report.failures).toEqual([]);
    expect((await kube.list(kinds.virtualService, { namespace })).items).toEqual([]);
    for (const revision of [stable, canary]) await routes.removeRevision(owned, revision);
    expect(await routes.listRevisions(owned)).toEqual([]);
  });

  it('has weights of a hundredth of a percent in the proxy', async () => {
    const original = await routes.snapshot(owned);
    for (const revision of [stable, canary]) await routes.ensureRevision(owned, revision);
    await scene.proxiesKnow('load', [`ord-${stable}`, `ord-${canary}`]);
    await write(owned, original, release(1));
    await routedAs([
      [stable, 9999],
      [canary, 1],
    ]);
    await write(owned, original, { kind: 'plain' }, [release(1)]);
  });
});

describe("the user's policy of the plain host", () => {
  it('reaches the revision hosts in the proxy, from its own rule and from a wildcard', async () => {
    await make(kinds.destinationRule, 'ord', { host: 'ord', trafficPolicy: policy });
    for (const revision of [stable, canary]) await routes.ensureRevision(owned, revision);
    for (const revision of [stable, canary]) await limitsRequests(`ord-${revision}`, 77);
    await remove(kinds.destinationRule, 'ord');
    await make(kinds.destinationRule, 'all', {
      host: '*.routing.svc.cluster.local',
      trafficPolicy: { connectionPool: { http: { http2MaxRequests: 78 } } },
    });
    for (const revision of [stable, canary]) await routes.ensureRevision(owned, revision);
    for (const revision of [stable, canary]) await limitsRequests(`ord-${revision}`, 78);
    expect((await kube.list(kinds.destinationRule, { namespace })).items).toHaveLength(1);
    await remove(kinds.destinationRule, 'all');
  });
});

describe('an adopted route', () => {
  const spec = {
    hosts: ['ord'],
    http: [
      {
        name: 'beta',
        match: [{ headers: { 'x-beta': { exact: 'yes' } } }],
        route: [{ destination: { host: 'beta' } }],
      },
      {
        name: 'api',
        timeout: '3s',
        retries: { attempts: 2, perTryTimeout: '1s' },
        route: [
          { destination: { host: 'ord', port: { number: 80 } }, headers: { request: { set: { 'x-from': 'api' } } } },
        ],
      },
      { route: [{ destination: { host: 'ord.routing.svc.cluster.local' } }] },
    ],
  };
  const adopted = async () => kube.get<VirtualService>({ kind: kinds.virtualService, namespace, name: 'shop' });

  it('is as before after a release, and its owner may apply a changed file without a conflict', async () => {
    const before = await make(kinds.virtualService, 'shop', spec);
    const original = await routes.snapshot(adopting);
    for (const revision of [stable, canary]) await routes.ensureRevision(adopting, revision);
    await scene.proxiesKnow('load', [`ord-${stable}`, `ord-${canary}`]);
    for (const bp of [0, 1000, 10_000]) {
      await write(adopting, original, release(bp), [release(bp), release(1000), release(0)]);
      expect((await routes.read(adopting, original, [release(bp)])).observed).toEqual(release(bp));
      await routedAs([
        [stable, 10_000 - bp],
        [canary, bp],
      ]);
    }
    await write(adopting, original, { kind: 'plain' }, [release(10_000)]);
    const after = await adopted();
    expect(JSON.stringify(after?.spec)).toBe(JSON.stringify(before.spec));
    expect(after?.metadata.managedFields).toEqual(before.metadata.managedFields);
    const changed = await make(kinds.virtualService, 'shop', { ...spec, exportTo: ['*'], http: spec.http.slice(1) });
    expect(changed.spec.http).toHaveLength(2);
    await remove(kinds.virtualService, 'shop');
  });

  it('survives the ways in which kubectl writes it, and says what changed', async () => {
    const file = JSON.stringify(manifest(kinds.virtualService, 'shop', spec));
    await kubectl(['apply', '-f', '-'], file);
    const before = await adopted();
    const original = await routes.snapshot(adopting);
    await write(adopting, original, release(1000));
    await kubectl(['apply', '-f', '-'], file);
    const putBack = await routes.read(adopting, original, [release(1000)]);
    expect(putBack.observed).toMatchObject({
      kind: 'foreign',
      namesRevisions: false,
      message: expect.stringContaining('put back to what it was before the release'),
    });
    await routes.write(adopting, original, release(1000), putBack);
    const refused = kubectl(['apply', '--server-side', '-f', '-'], file);
    await expect(refused).rejects.toThrow(/conflict.*sluice[\s\S]*\.spec\.http/);
    expect((await routes.read(adopting, original, [release(1000)])).observed).toEqual(release(1000));
    await kubectl([
      'patch',
      'virtualservice',
      'shop',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/http/1/timeout","value":"9s"}]',
    ]);
    const reading = await routes.read(adopting, original, [release(1000)]);
    expect(reading.observed).toMatchObject({
      kind: 'foreign',
      namesRevisions: true,
      message: expect.stringContaining('spec.http[1].timeout'),
    });
    await routes.write(adopting, original, { kind: 'plain' }, reading);
    const after = await adopted();
    expect(JSON.stringify(after?.spec)).toBe(JSON.stringify(before?.spec));
    expect(ownersOf(after)).toEqual(ownersOf(before));
    await remove(kinds.virtualService, 'shop');
  });
});

const ownersOf = (object: KubeObject | undefined) =>
  (object?.metadata.managedFields as { manager: string; fieldsV1: object }[] | undefined)?.map(
    ({ manager, fieldsV1 }) => ({ manager, fieldsV1 }),
  );

/** Waits until the route in the load's proxy goes to these revisions in these proportions. */
async function routedAs(shares: readonly (readonly [string, number])[]): Promise<void> {
  await routedTo(shares.filter(([, bp]) => bp > 0).map(([revision, bp]) => [`ord-${revision}`, bp]));
}

async function routedTo(wanted: readonly (readonly [string, number])[]): Promise<void> {
  let seen: unknown;
  const look = async () => {
    const rules = await proxyRules();
    seen = rules;
    return rules.some((rule) => JSON.stringify(rule) === JSON.stringify(wanted));
  };
  await eventually(`the route ${JSON.stringify(wanted)} in the proxy`, look, { lastSeen: () => seen });
}

interface ProxyRoute {
  readonly route?: {
    readonly cluster?: string;
    readonly weighted_clusters?: { readonly clusters: readonly { readonly name: string; readonly weight: number }[] };
  };
}

/** For each rule of the host `ord` in the load's proxy: the Services that it goes to, with basis points. */
async function proxyRules(): Promise<readonly (readonly (readonly [string, number])[])[]> {
  const url = `http://${await scene.podIp('load')}:15000/config_dump?resource=dynamic_route_configs`;
  const dump = (await (await fetch(url)).json()) as {
    configs?: { route_config: { virtual_hosts?: { name: string; routes: ProxyRoute[] }[] } }[];
  };
  const hosts = (dump.configs ?? []).flatMap(({ route_config }) => route_config.virtual_hosts ?? []);
  const rules = hosts
    .filter(({ name }) => name === `ord.${namespace}.svc.cluster.local:80`)
    .flatMap(({ routes }) => routes);
  return rules.map(({ route = {} }) => {
    const clusters = route.weighted_clusters?.clusters ?? [{ name: route.cluster ?? '', weight: 1 }];
    const total = clusters.reduce((sum, { weight }) => sum + weight, 0);
    return clusters.map(
      ({ name, weight }) => [name.split('|')[3]?.split('.')[0] ?? '', (weight * 10_000) / total] as const,
    );
  });
}

async function limitsRequests(service: string, maximum: number): Promise<void> {
  const pattern = new RegExp(`\\|${service}\\.${namespace}\\.svc\\S*::default_priority::max_requests::(\\d+)`);
  let seen: string | undefined;
  await eventually(
    `at most ${maximum} requests to ${service} in the proxy`,
    async () => {
      const clusters = await (await fetch(`http://${await scene.podIp('load')}:15000/clusters`)).text();
      seen = pattern.exec(clusters)?.[1];
      return Number(seen) === maximum;
    },
    { lastSeen: () => seen },
  );
}

function kubectl(words: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('kubectl', ['-n', namespace, ...words], (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr, { cause: error }));
    });
    child.stdin?.end(input);
  });
}

const readinessProbe = (port: number) => ({ httpGet: { path: '/healthz', port }, periodSeconds: 1 });
const echo = (version: string) => ({
  name: 'echo',
  image: 'lab/echo:v1',
  env: [{ name: 'VERSION', value: version }],
  readinessProbe: readinessProbe(8080),
});
const load = {
  name: 'load',
  image: 'lab/load:v1',
  env: [
    { name: 'TARGET', value: 'http://ord.routing/' },
    { name: 'RATE', value: '100' },
  ],
  readinessProbe: readinessProbe(9902),
};

function deployment(name: string, labels: Readonly<Record<string, string>>, container: object) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
  };
}
