import { describe, expect, it } from 'vitest';
import { sidecarBootstrap } from './sidecar.ts';
import { INJECTED, testPod } from './test-pods.ts';

const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'shop-abc', uid: 'r1', controller: true };
const pod = testPod(
  {},
  { labels: { ...INJECTED.labels, app: 'shop', 'pod-template-hash': 'abc' }, ownerReferences: [owner] },
);
const bootstrap = sidecarBootstrap(pod, { ip: '10.244.1.5', proxyPort: 20_004 }, '127.0.0.1:15010');

describe('the start-up configuration of a sidecar', () => {
  it('names the pod as istiod expects it', () => {
    expect(bootstrap).toMatchObject({
      node: {
        id: 'sidecar~10.244.1.5~shop-1.shop~shop.svc.cluster.local',
        cluster: 'shop.shop',
        metadata: {
          NAMESPACE: 'shop',
          INSTANCE_IPS: '10.244.1.5',
          HTTP_PROXY_PORT: '20004',
          INTERCEPTION_MODE: 'NONE',
          WORKLOAD_NAME: 'shop',
          LABELS: pod.metadata.labels,
        },
      },
    });
  });

  it('answers admin requests on the pod’s own address only', () => {
    expect(bootstrap).toMatchObject({
      admin: { address: { socket_address: { address: '10.244.1.5', port_value: 15_000 } } },
    });
  });

  it('asks istiod where the lab has it', () => {
    expect(JSON.stringify(bootstrap)).toContain('"socket_address":{"address":"127.0.0.1","port_value":15010}');
  });
});
