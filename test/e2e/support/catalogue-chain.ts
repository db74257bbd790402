import { type Behaviour, PLAIN } from '../../../lab/echo/behaviour.ts';
import type { CallerPolicy } from '../../../lab/echo/caller.ts';
import { setBehaviour } from '../../../lab/echo/control.ts';
import { type Report, readReport, setRate } from '../../../lab/load/report.ts';
import { echoDeployment, echoService, loadDeployment, rolloutManifest } from '../../../lab/shop/manifests.ts';
import type { Rollout } from '../../../src/api/rollout.ts';
import { kinds } from '../../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../../src/kube/port.ts';
import type { Pod } from '../../../src/workloads/objects.ts';
import { isReady } from '../../../src/workloads/pods.ts';
import type { RawObject } from '../../contract/api/specs.ts';
import type { Expected } from '../../support/catalogue.ts';
import { eventually } from '../../support/eventually.ts';

const USER = { fieldManager: 'shop-owner', force: true } as const;
const KINDS: Readonly<Record<string, Kind>> = {
  Service: kinds.service,
  Deployment: kinds.deployment,
  Rollout: kinds.rollout,
};
const WITHIN_MS = { withinMs: 240_000 };
/** As long as a scrape reaches back, and one more second. */
const CALM_SECONDS = 6;

/** The lab's shop once more, under names of its own, so that several experiments can run beside one another: load → (web →) checkout → payments. */
export interface Chain {
  /** The object with this chain's names. */
  named<T>(object: T): T;
  open(): Promise<void>;
  /** Gives the callers these manners, and waits until the load sees no failure any more. */
  behave(callers: Partial<CallerPolicy>, payments?: Partial<Behaviour>): Promise<void>;
  /** Deletes its pods; what they counted stays. */
  close(): Promise<void>;
}

/** Which shop an experiment needs. */
export function layoutOf({ object, expected: { shop } }: { readonly object: RawObject; readonly expected: Expected }) {
  const { rate, marked, zones, canaryWeight } = shop;
  const steady = (object.spec['steadyState'] as { readonly service: string }).service;
  return {
    rate,
    callers: steady,
    ...(marked && { marked }),
    ...(zones && { zones }),
    ...(canaryWeight && { canaryWeight }),
  };
}

export type Layout = ReturnType<typeof layoutOf>;

export function createChain(
  kube: Kube,
  { namespace, suffix, layout }: { readonly namespace: string; readonly suffix: string; readonly layout: Layout },
): Chain {
  const own = (name: string) => `${name}-${suffix}`;
  const named = <T>(object: T): T =>
    JSON.parse(JSON.stringify(object).replace(/(?<=")(web|checkout|payments)(?=\\?")/g, `$1-${suffix}`)) as T;
  const pods = async (app: string) =>
    (await kube.list<Pod>(kinds.pod, { namespace, labelSelector: `app=${own(app)}` })).items;
  const apply = (object: KubeObject) => kube.apply(KINDS[object.kind] as Kind, object, USER);
  const objects = objectsOf({ namespace, own, layout });

  const loads = async () => [...(await pods('load')), ...(await pods('marked'))];
  const reports = async (sinceMs: number): Promise<readonly Report[]> =>
    await Promise.all((await loads()).map((pod) => readReport(addressOf(pod), sinceMs)));
  /** Requests that come before there is a shop would count as failed, and spend what the objective allows in an hour. */
  const begin = async () => {
    const { rate, marked } = layout;
    const share = marked?.share ?? 0;
    for (const pod of await pods('load')) await setRate(addressOf(pod), rate * (1 - share));
    for (const pod of await pods('marked')) await setRate(addressOf(pod), rate * share);
  };
  let seen: unknown;
  const calm = () =>
    eventually(
      `chain ${suffix} is calm`,
      async () => {
        const all = await reports(Date.now() - CALM_SECONDS * 1000).catch(() => []);
        seen = all.flatMap(({ seconds }) => seconds.map(({ failed, latencyMs }) => [failed, latencyMs.p99]));
        return (
          all.length > 0 && all.every(({ seconds }) => seconds.length >= CALM_SECONDS - 2 && seconds.every(isCalm))
        );
      },
      { ...WITHIN_MS, lastSeen: () => seen },
    );

  return {
    named,
    async open() {
      for (const object of objects) await apply(object);
      const wanted = objects.filter(({ kind }) => kind === 'Deployment').length;
      await eventually(
        `pods of chain ${suffix}`,
        async () => {
          const { items } = await kube.list<Pod>(kinds.pod, { namespace });
          const mine = items.filter(({ metadata }) => metadata.labels?.['app']?.endsWith(`-${suffix}`));
          return mine.length >= wanted && mine.every(isReady);
        },
        WITHIN_MS,
      );
      // A load has no probe: it is there before it listens.
      await eventually(
        `loads of chain ${suffix}`,
        () =>
          begin().then(
            () => true,
            () => false,
          ),
        WITHIN_MS,
      );
      await calm();
      if (layout.canaryWeight !== undefined) await release(kube, { namespace, name: own('checkout'), layout });
    },
    async behave(callers, payments = {}) {
      const policy = { ...PLAIN, ...callers };
      for (const pod of await pods(layout.callers)) await setBehaviour(addressOf(pod), policy);
      for (const pod of await pods('payments')) await setBehaviour(addressOf(pod), { ...PLAIN, ...payments });
      await calm();
    },
    async close() {
      for (const { kind, metadata } of objects)
        if (kind !== 'Service') await kube.delete({ kind: KINDS[kind] as Kind, namespace, name: metadata.name });
    },
  };
}

const isCalm = ({ failed, latencyMs }: Report['seconds'][number]): boolean => failed === 0 && latencyMs.p99 < 1_000;

function addressOf({ metadata, status }: Pod): string {
  if (status?.podIP === undefined) throw new Error(`pod ${metadata.name} has no address yet`);
  return status.podIP;
}

function objectsOf({
  namespace,
  own,
  layout,
}: {
  readonly namespace: string;
  readonly own: (name: string) => string;
  readonly layout: Layout;
}): readonly KubeObject[] {
  const { callers, marked, zones, canaryWeight } = layout;
  const echo = (app: string, next?: string) =>
    echoDeployment(namespace, own(app), {
      replicas: 1,
      env: { VERSION: 'v1', ...(next !== undefined && { NEXT_HOP: `http://${own(next)}.${namespace}/` }) },
      calls: next !== undefined,
    });
  const hasWeb = callers === 'web';
  const target = own(callers);
  return [
    ...['web', 'checkout', 'payments'].map((app) => echoService(namespace, own(app))),
    ...(hasWeb ? [echo('web', 'checkout')] : []),
    ...(zones === undefined
      ? [hasWeb ? echo('checkout') : echo('checkout', 'payments')]
      : zones.map((zone) => inZone(echo('checkout', 'payments'), zone))),
    ...(hasWeb ? [] : [echo('payments')]),
    loadDeployment(namespace, own('load'), { target, rate: 0 }),
    ...(marked === undefined
      ? []
      : [loadDeployment(namespace, own('marked'), { target, rate: 0, headers: marked.headers })]),
    ...(canaryWeight === undefined ? [] : [rolloutOf(namespace, own('checkout'), canaryWeight)]),
  ];
}

interface DeploymentObject extends KubeObject {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } };
  };
}

/** A Deployment of its own, because proxies count by workload. */
function inZone(object: KubeObject, zone: string): KubeObject {
  const { metadata, spec, ...rest } = object as DeploymentObject;
  const { template, selector } = spec;
  const labels = { ...template.metadata.labels, zone };
  return {
    ...rest,
    metadata: { ...metadata, name: `${metadata.name}-${zone}` },
    spec: {
      ...spec,
      selector: { matchLabels: { ...selector.matchLabels, zone } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  } as KubeObject;
}

/** Holds for as long as the test takes. */
function rolloutOf(namespace: string, name: string, weight: number): KubeObject {
  const rollout = rolloutManifest(namespace, {
    steps: [{ weight, hold: '30m' }, { weight: 100 }],
    analysis: { deadline: '1h' },
  });
  return JSON.parse(JSON.stringify(rollout).replaceAll('"checkout"', `"${name}"`)) as KubeObject;
}

/** Begins a release, and waits until both versions answer. */
async function release(
  kube: Kube,
  { namespace, name, layout }: { readonly namespace: string; readonly name: string; readonly layout: Layout },
): Promise<void> {
  const look = async () => (await kube.get<Rollout>({ kind: kinds.rollout, namespace, name }))?.status;
  await eventually(`Rollout ${name} rests`, async () => (await look())?.phase === 'Idle', WITHIN_MS);
  const container = '/spec/template/spec/containers/0';
  const env = await kube.get<
    KubeObject & { spec: { template: { spec: { containers: { env: { name: string }[] }[] } } } }
  >({
    kind: kinds.deployment,
    namespace,
    name,
  });
  const index = env?.spec.template.spec.containers[0]?.env.findIndex((variable) => variable.name === 'VERSION');
  await kube.jsonPatch(
    { kind: kinds.deployment, namespace, name },
    [
      { op: 'replace', path: `${container}/env/${index}/value`, value: 'v2' },
      { op: 'replace', path: `${container}/image`, value: 'lab/echo:v2' },
    ],
    USER,
  );
  await eventually(
    `the canary of ${name} is seen to get requests`,
    async () => {
      const weight = (await look())?.weight;
      return weight?.applied === layout.canaryWeight && weight?.observed !== undefined;
    },
    WITHIN_MS,
  );
}
