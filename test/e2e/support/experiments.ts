import { type ControllerProcess, startController } from '../../../lab/shop/controller-process.ts';
import type { ChaosExperiment } from '../../../src/api/chaos-experiment.ts';
import { kinds } from '../../../src/kube/kinds.ts';
import type { Kube, KubeObject, ObjectRef } from '../../../src/kube/port.ts';
import { eventually } from '../../support/eventually.ts';
import { logFileOf } from './lab-parts.ts';
import { controllerKubeconfig } from './stage.ts';

export type ExperimentStatus = NonNullable<ChaosExperiment['status']>;

const USER = { fieldManager: 'tester' } as const;
const WITHIN_MS = 120_000;

/** The experiments of one namespace, as a user would see and make them. */
export interface Experiments {
  refOf(name: string): ObjectRef;
  create(name: string, spec: object): Promise<void>;
  find(name: string): Promise<(ChaosExperiment & KubeObject) | undefined>;
  /** Resolves with the status once `holds` is true of it; throws with what was seen last when it is not in time. */
  until(
    name: string,
    what: string,
    holds: (status: ExperimentStatus) => boolean,
    withinMs?: number,
  ): Promise<ExperimentStatus>;
  toEnd(name: string, withinMs?: number): Promise<ExperimentStatus>;
  /** Everything that Sluice has made for experiments and that is still there, such as `Job abort-fuse-1`. */
  leftovers(): Promise<readonly string[]>;
}

/** `common` is the part of the spec that all of them have. */
export function experimentsIn(kube: Kube, namespace: string, common: object = {}): Experiments {
  const refOf = (name: string) => ({ kind: kinds.chaosExperiment, namespace, name });
  const find: Experiments['find'] = (name) => kube.get<ChaosExperiment & KubeObject>(refOf(name));
  const until: Experiments['until'] = async (name, what, holds, withinMs = WITHIN_MS) => {
    let last: ChaosExperiment['status'];
    const look = async () => {
      last = (await find(name))?.status;
      return last !== undefined && holds(last);
    };
    await eventually(`${name} ${what}`, look, { withinMs, lastSeen: () => ({ ...last, machine: undefined }) });
    if (last === undefined) throw new Error(`${name} has no status`);
    return last;
  };
  return {
    refOf,
    find,
    until,
    async create(name, spec) {
      const { apiVersion, kind } = kinds.chaosExperiment;
      const object = { apiVersion, kind, metadata: { name, namespace }, spec: { ...common, ...spec } };
      await kube.create<KubeObject>(kinds.chaosExperiment, object, USER);
    },
    toEnd: (name, withinMs) => until(name, 'is finished', ({ phase }) => phase === 'Finished', withinMs),
    async leftovers() {
      const found = await Promise.all([kinds.envoyFilter, kinds.job].map((kind) => kube.list(kind, { namespace })));
      return found.flatMap(({ items }) => items.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    },
  };
}

/** Writes the one SafetyPolicy of the cluster. */
export async function applyPolicy(kube: Kube, spec: object): Promise<void> {
  const { apiVersion, kind } = kinds.safetyPolicy;
  const object = { apiVersion, kind, metadata: { name: 'default' }, spec } as KubeObject;
  await kube.apply(kinds.safetyPolicy, object, { ...USER, force: true });
}

/** A controller of one namespace with just its rights, without Redis. */
export async function controllerOf(
  namespace: string,
  { port, logLevel = 'debug' }: { readonly port: number; readonly logLevel?: string },
): Promise<ControllerProcess> {
  const KUBECONFIG = await controllerKubeconfig(namespace);
  const env = { KUBECONFIG, WATCH_NAMESPACE: namespace, REDIS_URL: undefined, LOG_LEVEL: logLevel };
  return await startController({ logFile: logFileOf(namespace), port, env });
}
