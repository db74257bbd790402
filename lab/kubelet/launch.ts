import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kind, Kube } from '../../src/kube/port.ts';
import { findImage, imageNames } from '../catalogue/catalogue.ts';
import type { PodAddress } from './address-pool.ts';
import type { StartFailure } from './container-runtime.ts';
import { isProblem, type PodPlace, referencedObjects, type Sources } from './environment.ts';
import { type Container, type KeyValueObject, type Pod, wantsSidecar } from './pod.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { containerPlan, type ProcessPlan } from './process-plan.ts';
import { SIDECAR_NAME, sidecarArgv, sidecarBootstrap } from './sidecar.ts';
import { mountVolumes, rootDirectory, volumeFiles, writeVolumes } from './volumes.ts';

const configMap: Kind = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const secret: Kind = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };

/** What starting containers needs besides the pod. */
export interface LaunchContext {
  readonly kube: Kube;
  /** Path of the Envoy program; without it pods that want a sidecar do not start. */
  readonly envoy: string | undefined;
  /** host:port of istiod's discovery service. */
  readonly xds: string;
  /** Search path for programs. */
  readonly path: string;
  readonly nodeName: string;
  readonly hostIp: string;
}

/** One pod's own things. */
export interface PodHome {
  readonly address: PodAddress;
  /** Of this pod alone; removed with it. */
  readonly directory: string;
  /** Kept after the pod is gone. */
  readonly logDirectory: string;
}

/** True when a start did not bring a process. */
export function isStartFailure(result: RunningProcess | StartFailure): result is StartFailure {
  return 'reason' in result;
}

async function readAll(
  kube: Kube,
  kind: Kind,
  namespace: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, KeyValueObject>> {
  const objects = await Promise.all(names.map((name) => kube.get<KeyValueObject>({ kind, namespace, name })));
  // An object that is read by name carries its kind only where the server sends it; the volumes need to know.
  return new Map(objects.flatMap((object) => (object ? [[object.metadata.name, { ...object, kind: kind.kind }]] : [])));
}

async function readSources(kube: Kube, pod: Pod): Promise<Sources> {
  const { configMaps, secrets } = referencedObjects(pod);
  const namespace = pod.metadata.namespace ?? 'default';
  return {
    configMaps: await readAll(kube, configMap, namespace, configMaps),
    secrets: await readAll(kube, secret, namespace, secrets),
  };
}

async function planSidecar(pod: Pod, home: PodHome, context: LaunchContext): Promise<ProcessPlan | StartFailure> {
  if (!context.envoy) {
    return {
      reason: 'CreateContainerConfigError',
      message: 'the pod asks for a sidecar, but the kubelet has no Envoy: set LAB_ENVOY',
    };
  }
  const configFile = join(home.directory, 'envoy.json');
  await mkdir(home.directory, { recursive: true });
  await writeFile(configFile, JSON.stringify(sidecarBootstrap(pod, home.address, context.xds)));
  return { argv: sidecarArgv(context.envoy, configFile), env: {}, cwd: home.directory };
}

async function planContainer(
  pod: Pod,
  container: Container,
  home: PodHome,
  context: LaunchContext,
): Promise<ProcessPlan | StartFailure> {
  const image = findImage(container.image);
  if (!image) {
    return {
      reason: 'ErrImagePull',
      message: `image "${container.image}" is not in the lab's catalogue (${imageNames.join(', ')})`,
    };
  }
  const sources = await readSources(context.kube, pod);
  const volumes = volumeFiles(pod, sources);
  if (isProblem(volumes)) return { reason: 'ContainerCreating', message: volumes.message };
  const root = rootDirectory(home.directory, container.name);
  const place: PodPlace = { podIp: home.address.ip, hostIp: context.hostIp, nodeName: context.nodeName };
  const plan = containerPlan(pod, container, {
    place,
    sources,
    image,
    root,
    proxyPort: home.address.proxyPort,
    path: context.path,
  });
  if (isProblem(plan)) return { reason: 'CreateContainerConfigError', message: plan.message };
  await writeVolumes(home.directory, volumes);
  await mountVolumes(home.directory, container);
  return plan;
}

/** Starts one container, or says why it cannot be started now. Throws when the API server cannot be asked. */
export async function launch(
  pod: Pod,
  container: Container,
  home: PodHome,
  context: LaunchContext,
): Promise<RunningProcess | StartFailure> {
  const isSidecar = container.name === SIDECAR_NAME && wantsSidecar(pod);
  const plan = isSidecar ? await planSidecar(pod, home, context) : await planContainer(pod, container, home, context);
  if ('reason' in plan) return plan;
  try {
    return await startProcess(plan, join(home.logDirectory, `${container.name}.log`));
  } catch (cause) {
    return { reason: 'RunContainerError', message: cause instanceof Error ? cause.message : String(cause) };
  }
}
