import { expect, test } from 'vitest';
import { type DiscoveredPod, podTargets } from './pod-targets.ts';

const POD: DiscoveredPod = {
  metadata: {
    name: 'pay-7cbdbc459-x2x4z',
    namespace: 'shop',
    uid: 'u-1',
    labels: { 'app.kubernetes.io/name': 'pay', 'pod-template-hash': '7cbdbc459' },
    annotations: { 'prometheus.io/scrape': 'true' },
    ownerReferences: [
      { kind: 'Other', name: 'other' },
      { kind: 'ReplicaSet', name: 'pay-7cbdbc459', controller: true },
    ],
  },
  spec: { nodeName: 'lab' },
  status: { phase: 'Running', podIP: '10.244.1.7' },
};

test('a pod with an address is a target with the labels of Kubernetes discovery', () => {
  expect(podTargets([POD])).toEqual([
    {
      targets: ['10.244.1.7'],
      labels: {
        __meta_kubernetes_namespace: 'shop',
        __meta_kubernetes_pod_name: 'pay-7cbdbc459-x2x4z',
        __meta_kubernetes_pod_uid: 'u-1',
        __meta_kubernetes_pod_ip: '10.244.1.7',
        __meta_kubernetes_pod_phase: 'Running',
        __meta_kubernetes_pod_node_name: 'lab',
        __meta_kubernetes_pod_controller_kind: 'ReplicaSet',
        __meta_kubernetes_pod_controller_name: 'pay-7cbdbc459',
        __meta_kubernetes_pod_label_app_kubernetes_io_name: 'pay',
        __meta_kubernetes_pod_label_pod_template_hash: '7cbdbc459',
        __meta_kubernetes_pod_annotation_prometheus_io_scrape: 'true',
      },
    },
  ]);
});

test('a pod without an address is no target', () => {
  expect(podTargets([{ ...POD, status: { phase: 'Pending' } }])).toEqual([]);
});

test('a pod that nothing controls has no controller labels', () => {
  const { ownerReferences: _, ...metadata } = POD.metadata;
  const [target] = podTargets([{ ...POD, metadata }]);
  expect(Object.keys(target?.labels ?? {}).filter((name) => name.includes('controller'))).toEqual([]);
});
