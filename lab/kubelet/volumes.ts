import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { isProblem, Problem, type Sources } from './environment.ts';
import type { Container, KeyToPath, KeyValueObject, Pod, Volume } from './pod.ts';

/** One volume of a pod as files, paths relative to the volume. */
export interface VolumeFiles {
  readonly volume: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

function contents(object: KeyValueObject): ReadonlyMap<string, Buffer> {
  const textEncoding = object.kind === 'Secret' ? 'base64' : 'utf8';
  const files = new Map<string, Buffer>();
  for (const [key, text] of Object.entries(object.data ?? {})) files.set(key, Buffer.from(text, textEncoding));
  for (const [key, text] of Object.entries(object.binaryData ?? {})) files.set(key, Buffer.from(text, 'base64'));
  return files;
}

function projectItems(
  all: ReadonlyMap<string, Buffer>,
  items: readonly KeyToPath[] | undefined,
  source: string,
): ReadonlyMap<string, Buffer> | Problem {
  if (!items) return all;
  const files = new Map<string, Buffer>();
  for (const { key, path } of items) {
    const content = all.get(key);
    if (!content) return new Problem(`${source} has no key ${key}`);
    files.set(path, content);
  }
  return files;
}

/** The admission plug-in adds this token volume to every pod; the lab's programs do not use it. */
function isTokenVolume(volume: Volume): boolean {
  return volume.projected !== undefined && volume.name.startsWith('kube-api-access-');
}

function filesOf(volume: Volume, sources: Sources): ReadonlyMap<string, Buffer> | Problem {
  if (volume.emptyDir !== undefined || isTokenVolume(volume)) return new Map();
  const name = volume.configMap?.name ?? volume.secret?.secretName;
  if (name === undefined) {
    return new Problem(`volume ${volume.name}: only configMap, secret and emptyDir are supported`);
  }
  const kind = volume.configMap ? 'configmap' : 'secret';
  const object = (volume.configMap ? sources.configMaps : sources.secrets).get(name);
  const { optional, items } = volume.configMap ?? volume.secret ?? {};
  if (object) return projectItems(contents(object), items, `${kind} "${name}"`);
  return optional
    ? new Map()
    : new Problem(`MountVolume.SetUp failed for volume "${volume.name}": ${kind} "${name}" not found`);
}

/** The files of every volume, or the first thing that is missing. */
export function volumeFiles(pod: Pod, sources: Sources): readonly VolumeFiles[] | Problem {
  const volumes: VolumeFiles[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const files = filesOf(volume, sources);
    if (isProblem(files)) return files;
    volumes.push({ volume: volume.name, files });
  }
  return volumes;
}

/** Directory that stands for a container's `/`. */
export function rootDirectory(podDirectory: string, container: string): string {
  return join(podDirectory, 'root', container);
}

/** Writes the volumes' files under the pod's directory, once per pod. */
export async function writeVolumes(podDirectory: string, volumes: readonly VolumeFiles[]): Promise<void> {
  for (const { volume, files } of volumes) {
    const directory = join(podDirectory, 'volumes', volume);
    await mkdir(directory, { recursive: true });
    for (const [path, content] of files) {
      const target = join(directory, posix.normalize(`/${path}`));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, content, { mode: 0o600 });
    }
  }
}

/** Makes the container's root directory, in which each mountPath leads to its volume. */
export async function mountVolumes(podDirectory: string, container: Container): Promise<void> {
  const root = rootDirectory(podDirectory, container.name);
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  for (const { name, mountPath, subPath } of container.volumeMounts ?? []) {
    const mount = join(root, posix.normalize(`/${mountPath}`));
    await mkdir(dirname(mount), { recursive: true });
    await symlink(join(podDirectory, 'volumes', name, posix.normalize(`/${subPath ?? ''}`)).replace(/\/$/, ''), mount);
  }
}
