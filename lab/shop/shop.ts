import { setTimeout as sleep } from 'node:timers/promises';
import type { Rollout } from '../../src/api/rollout.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../src/kube/port.ts';
import type { Pod } from '../../src/workloads/objects.ts';
import { isReady } from '../../src/workloads/pods.ts';
import { type Report, readReport, setRate } from '../load/report.ts';
import {
  type Behaviour,
  RELEASED,
  type RolloutSpecInput,
  rolloutManifest,
  type ShopOptions,
  shopManifests,
} from './manifests.ts';

const KINDS: Readonly<Record<string, Kind>> = {
  Namespace: { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  Service: kinds.service,
  Deployment: kinds.deployment,
  Rollout: kinds.rollout,
  VirtualService: kinds.virtualService,
  DestinationRule: kinds.destinationRule,
};

/** Stands for the user of the shop: writes as `kubectl apply --server-side` would. */
const USER = { fieldManager: 'shop-owner', force: true } as const;

/** One shop on the lab: its services, steady load, and a Rollout for the one in the middle. Works inside the lab's namespaces only. */
export interface Shop {
  readonly namespace: string;
  /** Creates what is missing and resolves when requests are answered. */
  open(): Promise<void>;
  apply(object: KubeObject): Promise<void>;
  /** Creates or changes the Rollout. */
  addRollout(input?: RolloutSpecInput): Promise<void>;
  /** Changes the released Deployment's environment, which makes a new version. */
  release(version: string, behaviour?: Behaviour): Promise<void>;
  rollout(): Promise<Rollout>;
  /** Resolves with the Rollout once `holds` is true of it; throws with the last message seen when it is not in time. */
  until(what: string, holds: (rollout: Rollout) => boolean, timeoutMs?: number): Promise<Rollout>;
  /** What the callers have seen, with failures since `sinceMs`. */
  report(sinceMs?: number): Promise<Report>;
  pods(app?: string): Promise<readonly Pod[]>;
  /** Deletes the namespace and all that is in it; resolves when it is gone. */
  close(): Promise<void>;
}

const DEFAULT_RATE = 200;
const OPEN_TIMEOUT_MS = 60_000;
const RELEASE_TIMEOUT_MS = 180_000;
const LOOK_EVERY_MS = 100;

export function createShop(kube: Kube, options: ShopOptions): Shop {
  const { namespace } = options;
  const rolloutRef = { kind: kinds.rollout, namespace, name: RELEASED };

  const apply = async (object: KubeObject): Promise<void> => {
    const kind = KINDS[object.kind];
    if (kind === undefined) throw new Error(`the shop does not know the kind ${object.kind}`);
    await kube.apply(kind, object, USER);
  };
  const rollout = async (): Promise<Rollout> => {
    const found = await kube.get<Rollout>(rolloutRef);
    if (found === undefined) throw new Error(`there is no Rollout ${namespace}/${RELEASED}`);
    return found;
  };
  const pods = async (app = RELEASED): Promise<readonly Pod[]> =>
    (await kube.list<Pod>(kinds.pod, { namespace, labelSelector: `app=${app}` })).items;
  const loadAddress = async (): Promise<string> => {
    const [load] = await pods('load');
    const address = (load?.status as { readonly podIP?: string } | undefined)?.podIP;
    if (address === undefined) throw new Error('the load has no address yet');
    return address;
  };
  const report = async (sinceMs = Number.MAX_SAFE_INTEGER): Promise<Report> =>
    await readReport(await loadAddress(), sinceMs);

  return {
    namespace,
    apply,
    rollout,
    pods,
    report,
    async open() {
      // Requests that come before there is a shop would count as failed.
      const objects = shopManifests({ ...options, rate: 0 });
      for (const object of objects) await apply(object);
      const deployments = objects.filter(({ kind }) => kind === 'Deployment').length;
      await eventually('all pods are ready', OPEN_TIMEOUT_MS, async () => {
        const { items } = await kube.list<Pod>(kinds.pod, { namespace });
        const deployed = new Set(items.map(({ metadata }) => metadata.labels?.['app']));
        return (deployed.size === deployments && items.every(isReady)) || undefined;
      });
      await eventually('the load takes its rate', OPEN_TIMEOUT_MS, async () => {
        await setRate(await loadAddress(), options.rate ?? DEFAULT_RATE);
        return true;
      });
      await eventually('the shop answers', OPEN_TIMEOUT_MS, async () => {
        const seconds = (await report(Date.now() - 5_000)).seconds.filter(({ requests }) => requests > 0);
        const last = seconds.at(-1);
        return last !== undefined && last.failed === 0 ? last : undefined;
      });
    },
    addRollout: (input) => apply(rolloutManifest(namespace, input)),
    async release(version, behaviour = {}) {
      const ref = { kind: kinds.deployment, namespace, name: RELEASED };
      const deployment = await kube.get<DeploymentWithEnv>(ref);
      const container = deployment?.spec.template.spec.containers[0];
      if (container === undefined) throw new Error(`Deployment ${namespace}/${RELEASED} has no container`);
      const kept = container.env.filter(({ name, valueFrom }) => valueFrom !== undefined || name === 'NEXT_HOP');
      const env = [
        ...kept,
        ...Object.entries({ VERSION: version, ...behaviour }).map(([name, value]) => ({ name, value })),
      ];
      const path = '/spec/template/spec/containers/0';
      await kube.jsonPatch(
        ref,
        [
          { op: 'replace', path: `${path}/env`, value: env },
          { op: 'replace', path: `${path}/image`, value: imageOf(version, behaviour) },
        ],
        USER,
      );
    },
    async until(what, holds, timeoutMs = RELEASE_TIMEOUT_MS) {
      let last: Rollout | undefined;
      const found = await eventually(what, timeoutMs, async () => {
        last = await rollout();
        return holds(last) ? last : undefined;
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}; last seen: ${last?.status?.phase}, ${last?.status?.message}`);
      });
      return found;
    },
    async close() {
      const ref = { kind: KINDS['Namespace'] as Kind, name: namespace };
      await kube.delete(ref, { propagation: 'Foreground' });
      await eventually(
        `namespace ${namespace} is gone`,
        OPEN_TIMEOUT_MS,
        async () => (await kube.get(ref)) === undefined || undefined,
      );
    },
  };
}

interface DeploymentWithEnv extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly valueFrom?: object }[];
        }[];
      };
    };
  };
}

/** A version may bring its own image, to try images that crash or do not exist. */
function imageOf(version: string, { IMAGE }: Behaviour): string {
  return IMAGE ?? `lab/echo:${version}`;
}

/** Asks until there is an answer. Errors on the way are part of starting up; the last one is told when time is over. */
export async function eventually<T>(what: string, timeoutMs: number, ask: () => Promise<T | undefined>): Promise<T> {
  const until = Date.now() + timeoutMs;
  let problem = 'nothing was seen';
  while (Date.now() < until) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      problem = 'it was not so';
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`${what}: not within ${timeoutMs / 1000} s (${problem})`);
}
