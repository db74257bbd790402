import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { ADDRESSES } from '../../lab/paths.ts';
import { type ControllerProcess, startController } from '../../lab/shop/controller-process.ts';
import type { ChaosExperiment } from '../../src/api/chaos-experiment.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kube, KubeObject } from '../../src/kube/port.ts';
import { createFaults } from '../../src/routing/faults/faults.ts';
import { logFileOf } from '../e2e/support/lab-parts.ts';
import { controllerKubeconfig } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import { openTcpGate, type TcpGate } from './tcp-gate.ts';

type Status = NonNullable<ChaosExperiment['status']>;

/** Experiments in one namespace, and the one controller that is for it. */
export interface ChaosStage {
  readonly kube: Kube;
  readonly namespace: string;
  /** Between the controller and the API server. */
  readonly gate: TcpGate;
  startController(): Promise<void>;
  controller(): ControllerProcess;
  create(name: string, service: string, spec: object): Promise<void>;
  until(name: string, what: string, holds: (status: Status) => boolean, withinMs?: number): Promise<Status>;
  /** When the last fuse of each fault burns, by experiment, in ms since the epoch. */
  deadlines(): Promise<ReadonlyMap<string, number>>;
  /** Faults and fuses that are there. */
  leftovers(): Promise<readonly string[]>;
  /** Deletes every experiment. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

const USER = { fieldManager: 'bench' } as const;
const WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 100;
const COMMON = { callers: { matchLabels: { app: 'web' } }, limits: { requestShare: 100 }, baseline: '10s' };

export interface ChaosStageOptions {
  readonly namespace: string;
  /** Of the controller. */
  readonly port: number;
  /** Only one controller of a lab may: they would take each other's work. */
  readonly withRedis: boolean;
}

export async function openChaosStage({ namespace, port, withRedis }: ChaosStageOptions): Promise<ChaosStage> {
  const kube = createKube();
  const { hostname, port: apiPort } = new URL(ADDRESSES.apiServer);
  const gate = await openTcpGate({ host: hostname, port: Number(apiPort) });
  const KUBECONFIG = await through(gate, await controllerKubeconfig(namespace));
  const refOf = (name: string) => ({ kind: kinds.chaosExperiment, namespace, name });
  let controller: ControllerProcess | undefined;

  const running = (): ControllerProcess => {
    if (controller === undefined) throw new Error('the controller was not started');
    return controller;
  };
  const leftovers = async () => {
    const found = await Promise.all([kinds.envoyFilter, kinds.job].map((kind) => kube.list(kind, { namespace })));
    return found.flatMap(({ items }) => items.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  };
  return {
    ...{ kube, namespace, gate, leftovers, controller: running },
    async startController() {
      const env = {
        ...{ KUBECONFIG, WATCH_NAMESPACE: namespace, LOG_LEVEL: 'debug' },
        ...(!withRedis && { REDIS_URL: undefined }),
      };
      controller = await startController({ logFile: logFileOf(namespace), port, env });
    },
    async create(name, service, spec) {
      const { apiVersion, kind } = kinds.chaosExperiment;
      const target = { service: { name: service, port: 80 } };
      const object = { apiVersion, kind, metadata: { name, namespace }, spec: { target, ...COMMON, ...spec } };
      await kube.create<KubeObject>(kinds.chaosExperiment, object, USER);
    },
    async until(name, what, holds, withinMs = WITHIN_MS) {
      let last: Status | undefined;
      const isSo = async () => {
        await sleep(LOOK_EVERY_MS);
        last = (await kube.get<ChaosExperiment & KubeObject>(refOf(name)))?.status;
        return last !== undefined && holds(last) ? last : undefined;
      };
      const lastSeen = () => `${last?.phase} ${last?.reason} ${last?.message}`;
      return await eventually(`${name} ${what}`, isSo, { withinMs, lastSeen });
    },
    async deadlines() {
      const faults = await createFaults(kube).list(namespace);
      return new Map(faults.map(({ experiment, expiresAt }) => [experiment, expiresAt ?? Number.NaN]));
    },
    async clear() {
      const { items } = await kube.list(kinds.chaosExperiment, { namespace });
      for (const { metadata } of items) await kube.delete(refOf(metadata.name));
    },
    async close() {
      gate.open();
      await controller?.stop();
      await gate.close();
    },
  };
}

/** The same kubeconfig, of which the server is the gate. */
async function through({ port }: TcpGate, path: string): Promise<string> {
  const config = parse(await readFile(path, 'utf8')) as { clusters: { cluster: { server: string } }[] };
  for (const { cluster } of config.clusters) cluster.server = `https://127.0.0.1:${port}`;
  const to = `${path}-gate`;
  await writeFile(to, stringify(config), { mode: 0o600 });
  return to;
}
