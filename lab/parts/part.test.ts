import { describe, expect, test } from 'vitest';
import { goFamilyPins } from './go-part.ts';
import { partFolderName } from './part.ts';
import { PARTS, partNamed } from './registry.ts';

describe('partFolderName', () => {
  const part = { name: 'etcd' as const, version: 'v1', cacheKey: () => 'pins' };

  test('is the same for the same pins', () => {
    expect(partFolderName(part)).toBe(partFolderName({ ...part }));
    expect(partFolderName(part)).toMatch(/^etcd-v1-[0-9a-f]{12}$/);
  });

  test('differs when anything that decides the content differs', () => {
    expect(partFolderName({ ...part, cacheKey: () => 'other pins' })).not.toBe(partFolderName(part));
  });
});

test('every part has a folder of its own in the cache', () => {
  const folders = Object.values(PARTS).map(partFolderName);
  expect(new Set(folders).size).toBe(folders.length);
});

test.each(['kube-apiserver', 'etcd', 'istiod'] as const)('the key of %s holds its pinned modules and flags', (name) => {
  const family = name === 'kube-apiserver' ? 'kubernetes' : name === 'istiod' ? 'istio' : 'etcd';
  expect(PARTS[name].cacheKey()).toContain(goFamilyPins(family));
  expect(PARTS[name].cacheKey()).toContain('-trimpath');
});

test('the pinned modules are those of the versions that the parts name', () => {
  expect(goFamilyPins('kubernetes')).toContain(`k8s.io/kubernetes ${PARTS['kube-apiserver'].version}`);
  expect(goFamilyPins('etcd')).toContain(`go.etcd.io/etcd/server/v3 ${PARTS.etcd.version}`);
  expect(goFamilyPins('istio')).toContain(`istio.io/istio ${PARTS.istiod.version}`);
});

test('an unknown part is refused with the names there are', () => {
  expect(() => partNamed('docker')).toThrow(/no part "docker"; the parts are .*etcd/);
});
