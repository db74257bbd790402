import { cpus, totalmem } from 'node:os';
import type { Kind, Kube, KubeObject } from '../../src/kube/port.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { FIELD_MANAGER } from './pod-worker.ts';

export const nodeKind: Kind = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
const lease: Kind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases', namespaced: true };

const LEASE_SECONDS = 40;
const RENEW_MS = 10_000;
const RETRY_MS = 500;

function nodeObject(name: string, hostIp: string, nowMs: number): KubeObject & { readonly status: object } {
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  const room = { cpu: String(cpus().length), memory: `${Math.floor(totalmem() / 1024)}Ki`, pods: '1000' };
  const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'the process-kubelet takes pods' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
    status: {
      addresses: [
        { type: 'InternalIP', address: hostIp },
        { type: 'Hostname', address: name },
      ],
      capacity: room,
      allocatable: room,
      conditions: [{ ...ready, lastHeartbeatTime: now, lastTransitionTime: now }],
      nodeInfo: NODE_INFO,
    },
  };
}

const NODE_INFO = {
  kubeletVersion: 'lab',
  kubeProxyVersion: '',
  containerRuntimeVersion: 'lab://process',
  operatingSystem: 'linux',
  osImage: 'processes of the lab',
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  kernelVersion: '',
  machineID: '',
  systemUUID: '',
  bootID: '',
};

async function register(kube: Kube, name: string, hostIp: string, nowMs: number): Promise<void> {
  const { status, ...object } = nodeObject(name, hostIp, nowMs);
  const write = { fieldManager: FIELD_MANAGER, force: true };
  await kube.apply(nodeKind, object, write);
  await kube.apply<KubeObject>(nodeKind, { ...object, status } as KubeObject, { ...write, subresource: 'status' });
  // Admission taints every new Node as not ready, and the lab has no controller that would take that back.
  await kube.mergePatch({ kind: nodeKind, name }, { spec: { taints: null } }, { fieldManager: FIELD_MANAGER });
}

async function renew(kube: Kube, name: string, nowMs: number): Promise<void> {
  const object = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'kube-node-lease' },
    spec: {
      holderIdentity: name,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: new Date(nowMs).toISOString().replace('Z', '000Z'),
    },
  };
  await kube.apply<KubeObject>(lease, object, { fieldManager: FIELD_MANAGER, force: true });
}

/** The Node object and its lease. */
export interface NodeRegistration {
  /** Resolves when the Node is registered. */
  readonly registered: Promise<void>;
  /** True while the lease is young enough for the cluster to believe in this node. */
  isAlive(): boolean;
}

/** Registers the node and keeps its lease renewed until `signal` aborts; tries again for as long as the API server is away. */
export function registerNode(
  options: { readonly kube: Kube; readonly clock: Clock; readonly name: string; readonly hostIp: string },
  log: (message: string) => void,
  signal: AbortSignal,
): NodeRegistration {
  const { kube, clock, name, hostIp } = options;
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  let lastError = '';
  const attempt = async (what: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      lastError = '';
      return true;
    } catch (error) {
      const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
      if (message !== lastError) log(message);
      lastError = message;
      return false;
    }
  };
  const untilDone = async (what: string, work: () => Promise<void>) => {
    while (!signal.aborted && !(await attempt(what, work))) await clock.sleep(RETRY_MS, signal);
  };
  const keepRenewing = async () => {
    while (!signal.aborted) {
      await untilDone('renewing the lease', () => renew(kube, name, clock.now()));
      renewedAtMs = clock.now();
      await clock.sleep(RENEW_MS, signal);
    }
  };
  const registered = untilDone('registering the node', () => register(kube, name, hostIp, clock.now()));
  void registered.then(keepRenewing).catch(() => {});
  return { registered, isAlive: () => clock.now() - renewedAtMs < LEASE_SECONDS * 1000 };
}
