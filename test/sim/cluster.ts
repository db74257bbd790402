import { isDeepStrictEqual } from 'node:util';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../src/kube/port.ts';
import { controllerReference } from '../../src/workloads/canary.ts';
import type { Deployment, Pod, PodTemplate, ReplicaSet } from '../../src/workloads/objects.ts';
import { HASH_LABEL, withoutHash } from '../../src/workloads/revision.ts';
import type { FakeKube } from '../support/fake-kube.ts';
import type { Dice } from './dice.ts';
import type { SimClock } from './sim-clock.ts';

export const NAMESPACE = 'shop';
export const NAME = 'ord';

/** How pods of one image behave. */
export interface Behaviour {
  /** Share of the answers that are failures. */
  readonly errorRatio: number;
  /** Pods become ready this long after they were made, in ms; null: never. */
  readonly readyAfterMs: readonly [number, number] | null;
  /** Pods end this long after they became ready, in ms; null: never. */
  readonly crashAfterMs: number | null;
}

export const GOOD: Behaviour = { errorRatio: 0, readyAfterMs: [300, 3_000], crashAfterMs: null };

/** A pod as long as its process runs, whatever the API server says of it. */
interface Running {
  readonly image: string;
  readyAt: number;
  crashAt: number;
  /** The process ends; requests are answered until then. */
  endsAt: number;
}

export interface Cluster {
  readonly running: ReadonlyMap<string, Running>;
  behaviourOf(image: string): Behaviour;
  setBehaviour(image: string, behaviour: Behaviour): void;
  /** Lets the controllers of the cluster do what is due now. */
  tick(): Promise<void>;
  /** Something changed that they should look at. */
  touch(): void;
  deployment(): Deployment | undefined;
  replicaSets(): readonly ReplicaSet[];
}

const CONTROLLER = { fieldManager: 'kube-controller-manager' };
/** Terminating pods answer so long; proxies have learned of their end by then. */
const GRACE_MS = 4_000;
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX = 'deployment.kubernetes.io/max-replicas';
const GRACE_FINALIZER = 'sim/process';

/** Deployment, ReplicaSet, endpoints and garbage controllers, as far as design.md 3 says what was seen of the real ones. */
export function createCluster(kube: FakeKube, clock: SimClock, dice: Dice): Cluster {
  const behaviours = new Map<string, Behaviour>();
  const running = new Map<string, Running>();
  let isDirty = true;
  let names = 0;

  const ref = (kind: Kind, name: string) => ({ kind, namespace: NAMESPACE, name });
  const deployment = () => kube.all<Deployment>(kinds.deployment)[0];
  const replicaSets = () => kube.all<ReplicaSet>(kinds.replicaSet);
  const pods = () => kube.all<Pod>(kinds.pod);
  const behaviourOf = (image: string): Behaviour => behaviours.get(image) ?? GOOD;

  const scale = async (set: ReplicaSet, replicas: number, owner: Deployment): Promise<void> => {
    const annotations = { [DESIRED]: String(owner.spec.replicas ?? 1), [MAX]: String(maxSize(owner)) };
    if (set.spec.replicas === replicas && set.metadata.annotations?.[DESIRED] === annotations[DESIRED]) return;
    const patch = { metadata: { annotations }, spec: { replicas } };
    await kube.mergePatch(ref(kinds.replicaSet, set.metadata.name), patch, CONTROLLER);
  };

  const syncDeployment = async (): Promise<void> => {
    const own = deployment();
    if (own === undefined) return;
    const sets = replicaSets().filter((set) => isControlledBy(set, own));
    const current = sets.find((set) => isDeepStrictEqual(withoutHash(set.spec.template), own.spec.template));
    const old = sets.filter((set) => set !== current);
    const isScaling = sets.some(
      (set) => sizeOf(set) > 0 && (set.metadata.annotations?.[DESIRED] ?? '') !== String(own.spec.replicas ?? 1),
    );
    if (own.spec.paused || (isScaling && sets.length > 0)) await resize(own, current, old);
    else if (current === undefined) await createReplicaSet(own);
    else await roll(own, current, old);
  };

  /** `scale` of the real controller: the only thing that it does to a paused Deployment. */
  const resize = async (
    own: Deployment,
    current: ReplicaSet | undefined,
    old: readonly ReplicaSet[],
  ): Promise<void> => {
    const wanted = own.spec.replicas ?? 1;
    const active = [...(current ? [current] : []), ...old].filter((set) => sizeOf(set) > 0);
    if (active.length <= 1) {
      const only = active[0] ?? current ?? old.at(-1);
      return only && scale(only, wanted, own);
    }
    if (current !== undefined && isSaturated(current, wanted)) {
      for (const set of old.filter((other) => sizeOf(other) > 0)) await scale(set, 0, own);
      return;
    }
    await shareOut(own, active);
  };

  /** Several ReplicaSets share the Deployment's size in the proportions that they have. */
  const shareOut = async (own: Deployment, active: readonly ReplicaSet[]): Promise<void> => {
    const wanted = own.spec.replicas ?? 1;
    const total = active.reduce((sum, set) => sum + sizeOf(set), 0);
    const left = (wanted > 0 ? maxSize(own) : 0) - total;
    for (const set of active) {
      const share = Math.trunc((sizeOf(set) * left) / total);
      await scale(set, Math.max(0, sizeOf(set) + share), own);
    }
  };

  const createReplicaSet = async (own: Deployment): Promise<void> => {
    names += 1;
    const revision = `k8s${names}`;
    const hash = { [HASH_LABEL]: revision };
    const labels = { ...own.spec.template.metadata?.labels, ...hash };
    const set: ReplicaSet = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${NAME}-${revision}`,
        namespace: NAMESPACE,
        labels,
        ownerReferences: [controllerReference(own)],
      },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { ...own.spec.template, metadata: { ...own.spec.template.metadata, labels } },
      },
    };
    await kube.create(kinds.replicaSet, set, CONTROLLER);
    isDirty = true;
  };

  /** A rolling update with maxSurge and maxUnavailable of 25 %. */
  const roll = async (own: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Promise<void> => {
    const wanted = own.spec.replicas ?? 1;
    const total = [current, ...old].reduce((sum, set) => sum + sizeOf(set), 0);
    const size = sizeOf(current);
    if (size > wanted) return scale(current, wanted, own);
    const up = Math.min(wanted - size, maxSize(own) - total);
    if (up > 0) return scale(current, size + up, own);
    if (size === wanted) await scale(current, size, own);
    await retire(own, current, old);
  };

  /** Takes pods from old ReplicaSets, those that are not ready first, as far as maxUnavailable allows. */
  const retire = async (own: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Promise<void> => {
    const wanted = own.spec.replicas ?? 1;
    const least = wanted - Math.floor(wanted / 4);
    const total = [current, ...old].reduce((sum, set) => sum + sizeOf(set), 0);
    const available = [current, ...old].reduce((sum, set) => sum + availableOf(set), 0);
    let mayGo = total - least - (sizeOf(current) - availableOf(current));
    let mayStop = available - least;
    for (const set of old) {
      const unready = Math.max(0, Math.min(mayGo, sizeOf(set) - availableOf(set)));
      const ready = Math.max(0, Math.min(mayStop, mayGo - unready, sizeOf(set) - unready));
      mayGo -= unready + ready;
      mayStop -= ready;
      if (unready + ready > 0) await scale(set, sizeOf(set) - unready - ready, own);
    }
  };

  const syncReplicaSet = async (set: ReplicaSet): Promise<void> => {
    const own = pods().filter(
      (pod) => pod.metadata.deletionTimestamp === undefined && isControlledBy(pod, set) && !isEnded(pod),
    );
    const missing = sizeOf(set) - own.length;
    for (let count = 0; count < missing; count += 1) await startPod(set);
    const unready = (pod: Pod) => (isReadyPod(pod) ? 1 : 0);
    const extra = own.toSorted((a, b) => unready(a) - unready(b)).slice(0, Math.max(0, -missing));
    for (const pod of extra) await kube.delete(ref(kinds.pod, pod.metadata.name));
    const ready = own.filter((pod) => isReadyPod(pod) && !extra.includes(pod)).length;
    const status = { replicas: sizeOf(set), readyReplicas: ready, availableReplicas: ready };
    if (isDeepStrictEqual(set.status, status)) return;
    const patch = { status };
    await kube.mergePatch(ref(kinds.replicaSet, set.metadata.name), patch, { ...CONTROLLER, subresource: 'status' });
  };

  const startPod = async (set: ReplicaSet): Promise<void> => {
    names += 1;
    const name = `${set.metadata.name}-p${names}`;
    const image = imageOf(set.spec.template);
    const { readyAfterMs } = behaviourOf(image);
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: NAMESPACE,
        labels: set.spec.template.metadata?.labels ?? {},
        ownerReferences: [controllerReference(set)],
        finalizers: [GRACE_FINALIZER],
      },
    };
    await kube.create(kinds.pod, pod, CONTROLLER);
    const readyAt = readyAfterMs === null ? Number.POSITIVE_INFINITY : clock.now() + dice.int(...readyAfterMs);
    running.set(name, { image, readyAt, crashAt: Number.POSITIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY });
    isDirty = true;
  };

  const isEnded = (pod: Pod): boolean => !running.has(pod.metadata.name);

  const syncPods = async (): Promise<void> => {
    for (const pod of pods()) {
      const process = running.get(pod.metadata.name);
      if (process !== undefined) await syncPod(pod, process);
    }
  };

  const syncPod = async (pod: Pod, process: Running): Promise<void> => {
    const now = clock.now();
    const isTerminating = pod.metadata.deletionTimestamp !== undefined;
    if (isTerminating) process.endsAt = Math.min(process.endsAt, now + GRACE_MS);
    if (process.endsAt <= now) return endPod(pod);
    if (process.crashAt <= now) {
      process.crashAt = Number.POSITIVE_INFINITY;
      return setReady(pod, false);
    }
    if (process.readyAt > now || isTerminating) return;
    const { crashAfterMs } = behaviourOf(process.image);
    process.readyAt = Number.POSITIVE_INFINITY;
    if (crashAfterMs !== null) process.crashAt = now + crashAfterMs;
    await setReady(pod, true);
  };

  const endPod = async ({ metadata: { name } }: Pod): Promise<void> => {
    running.delete(name);
    await kube.mergePatch(ref(kinds.pod, name), { metadata: { finalizers: [] } }, CONTROLLER);
    isDirty = true;
  };

  const setReady = async (pod: Pod, ready: boolean): Promise<void> => {
    const status = ready
      ? { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
      : {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }],
          containerStatuses: [{ name: 'main', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
        };
    await kube.mergePatch(ref(kinds.pod, pod.metadata.name), { status }, { ...CONTROLLER, subresource: 'status' });
    isDirty = true;
  };

  const syncEndpoints = async (): Promise<void> => {
    const slices = kube.all<EndpointSlice>(kinds.endpointSlice);
    for (const service of kube.all<Service>(kinds.service)) {
      const { name } = service.metadata;
      const endpoints = endpointsOf(service, pods());
      const existing = slices.find((slice) => slice.metadata.name === name);
      if (existing === undefined) await kube.create(kinds.endpointSlice, sliceOf(service, endpoints), CONTROLLER);
      else if (!isDeepStrictEqual(existing.endpoints, endpoints)) {
        await kube.mergePatch(ref(kinds.endpointSlice, name), { endpoints }, CONTROLLER);
      }
    }
  };

  return {
    running,
    behaviourOf,
    setBehaviour: (image, behaviour) => behaviours.set(image, behaviour),
    deployment,
    replicaSets,
    touch() {
      isDirty = true;
    },
    async tick() {
      const now = clock.now();
      const isDue = [...running.values()].some(
        ({ readyAt, crashAt, endsAt }) => Math.min(readyAt, crashAt, endsAt) <= now,
      );
      if (!isDirty && !isDue) return;
      isDirty = false;
      await syncDeployment();
      for (const set of replicaSets()) await syncReplicaSet(set);
      kube.collectGarbage();
      await syncPods();
      await syncEndpoints();
    },
  };
}

export interface Service extends KubeObject {
  readonly spec: { readonly selector?: Readonly<Record<string, string>> };
}

export interface EndpointSlice extends KubeObject {
  readonly endpoints: readonly Endpoint[];
}

interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready: boolean; readonly terminating: boolean };
  readonly targetRef: { readonly kind: string; readonly name: string; readonly uid: string };
}

function endpointsOf({ spec }: Service, pods: readonly Pod[]): readonly Endpoint[] {
  const selector = Object.entries(spec.selector ?? {});
  return pods
    .filter((pod) => selector.every(([key, value]) => pod.metadata.labels?.[key] === value))
    .map((pod) => {
      const terminating = pod.metadata.deletionTimestamp !== undefined;
      const { name, uid = '' } = pod.metadata;
      return {
        addresses: [name],
        conditions: { ready: !terminating && isReadyPod(pod), terminating },
        targetRef: { kind: 'Pod', name, uid },
      };
    });
}

function sliceOf(service: Service, endpoints: readonly Endpoint[]): EndpointSlice {
  const { name } = service.metadata;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': name },
      ownerReferences: [controllerReference(service)],
    },
    endpoints,
  };
}

export function imageOf(template: PodTemplate): string {
  return (template.spec as { containers: readonly { image: string }[] }).containers[0]?.image ?? '';
}

export function isControlledBy({ metadata }: KubeObject, owner: KubeObject): boolean {
  return (
    metadata.ownerReferences?.some(({ controller, uid }) => controller === true && uid === owner.metadata.uid) ?? false
  );
}

const sizeOf = ({ spec }: ReplicaSet): number => spec.replicas ?? 1;
const availableOf = ({ status }: ReplicaSet): number => status?.availableReplicas ?? 0;
const isReadyPod = ({ status }: Pod): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

function maxSize({ spec }: Deployment): number {
  const replicas = spec.replicas ?? 1;
  return replicas + Math.ceil(replicas / 4);
}

function isSaturated(set: ReplicaSet, wanted: number): boolean {
  return (
    sizeOf(set) === wanted && set.metadata.annotations?.[DESIRED] === String(wanted) && availableOf(set) === wanted
  );
}
