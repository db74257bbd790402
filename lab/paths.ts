import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { LabError } from './lab-error.ts';

/** Longest path that the kernel takes for a unix socket (sun_path less its final zero). */
const MAX_SOCKET_PATH = 107;

/** The folder `lab/` of this checkout. */
export const LAB_FOLDER = import.meta.dirname;

/** Where built and downloaded parts live: outside the checkout, shared by all checkouts and labs of one user. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['SLUICE_LAB_CACHE']) return resolve(env['SLUICE_LAB_CACHE']);
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sluice-lab');
}

/** Everything that one lab, known by its name, keeps on disk. */
export interface LabPaths {
  readonly name: string;
  readonly state: string;
  readonly kubeconfig: string;
  readonly pki: string;
  readonly logs: string;
  readonly socket: string;
  /** Process ids of the running lab, written by the launcher. */
  readonly processes: string;
  /** What the launcher tells the supervisor. */
  readonly config: string;
  readonly timings: string;
}

/** The paths of lab `name`; refuses names and places that cannot work. */
export function labPaths(name: string, env: NodeJS.ProcessEnv = process.env): LabPaths {
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw new LabError(`lab name "${name}" must be 1 to 32 lower-case letters, digits and dashes, e.g. --name demo`);
  }
  const state = join(env['SLUICE_LAB_STATE'] ? resolve(env['SLUICE_LAB_STATE']) : join(cacheFolder(env), 'labs'), name);
  const socket = join(state, 'control.sock');
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH) {
    throw new LabError(
      `${socket} is longer than the ${MAX_SOCKET_PATH} bytes of a unix socket's path: set SLUICE_LAB_STATE to a shorter folder`,
    );
  }
  return {
    name,
    state,
    socket,
    kubeconfig: join(state, 'kubeconfig'),
    pki: join(state, 'pki'),
    logs: join(state, 'logs'),
    processes: join(state, 'processes.json'),
    config: join(state, 'config.json'),
    timings: join(state, 'timings.json'),
  };
}

/** Fixed addresses inside every lab's own network namespace. */
export const ADDRESSES = {
  apiServer: 'https://10.244.0.1:6443',
  etcd: 'http://127.0.0.1:2379',
  istiodXds: '127.0.0.1:15010',
  istiodDebug: 'http://127.0.0.1:18080',
  prometheus: 'http://127.0.0.1:9090',
  redis: 'redis://127.0.0.1:6379',
  kubeletHealth: 'http://127.0.0.1:10250/healthz',
} as const;
