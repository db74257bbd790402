import { describe, expect, test } from 'vitest';
import type { Kind } from '../../src/kube/port.ts';
import { createFakeKube } from '../support/fake-kube.ts';
import { kubeContract } from './kube.contract.ts';

const configMaps: Kind = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

describe('the API server in memory', () => {
  kubeContract(async () => ({ kube: createFakeKube(), namespace: 'test' }));

  test('collects what has lost all its owners, to the last generation', async () => {
    const kube = createFakeKube();
    const make = (name: string, owners: readonly { name: string; uid?: string }[]) =>
      kube.create(
        configMaps,
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: {
            ...{ name, namespace: 'test' },
            ownerReferences: owners.map(({ uid = '', name }) => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid })),
          },
        },
        { fieldManager: 'test' },
      );
    const { metadata: parent } = await make('parent', []);
    const { metadata: other } = await make('other', []);
    const { metadata: child } = await make('child', [parent]);
    await make('grandchild', [child]);
    await make('shared', [parent, other]);
    expect(kube.collectGarbage()).toBe(false);
    await kube.delete({ kind: configMaps, namespace: 'test', name: 'parent' });
    expect(kube.collectGarbage()).toBe(true);
    expect(kube.all(configMaps).map(({ metadata }) => metadata.name)).toEqual(['other', 'shared']);
  });

  test('lets a test delay calls and make them fail', async () => {
    const kube = createFakeKube({
      intercept: ({ verb, name }) => {
        if (verb === 'get' && name === 'a') throw new Error('out of order');
      },
    });
    await expect(kube.get({ kind: configMaps, namespace: 'test', name: 'a' })).rejects.toThrow('out of order');
    expect(await kube.get({ kind: configMaps, namespace: 'test', name: 'b' })).toBeUndefined();
  });

  test('tells a watch from before its history to list anew, and ends watches on request', async () => {
    const kube = createFakeKube();
    const { resourceVersion } = await kube.list(configMaps);
    const signal = new AbortController().signal;
    const { promise: opened, resolve: onOpen } = Promise.withResolvers<void>();
    const watch = kube.watch(configMaps, { resourceVersion, signal, onOpen })[Symbol.asyncIterator]();
    const ended = watch.next();
    await opened;
    kube.closeWatches();
    expect(await ended).toMatchObject({ done: true });
    await kube.create(
      configMaps,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'test' } },
      { fieldManager: 'test' },
    );
    kube.compact();
    const late = kube.watch(configMaps, { resourceVersion, signal })[Symbol.asyncIterator]().next();
    await expect(late).rejects.toMatchObject({ class: 'ConflictError', code: 'RESOURCE_VERSION_EXPIRED' });
  });
});
