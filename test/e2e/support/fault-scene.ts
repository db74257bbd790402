import { kinds } from '../../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../../src/kube/port.ts';
import { eventually } from '../../support/eventually.ts';
import { PodScene } from '../pod-scene.ts';
import { type Caller, callerAt } from './caller.ts';
import { type FaultTarget, startTarget } from './fault-target.ts';

const WRITER = { fieldManager: 'tester', force: true };
const PORT = 18_080;
/** Addresses of the pods' range that the kubelet does not come to in a test. */
const FIRST_IP = '10.244.250.1';
const SECOND_IP = '10.244.250.2';

/** Callers `web` and `batch` with sidecars, and Services of which the answers come from the test itself. */
export interface FaultScene {
  readonly web: Caller;
  readonly batch: Caller;
  readonly first: FaultTarget;
  readonly second: FaultTarget;
  /** A Service of these targets, known to both proxies. */
  addService(name: string, targets: readonly FaultTarget[], labels?: Readonly<Record<string, string>>): Promise<void>;
  apply(kind: Kind, name: string, rest: object): Promise<KubeObject>;
  /** Objects of a kind in the namespace. */
  all(kind: Kind): Promise<readonly KubeObject[]>;
  close(): Promise<void>;
}

export async function openFaultScene(kube: Kube, namespace: string): Promise<FaultScene> {
  const pods = new PodScene(kube, namespace);
  const [first, second] = await Promise.all([startTarget('a', FIRST_IP, PORT), startTarget('b', SECOND_IP, PORT)]);
  await pods.open();
  for (const app of ['web', 'batch']) await pods.apply(deployment(app));
  for (const app of ['web', 'batch']) await pods.rolledOut(app);
  const web = await callerAt(await pods.podIp('web'), namespace);
  const batch = await callerAt(await pods.podIp('batch'), namespace);
  const apply = (kind: Kind, name: string, rest: object) => {
    const object = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, namespace }, ...rest };
    return kube.apply<KubeObject>(kind, object, WRITER);
  };
  return {
    ...{ web, batch, first, second, apply },
    async addService(name, targets, labels = {}) {
      const metadata = { name, namespace, labels };
      await apply(kinds.service, name, { metadata, spec: { ports: [{ name: 'http', port: 80, targetPort: PORT }] } });
      await apply(kinds.endpointSlice, name, {
        metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: PORT }],
        endpoints: targets.map(({ ip }) => ({ addresses: [ip], conditions: { ready: true } })),
      });
      for (const caller of [web, batch]) {
        await eventually(`an answer of ${name}`, async () => (await caller.ask({ service: name })).status === 200, {
          withinMs: 30_000,
        });
      }
      for (const target of targets) target.take(`${name}.${namespace}`);
    },
    all: async (kind) => (await kube.list(kind, { namespace })).items,
    async close() {
      for (const caller of [web, batch]) caller.close();
      await pods.close();
      await Promise.all([first.close(), second.close()]);
    },
  };
}

function deployment(app: string) {
  const labels = { app, 'sidecar.istio.io/inject': 'true' };
  const readinessProbe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 };
  const container = { name: app, image: 'lab/echo:v1', readinessProbe };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app },
    spec: { selector: { matchLabels: { app } }, template: { metadata: { labels }, spec: { containers: [container] } } },
  };
}
