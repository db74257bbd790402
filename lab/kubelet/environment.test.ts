import { describe, expect, it } from 'vitest';
import { containerEnvironment, expandVariables, Problem, referencedObjects, type Sources } from './environment.ts';
import type { Container, EnvVar, KeyValueObject, Pod } from './pod.ts';

const object = (kind: 'ConfigMap' | 'Secret', name: string, data: Record<string, string>): [string, KeyValueObject] => [
  name,
  { apiVersion: 'v1', kind, metadata: { name }, data },
];
const sources: Sources = {
  configMaps: new Map([object('ConfigMap', 'settings', { COLOUR: 'red', problem: 'none' })]),
  secrets: new Map([object('Secret', 'keys', { token: Buffer.from('s3cret').toString('base64') })]),
};
const place = { podIp: '10.244.1.5', hostIp: '10.244.0.1', nodeName: 'lab' };

function pod(container: Partial<Container> = {}, more: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'shop-1',
      namespace: 'shop',
      uid: 'u1',
      labels: { app: 'shop', 'pod-template-hash': 'abc' },
      annotations: { 'a/b': 'note' },
    },
    spec: { containers: [{ name: 'main', image: 'lab/echo', ...container }], ...more },
  };
}

function environment(env: readonly EnvVar[], more: Partial<Container> = {}) {
  const subject = pod({ env, ...more });
  return containerEnvironment(subject.spec.containers[0] as Container, subject, {
    place,
    sources,
    base: { PATH: '/bin' },
  });
}

const field = (fieldPath: string): EnvVar => ({ name: 'X', valueFrom: { fieldRef: { fieldPath } } });

describe('the environment of a container', () => {
  it.each([
    ['metadata.name', 'shop-1'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'u1'],
    ["metadata.labels['pod-template-hash']", 'abc'],
    ["metadata.labels['absent']", ''],
    ["metadata.annotations['a/b']", 'note'],
    ['status.podIP', '10.244.1.5'],
    ['status.hostIP', '10.244.0.1'],
    ['spec.nodeName', 'lab'],
    ['spec.serviceAccountName', 'default'],
  ])('takes field %s of the pod', (path, value) => {
    expect(environment([field(path)])).toMatchObject({ X: value });
  });

  it('names a field that it does not know', () => {
    expect(environment([field('metadata.labels')])).toEqual(new Problem('fieldRef metadata.labels is not supported'));
  });

  it('takes keys of ConfigMaps and Secrets, decoded', () => {
    const env: EnvVar[] = [
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'COLOUR' } } },
      { name: 'T', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
    ];
    expect(environment(env)).toEqual({ PATH: '/bin', C: 'red', T: 's3cret' });
  });

  it.each([
    [{ configMapKeyRef: { name: 'absent', key: 'a' } }, 'configmap "absent" not found'],
    [{ configMapKeyRef: { name: 'settings', key: 'a' } }, 'couldn\'t find key a in configmap "settings"'],
    [{ secretKeyRef: { name: 'absent', key: 'a' } }, 'secret "absent" not found'],
    [{ resourceFieldRef: {} }, 'env X: only fieldRef, configMapKeyRef and secretKeyRef are supported'],
  ])('says what is missing: %j', (valueFrom, message) => {
    expect(environment([{ name: 'X', valueFrom }])).toEqual(new Problem(message));
  });

  it('leaves out what is optional and missing', () => {
    const valueFrom = { configMapKeyRef: { name: 'absent', key: 'a', optional: true } };
    expect(environment([{ name: 'X', valueFrom }])).toEqual({ PATH: '/bin' });
  });

  it('takes whole objects with a prefix, and lets env win', () => {
    const envFrom = [{ configMapRef: { name: 'settings' } }, { prefix: 'K_', secretRef: { name: 'keys' } }];
    expect(environment([{ name: 'COLOUR', value: 'blue' }], { envFrom })).toEqual({
      PATH: '/bin',
      COLOUR: 'blue',
      problem: 'none',
      K_token: 's3cret',
    });
  });

  it('expands variables that come before', () => {
    const env = [
      { name: 'A', value: '1' },
      { name: 'B', value: '$(A)-$(LATER)' },
      { name: 'LATER', value: '2' },
    ];
    expect(environment(env)).toMatchObject({ B: '1-$(LATER)' });
  });
});

describe('the expansion of variables', () => {
  it('replaces known names, keeps unknown ones and takes $$ as $', () => {
    expect(expandVariables('http://$(HOST):$(PORT)/$$(HOST) $5', { HOST: 'shop' })).toBe(
      'http://shop:$(PORT)/$(HOST) $5',
    );
  });
});

describe('the objects that a pod refers to', () => {
  it('are those of env, envFrom and volumes, each once', () => {
    const subject = pod(
      {
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's1', key: 'k' } } }],
        envFrom: [{ configMapRef: { name: 'c1' } }, { configMapRef: { name: 'c1' } }],
      },
      {
        volumes: [
          { name: 'v', configMap: { name: 'c2' } },
          { name: 'w', secret: { secretName: 's2' } },
        ],
      },
    );
    expect(referencedObjects(subject)).toEqual({ configMaps: ['c1', 'c2'], secrets: ['s1', 's2'] });
  });
});
