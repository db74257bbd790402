import type { Pod, PodSpec } from '../../lab/kubelet/pod.ts';
import { type Report, readReport } from '../../lab/load/report.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../src/kube/port.ts';
import { eventually } from '../support/eventually.ts';

const kind = (apiVersion: string, name: string, plural: string, namespaced = true): Kind => ({
  apiVersion,
  kind: name,
  plural,
  namespaced,
});

/** Kinds that only these tests write. */
export const podKinds = {
  namespace: kind('v1', 'Namespace', 'namespaces', false),
  job: kind('batch/v1', 'Job', 'jobs'),
  configMap: kind('v1', 'ConfigMap', 'configmaps'),
  secret: kind('v1', 'Secret', 'secrets'),
} as const;

const account = kind('v1', 'ServiceAccount', 'serviceaccounts');
const known = [kinds.deployment, kinds.service, kinds.virtualService, kinds.pod, ...Object.values(podKinds)];
const write = { fieldManager: 'pods-test', force: true };

interface Deployment extends KubeObject {
  readonly spec: { readonly replicas: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

/** A manifest as YAML or code has it: of a known kind, without a namespace. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

/** One namespace of the lab, and what a test does and sees there. */
export class PodScene {
  readonly kube: Kube;
  readonly namespace: string;

  constructor(kube: Kube, namespace: string) {
    this.kube = kube;
    this.namespace = namespace;
  }

  /** Makes the namespace and waits until pods may be made in it. */
  async open(): Promise<void> {
    const { kube, namespace } = this;
    await kube.apply(podKinds.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, write);
    await eventually('the service account of the namespace', () =>
      kube.get({ kind: account, namespace, name: 'default' }),
    );
  }

  close(): Promise<void> {
    return this.kube.delete({ kind: podKinds.namespace, name: this.namespace });
  }

  apply(manifest: Manifest): Promise<KubeObject> {
    const found = known.find((each) => each.kind === manifest.kind);
    if (!found) throw new Error(`add ${manifest.kind} to the known kinds`);
    const object = { ...manifest, metadata: { ...manifest.metadata, namespace: this.namespace } };
    return this.kube.apply(found, object, write);
  }

  patch(name: string, spec: object): Promise<KubeObject> {
    return this.kube.mergePatch({ kind: kinds.deployment, namespace: this.namespace, name }, { spec }, write);
  }

  async pods(app: string): Promise<readonly Pod[]> {
    const { namespace } = this;
    return (await this.kube.list<Pod>(kinds.pod, { namespace, labelSelector: `app=${app}` })).items;
  }

  async podIp(app: string): Promise<string> {
    const alive = (await this.pods(app)).filter(({ metadata }) => !metadata.deletionTimestamp);
    const ip = alive.find(({ status }) => status?.podIP)?.status?.podIP;
    if (!ip) throw new Error(`no pod of ${app} has an address`);
    return ip;
  }

  async rolledOut(name: string): Promise<void> {
    const { kube, namespace } = this;
    let seen: unknown;
    const look = async () => {
      const deployment = await kube.get<Deployment>({ kind: kinds.deployment, namespace, name });
      seen = deployment?.status;
      return deployment !== undefined && isRolledOut(deployment);
    };
    await eventually(`the Deployment ${name} to be rolled out`, look, { withinMs: 60_000, lastSeen: () => seen });
  }

  async scale(name: string, replicas: number): Promise<void> {
    await this.patch(name, { replicas });
    await this.rolledOut(name);
  }

  /** Deletes the pod and waits until it is gone and its Deployment has all its pods again. */
  async replace(app: string, name: string): Promise<void> {
    const ref = { kind: kinds.pod, namespace: this.namespace, name };
    await this.kube.delete(ref);
    const isGone = async () => (await this.kube.get(ref)) === undefined;
    await eventually(`the pod ${name} to be gone`, isGone, { withinMs: 30_000 });
    await this.rolledOut(app);
  }

  async load(sinceMs = 0): Promise<Report> {
    return readReport(await this.podIp('load'), sinceMs);
  }

  /** Does `work` under load and returns what the load saw from its begin until two seconds after its end. */
  async underLoad(work: () => Promise<void>): Promise<Report> {
    const { nowMs: sinceMs } = await this.load();
    await work();
    const { nowMs: endMs } = await this.load();
    return eventually('two more seconds of load', async () => {
      const report = await this.load(sinceMs);
      return (report.seconds.at(-1)?.atMs ?? 0) > endMs + 2_000 ? report : undefined;
    });
  }

  /** Waits until the sidecars of `app` have the Services' endpoints: a route that names them earlier loses requests. */
  async proxiesKnow(app: string, services: readonly string[]): Promise<void> {
    const patterns = services.map(
      (name) => new RegExp(`\\|${name}\\.${this.namespace}\\..*:8080::health_flags::healthy`),
    );
    for (const { status } of await this.pods(app)) {
      await eventually(`the proxy at ${status?.podIP} to know ${services.join(' and ')}`, async () => {
        const clusters = await (await fetch(`http://${status?.podIP}:15000/clusters`)).text();
        return patterns.every((pattern) => pattern.test(clusters));
      });
    }
  }

  /** Runs a pod for as long as `look` looks at it, and removes it. */
  async withPod(
    name: string,
    spec: Partial<PodSpec> & Pick<PodSpec, 'containers'>,
    look: (name: string) => Promise<void>,
  ): Promise<void> {
    await this.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
    try {
      await look(name);
    } finally {
      await this.kube.delete({ kind: kinds.pod, namespace: this.namespace, name }, { gracePeriodSeconds: 1 });
    }
  }

  /** Waits until `look` finds something in the pod. */
  async seenPod<T>(name: string, what: string, look: (pod: Pod) => T | undefined | false): Promise<T> {
    const { kube, namespace } = this;
    let seen: unknown;
    const lookAgain = async () => {
      const pod = await kube.get<Pod>({ kind: kinds.pod, namespace, name });
      seen = pod?.status;
      const found = pod && look(pod);
      return found === undefined || found === false ? undefined : { found };
    };
    return (await eventually(what, lookAgain, { withinMs: 45_000, lastSeen: () => seen })).found;
  }
}

function isRolledOut({ metadata, spec, status = {} }: Deployment): boolean {
  const { observedGeneration, replicas, updatedReplicas, availableReplicas } = status;
  const counts = [replicas, updatedReplicas, availableReplicas];
  return observedGeneration === metadata.generation && counts.every((count) => count === spec.replicas);
}
