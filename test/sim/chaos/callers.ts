import { kinds } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/port.ts';
import type { Pod, ReplicaSet } from '../../../src/workloads/objects.ts';
import { HASH_LABEL } from '../../../src/workloads/revision.ts';
import { NAMESPACE } from '../cluster.ts';
import type { Dice } from '../dice.ts';
import type { Answer } from '../mesh.ts';
import type { World } from '../world.ts';

/** What a caller makes of the target's answers. `ask` sends one request. */
export type Conduct = (ask: (headers?: Readonly<Record<string, string>>) => Answer) => { readonly isFailure: boolean };

/** Answers its users whatever the target does. */
export const careful: Conduct = (ask) => {
  ask();
  return { isFailure: false };
};

/** Waits this long for the target, and hands its failures on. */
const TIMEOUT_MS = 250;
export const fragile: Conduct = (ask) => {
  const answer = ask();
  return { isFailure: isBad(answer) || answer.delayMs > TIMEOUT_MS };
};

export function isBad({ code }: Pick<Answer, 'code'>): boolean {
  return /^(5\d\d|429)/.test(code);
}

export interface CallersOptions {
  readonly replicas: number;
  /** False: its pods have no sidecar. */
  readonly isMeshed: boolean;
  /** What their labels say of it; the truth where absent. */
  readonly saysMeshed?: boolean;
  readonly conduct: Conduct;
  /** Requests of its users per tick, over all pods. */
  readonly rate: number;
}

/** The application whose requests are to be touched, and its users. */
export interface Callers {
  conduct: Conduct;
  rate: number;
  /** Share of the users' requests that fail by themselves. */
  errorRatio: number;
  /** What its users saw: how many requests, and how many failed. */
  readonly seen: { requests: number; failures: number };
  scale(replicas: number): Promise<void>;
  tick(): readonly Answer[];
}

export const CALLER = 'cart';
const HASH = '5d9c8';
const EDGE = 'edge';

/** Pods of a ReplicaSet with a Service of their own; each is known to the mesh from when it is ready until it is gone. */
export async function createCallers(world: World, options: CallersOptions, dice: Dice): Promise<Callers> {
  const { kube, mesh } = world;
  const inject = String(options.saysMeshed ?? options.isMeshed);
  const labels = { app: CALLER, [HASH_LABEL]: HASH, 'sidecar.istio.io/inject': inject };
  const joined: string[] = [];
  const seen = { requests: 0, failures: 0 };

  const create = (kind: typeof kinds.pod, name: string, content: object) =>
    kube.create<KubeObject>(
      kind,
      { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, namespace: NAMESPACE, labels }, ...content },
      { fieldManager: 'kubectl' },
    );

  world.listeners.push(({ kind, type, object }) => {
    if (kind !== kinds.pod || object.metadata.labels?.['app'] !== CALLER) return;
    const { name } = object.metadata;
    const isGone = type === 'DELETED' || object.metadata.deletionTimestamp !== undefined;
    const isReady = (object as Pod).status?.conditions?.some(({ status }) => status === 'True') === true;
    if (isGone && joined.includes(name)) {
      joined.splice(joined.indexOf(name), 1);
      mesh.leave(name);
    } else if (!isGone && isReady && !joined.includes(name)) {
      joined.push(name);
      mesh.join({ name, workload: CALLER, labels, isMeshed: options.isMeshed });
    }
  });
  mesh.join({ name: EDGE, workload: EDGE, labels: { app: EDGE }, isMeshed: true });
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'cart' }] } };
  await create(kinds.service, CALLER, { spec: { selector: { app: CALLER }, ports: [{ name: 'http', port: 80 }] } });
  await create(kinds.replicaSet, `${CALLER}-${HASH}`, {
    spec: { replicas: options.replicas, selector: { matchLabels: labels }, template },
  } satisfies Pick<ReplicaSet, 'spec'>);

  const callers: Callers = {
    ...{ conduct: options.conduct, rate: options.rate, errorRatio: 0, seen },
    scale: (replicas) => world.patch(kinds.replicaSet, `${CALLER}-${HASH}`, { spec: { replicas } }),
    tick() {
      const answers: Answer[] = [];
      for (let count = 0; count < callers.rate && joined.length > 0; count += 1) {
        const pod = dice.pick(joined);
        const { isFailure } = callers.conduct((headers) => {
          const answer = mesh.ask(pod, headers);
          answers.push(answer);
          return answer;
        });
        const isFailed = isFailure || dice.chance(callers.errorRatio);
        seen.requests += 1;
        if (isFailed) seen.failures += 1;
        mesh.count(EDGE, CALLER, isFailed ? '500' : '200');
      }
      return answers;
    },
  };
  return callers;
}
