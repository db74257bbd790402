import type { Kind, Kube, KubeObject } from '../../src/kube/port.ts';
import { FIELD_MANAGER } from './pod-worker.ts';

const sidecar: Kind = { apiVersion: 'networking.istio.io/v1', kind: 'Sidecar', plural: 'sidecars', namespaced: true };

/**
 * Every sidecar also opens one loopback listener per Service port, which nobody in the lab uses. They share one network
 * namespace with etcd, Prometheus and the like, so they get a loopback address of their own. There they meet only each other,
 * which the kernel allows (SO_REUSEPORT).
 */
const DEFAULTS: KubeObject & { readonly spec: object } = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'Sidecar',
  metadata: { name: 'default', namespace: 'istio-system' },
  spec: { egress: [{ bind: '127.0.0.9', hosts: ['*/*'] }] },
};

/** Makes sure that the mesh has the default that sidecars in one network namespace need. Throws while Istio's kinds are absent. */
export async function applySidecarDefaults(kube: Kube): Promise<void> {
  await kube.apply(sidecar, DEFAULTS, { fieldManager: FIELD_MANAGER, force: true });
}
