import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Problem, type Sources } from './environment.ts';
import type { Volume } from './pod.ts';
import { testContainer, testPod } from './test-pods.ts';
import { mountVolumes, rootDirectory, type VolumeFiles, volumeFiles, writeVolumes } from './volumes.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const sources: Sources = {
  configMaps: new Map([
    [
      'settings',
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'settings' },
        data: { 'a.yaml': 'a: 1', b: '2' },
        binaryData: { raw: base64('\0\x01') },
      },
    ],
  ]),
  secrets: new Map([
    ['keys', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, data: { token: base64('s3cret') } }],
  ]),
};

const files = (...volumes: readonly Volume[]) => volumeFiles(testPod({ volumes }), sources);
const texts = (result: readonly VolumeFiles[] | Problem) =>
  result instanceof Problem
    ? result.message
    : result.map(({ files: all }) => Object.fromEntries([...all].map(([path, content]) => [path, content.toString()])));

describe('the files of a volume', () => {
  it('are the keys of a ConfigMap, text and binary', () => {
    expect(texts(files({ name: 'v', configMap: { name: 'settings' } }))).toEqual([
      { 'a.yaml': 'a: 1', b: '2', raw: '\0\x01' },
    ]);
  });

  it('are the decoded keys of a Secret', () => {
    expect(texts(files({ name: 'v', secret: { secretName: 'keys' } }))).toEqual([{ token: 's3cret' }]);
  });

  it('are only the chosen items, under their paths', () => {
    const items = [{ key: 'b', path: 'sub/b.txt' }];
    expect(texts(files({ name: 'v', configMap: { name: 'settings', items } }))).toEqual([{ 'sub/b.txt': '2' }]);
  });

  it('are none for an emptyDir, the token volume of every pod and what is optional', () => {
    const volumes: Volume[] = [
      { name: 'tmp', emptyDir: {} },
      { name: 'kube-api-access-x', projected: {} },
      { name: 'maybe', configMap: { name: 'absent', optional: true } },
    ];
    expect(texts(files(...volumes))).toEqual([{}, {}, {}]);
  });

  it.each<[Volume, string]>([
    [
      { name: 'v', configMap: { name: 'absent' } },
      'MountVolume.SetUp failed for volume "v": configmap "absent" not found',
    ],
    [
      { name: 'v', configMap: { name: 'settings', items: [{ key: 'c', path: 'c' }] } },
      'configmap "settings" has no key c',
    ],
    [{ name: 'v' }, 'volume v: only configMap, secret and emptyDir are supported'],
  ])('are missing: %j', (volume, message) => {
    expect(texts(files(volume))).toBe(message);
  });
});

describe('a mounted volume', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lab-volumes-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is found at its mountPath under the container’s root, whole or by subPath', async () => {
    const result = files({ name: 'v', configMap: { name: 'settings' } });
    if (result instanceof Problem) throw result;
    await writeVolumes(directory, result);
    const volumeMounts = [
      { name: 'v', mountPath: '/etc/app' },
      { name: 'v', mountPath: '/etc/one.yaml', subPath: 'a.yaml' },
    ];
    await mountVolumes(directory, testContainer('main', { volumeMounts }));
    const root = rootDirectory(directory, 'main');
    expect(await readFile(join(root, 'etc/app/b'), 'utf8')).toBe('2');
    expect(await readFile(join(root, 'etc/one.yaml'), 'utf8')).toBe('a: 1');
  });

  it('cannot leave the pod’s directory', async () => {
    await writeVolumes(directory, [{ volume: 'v', files: new Map([['../../outside', Buffer.from('x')]]) }]);
    expect(await readFile(join(directory, 'volumes/v/outside'), 'utf8')).toBe('x');
  });
});
