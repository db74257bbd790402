import { randomBytes } from 'node:crypto';
import { describe } from 'vitest';
import { createKube } from '../../src/kube/client.ts';
import type { Kind } from '../../src/kube/port.ts';
import { kubeContract } from '../contract/kube.contract.ts';

const namespaces: Kind = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };

// The same suite that test/contract/kube.test.ts runs on the API server in memory: that is what admits the fake.
describe('a real API server', () => {
  kubeContract(async () => {
    const kube = createKube();
    const name = `sluice-contract-${randomBytes(4).toString('hex')}`;
    await kube.create(
      namespaces,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      { fieldManager: 'test' },
    );
    return { kube, namespace: name };
  });
});
