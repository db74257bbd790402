import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKube } from '../../src/kube/client.ts';
import type { Kind, Kube, KubeObject, ObjectRef } from '../../src/kube/port.ts';
import { createReflector } from '../../src/kube/reflector.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { AppError } from '../../src/lib/errors.ts';
import { eventually } from '../support/eventually.ts';

const namespaces: Kind = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const configMaps: Kind = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const NAMESPACE = 'kube-client';
const write = { fieldManager: 'kube-client-test' };

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const configMap = (name: string, data: Record<string, string> = {}, metadata: object = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NAMESPACE, ...metadata },
  data,
});
const refTo = (name: string): ObjectRef => ({ kind: configMaps, namespace: NAMESPACE, name });

let kube: Kube;

beforeAll(async () => {
  kube = createKube();
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  await kube.apply(namespaces, namespace, { ...write, force: true });
  for (const { metadata } of (await kube.list(configMaps, { namespace: NAMESPACE })).items) {
    await kube.delete(refTo(metadata.name));
  }
});
afterAll(() => kube.delete({ kind: namespaces, name: NAMESPACE }));

/** Class and code of the error that `work` ends with. */
async function refusalOf(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof AppError) return error;
  throw error;
}

describe('the client and a real API server', () => {
  it('create, read, list, patch, replace and delete', async () => {
    const created = await kube.create(configMaps, configMap('crud', { a: '1' }), write);
    expect(await kube.get<ConfigMap>(refTo('crud'))).toMatchObject({ data: { a: '1' } });
    const patched = await kube.jsonPatch<ConfigMap>(
      refTo('crud'),
      [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'replace', path: '/data/a', value: '2' },
      ],
      write,
    );
    expect(patched.data).toEqual({ a: '2' });
    const merged = await kube.mergePatch<ConfigMap>(refTo('crud'), { data: { b: '3' } }, write);
    expect(merged.data).toEqual({ a: '2', b: '3' });
    const replaced = await kube.replace(configMaps, { ...merged, data: { c: '4' } }, write);
    expect(replaced.data).toEqual({ c: '4' });
    const { items } = await kube.list<ConfigMap>(configMaps, {
      namespace: NAMESPACE,
      fieldSelector: 'metadata.name=crud',
    });
    expect(items).toMatchObject([{ kind: 'ConfigMap', apiVersion: 'v1', data: { c: '4' } }]);
    await kube.delete(refTo('crud'), { uid: created.metadata.uid ?? '' });
    expect(await kube.get(refTo('crud'))).toBeUndefined();
    await kube.delete(refTo('crud'));
  });

  it('read a list page by page', async () => {
    const names = Array.from({ length: 520 }, (_, index) => `page-${index}`);
    for (let from = 0; from < names.length; from += 40) {
      const labels = { labels: { test: 'pages' } };
      await Promise.all(
        names.slice(from, from + 40).map((name) => kube.create(configMaps, configMap(name, {}, labels), write)),
      );
    }
    const { items } = await kube.list(configMaps, { namespace: NAMESPACE, labelSelector: 'test=pages' });
    expect(new Set(items.map(({ metadata }) => metadata.name))).toEqual(new Set(names));
  });

  it('tell conflicts apart', async () => {
    const first = await kube.create(configMaps, configMap('conflicts', { a: '1' }), write);
    expect(await refusalOf(kube.create(configMaps, configMap('conflicts'), write))).toMatchObject({
      class: 'ConflictError',
      code: 'ALREADY_EXISTS',
    });
    await kube.mergePatch(refTo('conflicts'), { data: { a: '2' } }, write);
    expect(await refusalOf(kube.replace(configMaps, first, write))).toMatchObject({
      code: 'RESOURCE_VERSION_CONFLICT',
    });
    const version = first.metadata.resourceVersion ?? '';
    const stale = configMap('conflicts', { a: '3' }, { resourceVersion: version });
    expect(await refusalOf(kube.apply(configMaps, stale, { ...write, force: true }))).toMatchObject({
      code: 'RESOURCE_VERSION_CONFLICT',
    });
    expect(await refusalOf(kube.delete(refTo('conflicts'), { resourceVersion: version }))).toMatchObject({
      code: 'RESOURCE_VERSION_CONFLICT',
    });
    const uid = '00000000-0000-0000-0000-000000000000';
    expect(await refusalOf(kube.delete(refTo('conflicts'), { uid }))).toMatchObject({ code: 'UID_CONFLICT' });
  });

  it('name the fields and the managers of a field conflict', async () => {
    await kube.apply(configMaps, configMap('fields', { a: '1' }), { fieldManager: 'somebody-else' });
    const error = await refusalOf(kube.apply(configMaps, configMap('fields', { a: '2' }), write));
    expect(error.code).toBe('FIELD_CONFLICT');
    expect(error.details.conflicts).toEqual([{ field: '.data.a', manager: 'somebody-else' }]);
    const forced = await kube.apply<ConfigMap>(configMaps, configMap('fields', { a: '2' }), { ...write, force: true });
    expect(forced.data).toEqual({ a: '2' });
  });

  it('tell a patch that does not fit from one that makes an invalid object', async () => {
    await kube.create(configMaps, configMap('patches', { a: '1' }), write);
    const patch = (...operations: Parameters<Kube['jsonPatch']>[1]) =>
      refusalOf(kube.jsonPatch(refTo('patches'), operations, write));
    const unfit = { class: 'ConflictError', code: 'PATCH_TEST_FAILED' };
    expect(await patch({ op: 'test', path: '/data/a', value: '2' })).toMatchObject(unfit);
    expect(await patch({ op: 'test', path: '/data/none', value: '2' })).toMatchObject(unfit);
    expect(await patch({ op: 'remove', path: '/data/none' })).toMatchObject(unfit);
    const invalid = await patch({ op: 'add', path: '/data/not a key', value: 'x' });
    expect(invalid).toMatchObject({ class: 'ConfigError', code: 'INVALID' });
    expect(invalid.message).toContain('data[not a key]');
    expect(await patch({ op: 'replace', path: '/data', value: 5 })).toMatchObject({ code: 'INVALID' });
  });

  it('name what is wrong with an object, unknown fields included', async () => {
    const unknown = { ...configMap('unknown'), dta: { a: '1' } };
    expect((await refusalOf(kube.create(configMaps, unknown, write))).message).toContain('dta');
    expect((await refusalOf(kube.apply(configMaps, unknown, write))).message).toContain('dta');
    const bad = await refusalOf(kube.create(configMaps, configMap('Not_A_Name'), write));
    expect(bad).toMatchObject({ class: 'ConfigError', code: 'INVALID', details: { fields: ['metadata.name'] } });
  });

  it('tell a missing object, a missing namespace and a missing kind apart', async () => {
    expect(await kube.get(refTo('nothing'))).toBeUndefined();
    expect(await refusalOf(kube.mergePatch(refTo('nothing'), {}, write))).toMatchObject({ code: 'NOT_FOUND' });
    const homeless = configMap('homeless', {}, { namespace: 'no-such-namespace' });
    expect(await refusalOf(kube.create(configMaps, homeless, write))).toMatchObject({ code: 'NOT_FOUND' });
    const unserved: Kind = { apiVersion: 'example.dev/v1', kind: 'Thing', plural: 'things', namespaced: true };
    const ref = { kind: unserved, namespace: NAMESPACE, name: 'x' };
    expect(await refusalOf(kube.list(unserved))).toMatchObject({ class: 'NotReadyError', code: 'KIND_NOT_SERVED' });
    expect(await refusalOf(kube.get(ref))).toMatchObject({ code: 'KIND_NOT_SERVED' });
    await kube.delete(ref);
  });
});

describe('the reflector and a real API server', () => {
  it('follow every change, own writes at once', async () => {
    const stop = new AbortController();
    const reflector = createReflector<ConfigMap>(kube, configMaps, {
      namespace: NAMESPACE,
      labelSelector: 'test=reflector',
      clock: systemClock,
      indexes: { colour: ({ data }) => (data?.['colour'] === undefined ? [] : [data['colour']]) },
    });
    const changes: string[] = [];
    reflector.onChange(({ before, after }) =>
      changes.push(`${before?.data?.['colour'] ?? '-'} → ${after?.data?.['colour'] ?? '-'}`),
    );
    const labels = { labels: { test: 'reflector' } };
    await kube.create(configMaps, configMap('seen', { colour: 'red' }, labels), write);
    reflector.start(stop.signal);
    try {
      await reflector.synced(AbortSignal.timeout(10_000));
      expect(reflector.byIndex('colour', 'red').map(({ metadata }) => metadata.name)).toEqual(['seen']);
      expect(reflector.get(NAMESPACE, 'seen')?.metadata.managedFields).toBeUndefined();
      reflector.put(await kube.mergePatch(refTo('seen'), { data: { colour: 'green' } }, write));
      expect(reflector.get(NAMESPACE, 'seen')?.data).toEqual({ colour: 'green' });
      await kube.create(configMaps, configMap('other', { colour: 'blue' }, labels), write);
      await eventually('the other object', () => reflector.get(NAMESPACE, 'other'));
      await kube.delete(refTo('seen'));
      await eventually('the end of the object', () => reflector.get(NAMESPACE, 'seen') === undefined);
      expect(changes).toEqual(['- → red', 'red → green', '- → blue', 'green → -']);
      expect(reflector.isFresh()).toBe(true);
    } finally {
      stop.abort();
    }
  });
});
