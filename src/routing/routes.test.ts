import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeKube, type FakeKube } from '../../test/support/fake-kube.ts';
import { kinds } from '../kube/kinds.ts';
import type { JsonPatchOperation, Kind, KubeObject } from '../kube/port.ts';
import { createReflector } from '../kube/reflector.ts';
import { systemClock } from '../lib/clock.ts';
import type { Route, Routes, RouteTarget } from './port.ts';
import type { ServiceObject } from './revision-service.ts';
import type { DestinationRule, VirtualService, VirtualServiceSpec } from './routers/istio-types.ts';
import { createRoutes } from './routes.ts';

const namespace = 'shop';
const owned: RouteTarget = {
  namespace,
  service: 'ord',
  port: 'http',
  routing: { istio: {} },
  owner: { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', name: 'ord', uid: 'rollout-1', controller: true },
};
const adopting: RouteTarget = { ...owned, routing: { istio: { virtualService: 'shop' } } };
const release = (canaryBp: number): Route => ({ kind: 'revisions', stable: 'aaa', canary: 'bbb', canaryBp });
const userSpec: VirtualServiceSpec = {
  hosts: ['ord'],
  http: [
    { name: 'beta', route: [{ destination: { host: 'beta' } }] },
    { name: 'api', route: [{ destination: { host: 'ord' } }] },
  ],
};

let kube: FakeKube;
let routes: Routes;

const user = { fieldManager: 'kubectl' };
const create = (kind: Kind, name: string, content: object): Promise<KubeObject> =>
  kube.create(kind, { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, namespace }, ...content }, user);
const adopted = async () => kube.get<VirtualService>({ kind: kinds.virtualService, namespace, name: 'shop' });
const edit = (kind: Kind, name: string, patch: readonly JsonPatchOperation[]) =>
  kube.jsonPatch({ kind, namespace, name }, patch, { fieldManager: 'kubectl-edit' });

beforeEach(async () => {
  kube = createFakeKube();
  routes = createRoutes({ kube });
  await create(kinds.service, 'ord', {
    spec: { selector: { app: 'ord' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
});

/** Reads, then writes, as a reconcile does. */
async function write(target: RouteTarget, route: Route, expected: readonly Route[] = []): Promise<void> {
  const original = await routes.snapshot(target);
  await routes.write(target, original, route, await routes.read(target, original, expected));
}

describe('an owned route', () => {
  test('exists only between the first weight and the end', async () => {
    expect((await routes.read(owned, null, [])).observed).toEqual({ kind: 'plain' });
    await write(owned, release(100));
    expect((await routes.read(owned, { adopted: null }, [release(100)])).observed).toEqual(release(100));
    await write(owned, { kind: 'plain' }, [release(100)]);
    expect(kube.all(kinds.virtualService)).toEqual([]);
    expect((await routes.read(owned, { adopted: null }, [release(100), { kind: 'plain' }])).observed).toEqual({
      kind: 'plain',
    });
  });

  test('that somebody deleted is foreign, and is written again only on request', async () => {
    await write(owned, release(100));
    await kube.delete({ kind: kinds.virtualService, namespace, name: 'ord-sluice' });
    const reading = await routes.read(owned, { adopted: null }, [release(100)]);
    expect(reading.observed).toMatchObject({ kind: 'foreign', namesRevisions: false });
    await routes.write(owned, { adopted: null }, release(100), reading);
    expect((await routes.read(owned, { adopted: null }, [release(100)])).observed).toEqual(release(100));
  });

  test('is not written again when it is there already', async () => {
    await write(owned, release(100));
    const before = kube.all(kinds.virtualService);
    await write(owned, release(100));
    expect(kube.all(kinds.virtualService)).toEqual(before);
  });

  test('left over from a lost release is recognised without anything expected', async () => {
    await routes.ensureRevision(owned, 'aaa');
    await routes.ensureRevision(owned, 'bbb');
    await write(owned, release(2500));
    expect((await routes.read(owned, null, [])).observed).toEqual(release(2500));
  });

  test('with a weight that somebody changed is foreign, and is written again only on request', async () => {
    await write(owned, release(1000));
    await edit(kinds.virtualService, 'ord-sluice', [{ op: 'replace', path: '/spec/http/0/route/1/weight', value: 50 }]);
    const reading = await routes.read(owned, { adopted: null }, [release(1000)]);
    expect(reading.observed).toMatchObject({ kind: 'foreign', namesRevisions: true });
    await routes.write(owned, { adopted: null }, release(1000), reading);
    expect((await routes.read(owned, { adopted: null }, [release(1000)])).observed).toEqual(release(1000));
  });

  test('loses also what somebody added to it', async () => {
    await write(owned, release(1000));
    await edit(kinds.virtualService, 'ord-sluice', [{ op: 'add', path: '/spec/exportTo', value: ['.'] }]);
    await write(owned, release(1000));
    expect((await routes.read(owned, { adopted: null }, [release(1000)])).observed).toEqual(release(1000));
  });

  test('is written by one of two writers that read at the same time', async () => {
    const reading = await routes.read(owned, { adopted: null }, []);
    await routes.write(owned, { adopted: null }, release(100), reading);
    const second = routes.write(owned, { adopted: null }, release(200), reading);
    await expect(second).rejects.toMatchObject({ class: 'ConflictError', code: 'ALREADY_EXISTS' });
    const again = await routes.read(owned, { adopted: null }, [release(100)]);
    await routes.write(owned, { adopted: null }, release(300), again);
    const late = routes.write(owned, { adopted: null }, release(200), again);
    await expect(late).rejects.toMatchObject({ class: 'ConflictError', code: 'RESOURCE_VERSION_CONFLICT' });
  });

  test('of somebody else under its name is left alone', async () => {
    await create(kinds.virtualService, 'ord-sluice', { spec: { hosts: ['x'] } });
    await expect(routes.snapshot(owned)).rejects.toMatchObject({ code: 'ROUTE_NAME_TAKEN' });
    const reading = await routes.read(owned, { adopted: null }, []);
    expect(reading.observed).toMatchObject({ kind: 'foreign', namesRevisions: false });
    await expect(routes.write(owned, { adopted: null }, { kind: 'plain' }, reading)).rejects.toMatchObject({
      code: 'ROUTE_NAME_TAKEN',
    });
  });
});

describe('an adopted route', () => {
  beforeEach(() => create(kinds.virtualService, 'shop', { spec: userSpec }));

  test('goes through a release and is as before, owners of its fields included', async () => {
    const before = await adopted();
    const original = await routes.snapshot(adopting);
    for (const bp of [0, 100, 5000, 10_000]) {
      const reading = await routes.read(adopting, original, [release(bp)]);
      await routes.write(adopting, original, release(bp), reading);
      expect(await routes.read(adopting, original, [release(bp)])).toMatchObject({ observed: release(bp) });
    }
    expect((await adopted())?.metadata.managedFields).toContainEqual(expect.objectContaining({ manager: 'sluice' }));
    await routes.write(adopting, original, { kind: 'plain' }, await routes.read(adopting, original, [release(10_000)]));
    expect(JSON.stringify((await adopted())?.spec)).toBe(JSON.stringify(before?.spec));
    expect((await adopted())?.metadata.managedFields).toEqual(before?.metadata.managedFields);
  });

  test('whose restore was cut off between its two writes is completed by the next', async () => {
    const before = await adopted();
    const original = await routes.snapshot(adopting);
    await routes.write(adopting, original, release(100), await routes.read(adopting, original, []));
    let writes = 0;
    const cutOff = createRoutes({
      kube: {
        ...kube,
        jsonPatch: (...call) => (++writes > 1 ? Promise.reject(new Error('killed')) : kube.jsonPatch(...call)),
      },
    });
    const reading = await routes.read(adopting, original, [release(100)]);
    await expect(cutOff.write(adopting, original, { kind: 'plain' }, reading)).rejects.toThrow('killed');
    expect((await adopted())?.metadata.managedFields).not.toEqual(before?.metadata.managedFields);
    await routes.write(adopting, original, { kind: 'plain' }, await routes.read(adopting, original, []));
    expect((await adopted())?.metadata.managedFields).toEqual(before?.metadata.managedFields);
  });

  test('keeps a label that somebody set during the release', async () => {
    const original = await routes.snapshot(adopting);
    await routes.write(adopting, original, release(100), await routes.read(adopting, original, []));
    await kube.mergePatch(
      { kind: kinds.virtualService, namespace, name: 'shop' },
      { metadata: { labels: { team: 'a' } } },
      { fieldManager: 'labeller' },
    );
    await routes.write(adopting, original, { kind: 'plain' }, await routes.read(adopting, original, [release(100)]));
    const now = await adopted();
    expect(now?.spec).toEqual(userSpec);
    expect(now?.metadata.labels).toEqual({ team: 'a' });
    expect(now?.metadata.managedFields).toEqual([
      expect.objectContaining({ manager: 'kubectl' }),
      expect.objectContaining({ manager: 'labeller' }),
    ]);
  });

  test('that the user applies again during the release is foreign and stays theirs', async () => {
    const original = await routes.snapshot(adopting);
    await routes.write(adopting, original, release(100), await routes.read(adopting, original, []));
    const theirs = { ...userSpec, exportTo: ['.'] };
    await kube.mergePatch({ kind: kinds.virtualService, namespace, name: 'shop' }, { spec: theirs }, user);
    const reading = await routes.read(adopting, original, [release(100)]);
    expect(reading.observed).toMatchObject({ kind: 'foreign', namesRevisions: false });
    await routes.write(adopting, original, { kind: 'plain' }, reading);
    expect((await adopted())?.spec).toEqual(theirs);
  });

  test('that the user applies again unchanged is noticed as well', async () => {
    const original = await routes.snapshot(adopting);
    await routes.write(adopting, original, release(100), await routes.read(adopting, original, []));
    await kube.mergePatch({ kind: kinds.virtualService, namespace, name: 'shop' }, { spec: userSpec }, user);
    const reading = await routes.read(adopting, original, [release(100)]);
    expect(reading.observed).toMatchObject({
      kind: 'foreign',
      namesRevisions: false,
      message: expect.stringContaining('put back to what it was before the release'),
    });
    await routes.write(adopting, original, release(100), reading);
    expect((await routes.read(adopting, original, [release(100)])).observed).toEqual(release(100));
  });

  test('that was edited half-way is restored as a whole when the release is aborted', async () => {
    const original = await routes.snapshot(adopting);
    await routes.write(adopting, original, release(100), await routes.read(adopting, original, []));
    await edit(kinds.virtualService, 'shop', [{ op: 'add', path: '/spec/http/1/timeout', value: '9s' }]);
    const reading = await routes.read(adopting, original, [release(100)]);
    expect(reading.observed).toMatchObject({
      kind: 'foreign',
      namesRevisions: true,
      message: expect.stringContaining('spec.http[1].timeout'),
    });
    await routes.write(adopting, original, { kind: 'plain' }, reading);
    expect((await adopted())?.spec).toEqual(userSpec);
  });

  test('is not written over an edit that came after the reading', async () => {
    const original = await routes.snapshot(adopting);
    const reading = await routes.read(adopting, original, []);
    await edit(kinds.virtualService, 'shop', [{ op: 'add', path: '/spec/http/1/timeout', value: '9s' }]);
    await expect(routes.write(adopting, original, release(100), reading)).rejects.toMatchObject({
      class: 'ConflictError',
      code: 'PATCH_TEST_FAILED',
    });
  });

  test('is refused at the start when it still names revisions', async () => {
    await routes.ensureRevision(adopting, 'aaa');
    const original = await routes.snapshot(adopting);
    await routes.write(adopting, original, release(0), await routes.read(adopting, original, []));
    await expect(routes.snapshot(adopting)).rejects.toMatchObject({ code: 'ROUTE_LEFT_OVER' });
  });
});

describe('a revision Service', () => {
  const policy = { connectionPool: { http: { http2MaxRequests: 1 } } };
  const service = (name: string) => kube.get<ServiceObject>({ kind: kinds.service, namespace, name });

  test('selects the pods of its revision and has the ports and policies of the plain one', async () => {
    await create(kinds.destinationRule, 'ord', { spec: { host: 'ord', trafficPolicy: policy } });
    await routes.ensureRevision(owned, 'aaa');
    expect(await service('ord-aaa')).toMatchObject({
      metadata: { labels: { 'sluice.dev/revision': 'aaa' }, ownerReferences: [owned.owner] },
      spec: {
        selector: { app: 'ord', 'pod-template-hash': 'aaa' },
        ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
      },
    });
    expect(kube.all<DestinationRule>(kinds.destinationRule)).toContainEqual(
      expect.objectContaining({ spec: { host: 'ord-aaa', trafficPolicy: policy } }),
    );
    expect(await routes.readRevision(owned, 'aaa')).toEqual({ exists: true, readyEndpoints: 0, policiesInStep: true });
  });

  test('is created once, and its policies follow the changes of the user', async () => {
    await routes.ensureRevision(owned, 'aaa');
    const first = await service('ord-aaa');
    await create(kinds.destinationRule, 'ord', { spec: { host: 'ord', trafficPolicy: policy } });
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ policiesInStep: false });
    await routes.ensureRevision(owned, 'aaa');
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ policiesInStep: true });
    await edit(kinds.destinationRule, 'ord', [
      { op: 'replace', path: '/spec/trafficPolicy', value: { tls: { mode: 'DISABLE' } } },
    ]);
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ policiesInStep: false });
    await routes.ensureRevision(owned, 'aaa');
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ policiesInStep: true });
    await kube.delete({ kind: kinds.destinationRule, namespace, name: 'ord' });
    await routes.ensureRevision(owned, 'aaa');
    expect(kube.all(kinds.destinationRule)).toEqual([]);
    expect(await service('ord-aaa')).toEqual(first);
  });

  test('gets the changed ports of the plain one', async () => {
    await routes.ensureRevision(owned, 'aaa');
    await edit(kinds.service, 'ord', [{ op: 'replace', path: '/spec/ports/0/targetPort', value: 9090 }]);
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ policiesInStep: false });
    await routes.ensureRevision(owned, 'aaa');
    expect((await service('ord-aaa'))?.spec.ports).toMatchObject([{ targetPort: 9090 }]);
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ policiesInStep: true });
  });

  test('counts pods that are ready and not on their way out, each once', async () => {
    await routes.ensureRevision(owned, 'aaa');
    const slice = (name: string, endpoints: readonly object[]) =>
      kube.create(
        kinds.endpointSlice,
        {
          ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', endpoints },
          metadata: { name, namespace, labels: { 'kubernetes.io/service-name': 'ord-aaa' } },
        },
        user,
      );
    const pod = (uid: string, conditions: object) => ({ addresses: [`10.0.0.${uid}`], targetRef: { uid }, conditions });
    await slice('one', [
      pod('1', { ready: true }),
      pod('2', { ready: false }),
      pod('3', { ready: true, terminating: true }),
    ]);
    await slice('two', [pod('1', { ready: true }), pod('4', { ready: true }), pod('5', {})]);
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ readyEndpoints: 2 });
    expect(await routes.readRevision(owned, 'bbb')).toMatchObject({ exists: false, readyEndpoints: 0 });
  });

  test('can be read while the plain one is out of order', async () => {
    await routes.ensureRevision(owned, 'aaa');
    await edit(kinds.service, 'ord', [{ op: 'remove', path: '/spec/selector' }]);
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ exists: true, policiesInStep: false });
    await kube.delete({ kind: kinds.service, namespace, name: 'ord' });
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ exists: true, policiesInStep: false });
    await expect(routes.ensureRevision(owned, 'aaa')).rejects.toMatchObject({ code: 'SERVICE_MISSING' });
  });

  test('is never re-pointed', async () => {
    await create(kinds.service, 'ord-aaa', { spec: { selector: { app: 'mine' }, ports: [{ port: 80 }] } });
    await expect(routes.ensureRevision(owned, 'aaa')).rejects.toMatchObject({
      class: 'ConfigError',
      code: 'REVISION_NAME_TAKEN',
      message: expect.stringContaining('"shop/ord-aaa"'),
    });
    await routes.ensureRevision(owned, 'bbb');
    await edit(kinds.service, 'ord', [{ op: 'add', path: '/spec/selector/tier', value: 'web' }]);
    await expect(routes.ensureRevision(owned, 'bbb')).rejects.toMatchObject({ code: 'REVISION_SERVICE_SELECTOR' });
  });

  test('waits for a policy of somebody else to get out of the way', async () => {
    await create(kinds.destinationRule, 'ord', { spec: { host: 'ord', trafficPolicy: policy } });
    await create(kinds.destinationRule, 'ord-aaa', { spec: { host: 'other', trafficPolicy: {} } });
    await expect(routes.ensureRevision(owned, 'aaa')).rejects.toMatchObject({
      code: 'REVISION_NAME_TAKEN',
      message: expect.stringContaining('DestinationRule "shop/ord-aaa"'),
    });
  });

  test('of another Rollout is left alone', async () => {
    const other = { ...owned, owner: { ...owned.owner, uid: 'rollout-0' } };
    await routes.ensureRevision(other, 'aaa');
    await expect(routes.ensureRevision(owned, 'aaa')).rejects.toMatchObject({
      class: 'NotReadyError',
      code: 'REVISION_HELD',
    });
    await routes.removeRevision(owned, 'aaa');
    expect(await service('ord-aaa')).toBeDefined();
    expect(await routes.listRevisions(owned)).toEqual([]);
  });

  test('goes before its policies, and a cut-off removal is found and completed', async () => {
    await create(kinds.destinationRule, 'ord', { spec: { host: 'ord', trafficPolicy: policy } });
    await routes.ensureRevision(owned, 'aaa');
    const cutOff = createRoutes({
      kube: {
        ...kube,
        delete: (ref, options) =>
          ref.kind === kinds.destinationRule ? Promise.reject(new Error('killed')) : kube.delete(ref, options),
      },
    });
    await expect(cutOff.removeRevision(owned, 'aaa')).rejects.toThrow('killed');
    expect(await routes.readRevision(owned, 'aaa')).toMatchObject({ exists: true, readyEndpoints: 0 });
    expect(await service('ord-aaa')).toBeUndefined();
    expect(await routes.listRevisions(owned)).toEqual(['aaa']);
    await routes.removeRevision(owned, 'aaa');
    await routes.removeRevision(owned, 'aaa');
    expect(await routes.listRevisions(owned)).toEqual([]);
    expect(kube.all(kinds.destinationRule)).toHaveLength(1);
  });
});

describe('local copies', () => {
  test('are read instead of the server, and show own writes at once', async () => {
    const calls: string[] = [];
    const server = createFakeKube({ intercept: ({ verb, kind }) => void calls.push(`${verb} ${kind.kind}`) });
    const stop = new AbortController();
    const copy = (kind: Kind) => createReflector<KubeObject>(server, kind, { clock: systemClock });
    const reflectors = {
      virtualService: copy(kinds.virtualService),
      destinationRule: copy(kinds.destinationRule),
      service: copy(kinds.service),
      endpointSlice: copy(kinds.endpointSlice),
    };
    const spec = { selector: { app: 'ord' }, ports: [{ name: 'http', port: 80 }] };
    const metadata = { name: 'ord', namespace };
    await server.create(kinds.service, { apiVersion: 'v1', kind: 'Service', metadata, spec } as KubeObject, user);
    for (const reflector of Object.values(reflectors)) reflector.start(stop.signal);
    for (const reflector of Object.values(reflectors)) await reflector.synced();
    const copied = createRoutes({ kube: server, reflectors });
    calls.length = 0;
    await copied.ensureRevision(owned, 'aaa');
    expect(await copied.readRevision(owned, 'aaa')).toMatchObject({ exists: true, policiesInStep: true });
    expect(await copied.listRevisions(owned)).toEqual(['aaa']);
    await copied.write(owned, { adopted: null }, release(0), await copied.read(owned, { adopted: null }, []));
    const { observed } = await copied.read(owned, { adopted: null }, [release(0)]);
    expect(observed).toEqual(release(0));
    expect(calls.filter((call) => !call.startsWith('watch'))).toEqual(['create Service', 'create VirtualService']);
    stop.abort();
  });
});

describe('local copies that are not in yet', () => {
  test('are not read', async () => {
    const service = createReflector<KubeObject>(kube, kinds.service, { clock: systemClock });
    await createRoutes({ kube, reflectors: { service } }).ensureRevision(owned, 'aaa');
    expect(await routes.listRevisions(owned)).toEqual(['aaa']);
  });
});

describe('a target that cannot be routed', () => {
  const service = (spec: object) =>
    edit(kinds.service, 'ord', [
      { op: 'replace', path: '/spec', value: { ports: [{ name: 'http', port: 80 }], ...spec } },
    ]);

  test.each([
    ['no Service', () => kube.delete({ kind: kinds.service, namespace, name: 'ord' }), 'SERVICE_MISSING'],
    ['no selector', () => service({}), 'SERVICE_WITHOUT_SELECTOR'],
    ['an external name', () => service({ type: 'ExternalName' }), 'SERVICE_EXTERNAL'],
    ['one revision only', () => service({ selector: { 'pod-template-hash': 'x' } }), 'SERVICE_SELECTS_REVISION'],
    [
      'another port',
      () => service({ selector: { a: 'b' }, ports: [{ name: 'web', port: 81 }] }),
      'SERVICE_PORT_UNKNOWN',
    ],
    [
      'a TCP port',
      () => service({ selector: { a: 'b' }, ports: [{ name: 'http', appProtocol: 'tcp', port: 81 }] }),
      'PROTOCOL_UNSUPPORTED',
    ],
  ])('is refused: %s', async (_what, prepare, code) => {
    await prepare();
    await expect(routes.snapshot(owned)).rejects.toMatchObject({ code, message: expect.stringContaining('shop/ord') });
  });

  test('is refused when a revision would get too long a name', async () => {
    const long = { ...owned, service: 'o'.repeat(60) };
    await create(kinds.service, long.service, {
      spec: { selector: { app: 'o' }, ports: [{ name: 'http', port: 80 }] },
    });
    await expect(routes.ensureRevision(long, 'aaa')).rejects.toMatchObject({ code: 'SERVICE_NAME_TOO_LONG' });
  });
});
