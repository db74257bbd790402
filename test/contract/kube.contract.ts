import { beforeEach, describe, expect, test } from 'vitest';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject, WatchEvent } from '../../src/kube/port.ts';
import { eventually } from '../support/eventually.ts';

/** A plain object for the suite: its content is `data`. */
interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** An object with spec, status and a spec field that is one atomic list. */
interface VirtualService extends KubeObject {
  readonly spec: {
    readonly hosts: readonly string[];
    readonly http?: readonly object[];
    readonly exportTo?: readonly string[];
  };
  readonly status?: { readonly observedGeneration?: string | number };
}

const configMaps: Kind = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

/** What the Kube port promises, asked of whatever `server` gives: a Kube and a namespace of its own for each test. */
export function kubeContract(server: () => Promise<{ readonly kube: Kube; readonly namespace: string }>): void {
  let kube: Kube;
  let namespace: string;

  beforeEach(async () => {
    ({ kube, namespace } = await server());
  });

  const alice = { fieldManager: 'alice' };
  const bob = { fieldManager: 'bob' };
  const ref = (kind: Kind, name = 'a') => ({ kind, namespace, name });
  const configMap = (data: Record<string, string>, metadata: object = {}): ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace, ...metadata },
    data,
  });
  const virtualService = (spec: VirtualService['spec'], metadata: object = {}): VirtualService => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'a', namespace, ...metadata },
    spec,
  });
  const spec = { hosts: ['a'], http: [{ name: 'one', route: [{ destination: { host: 'a' } }] }] };
  const ownersOf = ({ metadata }: KubeObject) =>
    (metadata.managedFields as readonly { manager: string; operation: string; fieldsV1: object }[]).map((entry) => ({
      by: `${entry.manager}/${entry.operation}`,
      // The server marks with a dot that a map itself is owned; who owns its fields does not depend on it.
      fields: JSON.parse(
        JSON.stringify(entry.fieldsV1)
          .replaceAll(/"\.":\{\},?/g, '')
          .replaceAll(',}', '}'),
      ),
    }));
  const managersOf = (object: KubeObject) => ownersOf(object).map(({ by }) => by);

  describe('an object', () => {
    test('is created once', async () => {
      const created = await kube.create(configMaps, configMap({ x: '1' }), alice);
      expect(created.metadata).toMatchObject({ uid: expect.any(String), resourceVersion: expect.any(String) });
      expect(await kube.get(ref(configMaps))).toEqual(created);
      await expect(kube.create(configMaps, configMap({}), alice)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    });

    test('is undefined where there is none', async () => {
      expect(await kube.get(ref(configMaps, 'none'))).toBeUndefined();
    });

    test('cannot be written before it exists', async () => {
      const missing = { class: 'NotReadyError', code: 'NOT_FOUND' };
      await expect(kube.mergePatch(ref(configMaps), { data: {} }, alice)).rejects.toMatchObject(missing);
      await expect(
        kube.jsonPatch(ref(configMaps), [{ op: 'add', path: '/data', value: {} }], alice),
      ).rejects.toMatchObject(missing);
      await expect(kube.replace(configMaps, configMap({}), alice)).rejects.toMatchObject(missing);
    });

    test('may be deleted twice, and only when it is the one that is meant', async () => {
      const first = await kube.create(configMaps, configMap({ x: '1' }), alice);
      await expect(kube.delete(ref(configMaps), { uid: 'another' })).rejects.toMatchObject({ code: 'UID_CONFLICT' });
      await expect(kube.delete(ref(configMaps), { resourceVersion: '1' })).rejects.toMatchObject({
        code: 'RESOURCE_VERSION_CONFLICT',
      });
      await kube.delete(ref(configMaps), {
        uid: first.metadata.uid ?? '',
        resourceVersion: first.metadata.resourceVersion ?? '',
      });
      await kube.delete(ref(configMaps));
      expect(await kube.get(ref(configMaps))).toBeUndefined();
    });

    test('with a finalizer stays until that is gone', async () => {
      await kube.create(configMaps, configMap({ x: '1' }, { finalizers: ['sluice.dev/test'] }), alice);
      await kube.delete(ref(configMaps));
      expect((await kube.get(ref(configMaps)))?.metadata.deletionTimestamp).toEqual(expect.any(String));
      await kube.mergePatch(ref(configMaps), { metadata: { finalizers: null } }, alice);
      expect(await kube.get(ref(configMaps))).toBeUndefined();
    });

    test('is found by labels', async () => {
      await kube.create(configMaps, configMap({}, { name: 'a', labels: { app: 'x', tier: 'web' } }), alice);
      await kube.create(configMaps, configMap({}, { name: 'b', labels: { app: 'y' } }), alice);
      const names = async (labelSelector: string) =>
        (await kube.list(configMaps, { namespace, labelSelector })).items.map(({ metadata }) => metadata.name);
      expect(await names('app=x')).toEqual(['a']);
      expect(await names('app=x,tier=web')).toEqual(['a']);
      expect(await names('app=x,tier=db')).toEqual([]);
      expect(await names('app in (x, y)')).toEqual(['a', 'b']);
      expect(await names('app,!tier')).toEqual(['b']);
      expect(await names('app!=x,app')).toEqual(['b']);
      const byName = await kube.list(configMaps, { namespace, fieldSelector: 'metadata.name=b' });
      expect(byName.items.map(({ metadata }) => metadata.name)).toEqual(['b']);
    });

    test('read from a list names its kind', async () => {
      await kube.create(configMaps, configMap({}), alice);
      const { items } = await kube.list(configMaps, { namespace });
      expect(items.find(({ metadata }) => metadata.name === 'a')).toMatchObject({
        apiVersion: 'v1',
        kind: 'ConfigMap',
      });
    });
  });

  describe('a version', () => {
    test('changes with each write that changes anything, and only then', async () => {
      const first = await kube.create(configMaps, configMap({ x: '1' }), alice);
      const same = await kube.mergePatch(ref(configMaps), { data: { x: '1' } }, alice);
      expect(same.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      const next = await kube.mergePatch(ref(configMaps), { data: { x: '2' } }, alice);
      expect(next.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    });

    test('guards every kind of write', async () => {
      const old = await kube.create(configMaps, configMap({ x: '1' }), alice);
      await kube.mergePatch(ref(configMaps), { data: { x: '2' } }, alice);
      const conflict = { class: 'ConflictError', code: 'RESOURCE_VERSION_CONFLICT' };
      const { resourceVersion } = old.metadata;
      await expect(kube.replace(configMaps, old, alice)).rejects.toMatchObject(conflict);
      await expect(
        kube.mergePatch(ref(configMaps), { metadata: { resourceVersion }, data: { x: '3' } }, alice),
      ).rejects.toMatchObject(conflict);
      await expect(
        kube.apply(configMaps, configMap({ x: '3' }, { resourceVersion }), { ...alice, force: true }),
      ).rejects.toMatchObject(conflict);
      expect((await kube.get<ConfigMap>(ref(configMaps)))?.data).toEqual({ x: '2' });
    });

    test('must be given to replace an object of a custom kind', async () => {
      await kube.create(kinds.virtualService, virtualService(spec), alice);
      await expect(kube.replace(kinds.virtualService, virtualService(spec), alice)).rejects.toMatchObject({
        class: 'ConfigError',
        code: 'INVALID',
      });
    });
  });

  describe('a generation', () => {
    test('counts changes of the spec, not of metadata or status', async () => {
      const created = await kube.create(kinds.virtualService, virtualService(spec), alice);
      expect(created.metadata.generation).toBe(1);
      const labelled = await kube.mergePatch(ref(kinds.virtualService), { metadata: { labels: { a: 'b' } } }, alice);
      expect(labelled.metadata.generation).toBe(1);
      const changed = await kube.mergePatch(ref(kinds.virtualService), { spec: { exportTo: ['.'] } }, alice);
      expect(changed.metadata.generation).toBe(2);
    });
  });

  describe('a status', () => {
    test('is written only through its subresource, which writes nothing else', async () => {
      await kube.create(kinds.virtualService, virtualService(spec), alice);
      const status = { observedGeneration: 1 };
      const ignored = await kube.mergePatch<VirtualService>(ref(kinds.virtualService), { status }, alice);
      expect(ignored.status).toBeUndefined();
      const written = await kube.mergePatch<VirtualService>(
        ref(kinds.virtualService),
        { status, spec: { exportTo: ['.'] } },
        { ...alice, subresource: 'status' },
      );
      expect(written).toMatchObject({ spec, metadata: { generation: 1 } });
      expect(Number(written.status?.observedGeneration)).toBe(1);
    });

    test('is applied by its owner alone', async () => {
      await kube.create(kinds.virtualService, virtualService(spec), alice);
      const applied = await kube.apply<VirtualService>(
        kinds.virtualService,
        { ...virtualService(spec), status: { observedGeneration: 3 } },
        { ...bob, subresource: 'status' },
      );
      expect(Number(applied.status?.observedGeneration)).toBe(3);
      expect(managersOf(applied)).toEqual(['bob/Apply', 'alice/Update']);
    });
  });

  describe('server-side apply', () => {
    test('creates, changes and removes what its manager applied, and leaves the rest', async () => {
      await kube.apply(configMaps, configMap({ mine: '1', also: '1' }), alice);
      await kube.mergePatch(ref(configMaps), { data: { theirs: '1' } }, bob);
      const applied = await kube.apply<ConfigMap>(configMaps, configMap({ mine: '2' }), alice);
      expect(applied.data).toEqual({ mine: '2', theirs: '1' });
    });

    test('refuses a field that another manager holds with another value, and takes it by force', async () => {
      await kube.apply(configMaps, configMap({ x: '1' }), alice);
      await kube.apply(configMaps, configMap({ x: '1' }), bob);
      const refused = kube.apply(configMaps, configMap({ x: '2' }), bob);
      await expect(refused).rejects.toMatchObject({
        class: 'ConflictError',
        code: 'FIELD_CONFLICT',
        details: { conflicts: [{ field: '.data.x', manager: 'alice' }] },
      });
      const forced = await kube.apply<ConfigMap>(configMaps, configMap({ x: '2' }), { ...bob, force: true });
      expect(forced.data).toEqual({ x: '2' });
      expect(managersOf(forced)).toEqual(['bob/Apply']);
    });

    test('that changes nothing makes no new version', async () => {
      const first = await kube.apply(configMaps, configMap({ x: '1' }), alice);
      const second = await kube.apply(configMaps, configMap({ x: '1' }), alice);
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    });
  });

  describe('a JSON patch', () => {
    test('is applied as a whole or not at all', async () => {
      await kube.create(configMaps, configMap({ x: '1', y: '1' }), alice);
      const replace = { op: 'replace', path: '/data/x', value: '2' } as const;
      const failed = kube.jsonPatch(ref(configMaps), [replace, { op: 'test', path: '/data/y', value: '2' }], alice);
      await expect(failed).rejects.toMatchObject({ class: 'ConflictError', code: 'PATCH_TEST_FAILED' });
      const missing = kube.jsonPatch(ref(configMaps), [replace, { op: 'remove', path: '/data/z' }], alice);
      await expect(missing).rejects.toMatchObject({ code: 'PATCH_TEST_FAILED' });
      const done = await kube.jsonPatch<ConfigMap>(
        ref(configMaps),
        [{ op: 'test', path: '/data/y', value: '1' }, replace, { op: 'remove', path: '/data/y' }],
        alice,
      );
      expect(done.data).toEqual({ x: '2' });
    });

    test('tests whole lists whatever the order of keys', async () => {
      await kube.create(kinds.virtualService, virtualService(spec), alice);
      const reordered = [{ route: [{ destination: { host: 'a' } }], name: 'one' }];
      const patched = await kube.jsonPatch<VirtualService>(
        ref(kinds.virtualService),
        [
          { op: 'test', path: '/spec/http', value: reordered },
          { op: 'add', path: '/spec/http/0/timeout', value: '3s' },
        ],
        bob,
      );
      expect(patched.spec.http).toEqual([{ ...spec.http[0], timeout: '3s' }]);
    });
  });

  describe('the owners of fields', () => {
    test('are the last to have written them', async () => {
      const created = await kube.create(kinds.virtualService, virtualService(spec), alice);
      expect(managersOf(created)).toEqual(['alice/Update']);
      const patched = await kube.jsonPatch(
        ref(kinds.virtualService),
        [{ op: 'replace', path: '/spec/http/0/name', value: 'two' }],
        bob,
      );
      expect(ownersOf(patched)).toEqual([
        { by: 'alice/Update', fields: { 'f:spec': { 'f:hosts': {} } } },
        { by: 'bob/Update', fields: { 'f:spec': { 'f:http': {} } } },
      ]);
    });

    test('can be put back by a patch of their own, but not by the patch that changes a field', async () => {
      const { metadata } = await kube.create(kinds.virtualService, virtualService(spec), alice);
      const value = metadata.managedFields;
      const owners = { op: 'replace', path: '/metadata/managedFields', value } as const;
      const change = (name: string) => ({ op: 'replace', path: '/spec/http/0/name', value: name }) as const;
      await kube.jsonPatch(ref(kinds.virtualService), [change('two')], bob);
      const both = await kube.jsonPatch(ref(kinds.virtualService), [change('one'), owners], bob);
      expect(managersOf(both)).toEqual(['alice/Update', 'bob/Update']);
      const alone = await kube.jsonPatch(ref(kinds.virtualService), [owners], bob);
      expect(alone.metadata.managedFields).toEqual(value);
      expect(alone.metadata.generation).toBe(both.metadata.generation);
    });
  });

  describe('a Service', () => {
    test('gets the defaults of the server', async () => {
      const service = {
        ...configMap({}),
        kind: 'Service',
        data: undefined,
        spec: { selector: { a: 'b' }, ports: [{ port: 80 }] },
      };
      const created = await kube.create(kinds.service, service, alice);
      expect(created).toMatchObject({
        spec: {
          type: 'ClusterIP',
          clusterIP: expect.any(String),
          internalTrafficPolicy: 'Cluster',
          ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        },
      });
      expect(created.metadata.generation).toBeUndefined();
    });
  });

  describe('a watch', () => {
    const until = async (
      count: number,
      start: (signal: AbortSignal) => AsyncIterable<WatchEvent>,
      act: () => Promise<unknown>,
    ) => {
      const stop = new AbortController();
      const events: WatchEvent[] = [];
      const done = (async () => {
        for await (const event of start(stop.signal)) {
          // A real cluster puts a ConfigMap of its own into each new namespace, at a moment of its own.
          const isOurs = event.object.metadata.name !== 'kube-root-ca.crt';
          if (event.type !== 'BOOKMARK' && isOurs) events.push(event);
        }
      })();
      const ended = expect(done).rejects.toMatchObject({ class: 'TransientError', code: 'ABORTED' });
      await act();
      await eventually(`${count} events`, () => events.length >= count, {
        lastSeen: () => events.map(({ type }) => type),
      });
      stop.abort();
      await ended;
      return events.map(({ type, object }) => `${type} ${object.metadata.name}`);
    };

    test('tells every change after a version, in order', async () => {
      const { resourceVersion } = await kube.list(configMaps, { namespace });
      await kube.create(configMaps, configMap({ x: '1' }), alice);
      const events = await until(
        4,
        (signal) => kube.watch(configMaps, { namespace, resourceVersion, signal }),
        async () => {
          await kube.mergePatch(ref(configMaps), { data: { x: '2' } }, alice);
          await kube.create(configMaps, configMap({}, { name: 'b' }), alice);
          await kube.delete(ref(configMaps));
        },
      );
      expect(events).toEqual(['ADDED a', 'MODIFIED a', 'ADDED b', 'DELETED a']);
    });

    test('with a selector tells of objects that enter and leave it', async () => {
      const { resourceVersion } = await kube.list(configMaps, { namespace });
      const events = await until(
        3,
        (signal) => kube.watch(configMaps, { namespace, labelSelector: 'app=x', resourceVersion, signal }),
        async () => {
          await kube.create(configMaps, configMap({}), alice);
          await kube.mergePatch(ref(configMaps), { metadata: { labels: { app: 'x' } } }, alice);
          await kube.mergePatch(ref(configMaps), { data: { x: '1' } }, alice);
          await kube.mergePatch(ref(configMaps), { metadata: { labels: { app: 'y' } } }, alice);
        },
      );
      expect(events).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    });
  });
}
