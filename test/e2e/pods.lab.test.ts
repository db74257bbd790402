import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { setBehaviour } from '../../lab/echo/control.ts';
import type { Pod, PodSpec } from '../../lab/kubelet/pod.ts';
import { type Report, readReport } from '../../lab/load/report.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../src/kube/port.ts';
import { eventually } from '../support/eventually.ts';

const namespace = 'pods';
const write = { fieldManager: 'pods-test', force: true };
const kind = (apiVersion: string, name: string, plural: string, namespaced = true): Kind => ({
  apiVersion,
  kind: name,
  plural,
  namespaced,
});
const namespaces = kind('v1', 'Namespace', 'namespaces', false);
const jobs = kind('batch/v1', 'Job', 'jobs');
const configMaps = kind('v1', 'ConfigMap', 'configmaps');
const secrets = kind('v1', 'Secret', 'secrets');
const known = [kinds.deployment, kinds.service, kinds.virtualService, kinds.pod, jobs, configMaps, secrets];

interface Deployment extends KubeObject {
  readonly spec: { readonly replicas: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

let kube: Kube;

function apply(
  object: object & { readonly apiVersion: string; readonly kind: string; readonly metadata: { readonly name: string } },
): Promise<KubeObject> {
  const found = known.find((each) => each.kind === object.kind);
  if (!found) throw new Error(`add ${object.kind} to the known kinds`);
  return kube.apply(found, { ...object, metadata: { ...object.metadata, namespace } }, write);
}

async function pods(app: string): Promise<readonly Pod[]> {
  return (await kube.list<Pod>(kinds.pod, { namespace, labelSelector: `app=${app}` })).items;
}

async function podIp(app: string): Promise<string> {
  const ip = (await pods(app)).find(({ metadata, status }) => !metadata.deletionTimestamp && status?.podIP)?.status
    ?.podIP;
  if (!ip) throw new Error(`no pod of ${app} has an address`);
  return ip;
}

async function rolledOut(name: string): Promise<void> {
  let seen: unknown;
  await eventually(
    `the Deployment ${name} to be rolled out`,
    async () => {
      const deployment = await kube.get<Deployment>({ kind: kinds.deployment, namespace, name });
      seen = deployment?.status;
      const { observedGeneration, replicas = 0, updatedReplicas, availableReplicas } = deployment?.status ?? {};
      const wanted = deployment?.spec.replicas;
      return (
        observedGeneration === deployment?.metadata.generation &&
        [replicas, updatedReplicas, availableReplicas].every((count) => count === wanted)
      );
    },
    { withinMs: 60_000, lastSeen: () => seen },
  );
}

/** Waits until the deleted pod is gone and the Deployment has all its pods again. */
async function replaced(app: string, name: string): Promise<void> {
  const gone = () => kube.get({ kind: kinds.pod, namespace, name }).then((pod) => pod === undefined);
  await eventually(`the pod ${name} to be gone`, gone, { withinMs: 30_000 });
  await rolledOut(app);
}

async function scale(name: string, replicas: number): Promise<void> {
  await kube.mergePatch({ kind: kinds.deployment, namespace, name }, { spec: { replicas } }, write);
  await rolledOut(name);
}

const load = async (sinceMs = 0): Promise<Report> => readReport(await podIp('load'), sinceMs);

/** Does `work` under load and returns what the load saw from its begin until two seconds after its end. */
async function underLoad(work: () => Promise<void>): Promise<Report> {
  const { nowMs: sinceMs } = await load();
  await work();
  const { nowMs: endMs } = await load();
  return eventually('two more seconds of load', async () => {
    const report = await load(sinceMs);
    return (report.seconds.at(-1)?.atMs ?? 0) > endMs + 2_000 ? report : undefined;
  });
}

/** Waits until the sidecars of all callers have the Services' endpoints: a route that names them earlier loses requests. */
async function proxiesKnow(...services: readonly string[]): Promise<void> {
  for (const { status } of await pods('frontend')) {
    await eventually(`the proxy at ${status?.podIP} to know ${services.join(' and ')}`, async () => {
      const clusters = await (await fetch(`http://${status?.podIP}:15000/clusters`)).text();
      return services.every((service) =>
        new RegExp(`\\|${service}\\.pods\\..*:8080::health_flags::healthy`).test(clusters),
      );
    });
  }
}

/** Runs a pod until `look` finds something in it, and removes it. */
async function withPod<T>(
  name: string,
  spec: Partial<PodSpec> & Pick<PodSpec, 'containers'>,
  look: (pod: Pod) => Promise<T>,
): Promise<T> {
  const pod = await kube.create<Pod>(
    kinds.pod,
    { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec },
    write,
  );
  try {
    return await look(pod);
  } finally {
    await kube.delete({ kind: kinds.pod, namespace, name }, { gracePeriodSeconds: 1 });
  }
}

async function seenPod<T>(
  name: string,
  what: string,
  look: (pod: Pod) => T | undefined | false,
): Promise<NonNullable<T>> {
  let seen: unknown;
  const found = await eventually(
    what,
    async () => {
      const pod = await kube.get<Pod>({ kind: kinds.pod, namespace, name });
      seen = pod?.status;
      return pod && look(pod);
    },
    { withinMs: 45_000, lastSeen: () => seen },
  );
  return found as NonNullable<T>;
}

const waiting = (pod: Pod) => pod.status?.containerStatuses?.[0]?.state.waiting;

beforeAll(async () => {
  kube = createKube();
  await kube.apply(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, write);
  const account = kind('v1', 'ServiceAccount', 'serviceaccounts');
  await eventually('the service account of the namespace', () =>
    kube.get({ kind: account, namespace, name: 'default' }),
  );
  const text = readFileSync(join(import.meta.dirname, 'pods.yaml'), 'utf8');
  for (const document of parseAllDocuments(text)) await apply(document.toJS());
  for (const name of ['checkout', 'frontend', 'load']) await rolledOut(name);
});

afterAll(async () => {
  await kube.delete({ kind: namespaces, name: namespace });
});

describe('a Deployment under load', () => {
  it('answers every request at the full rate through its sidecars, hop by hop', async () => {
    const report = await underLoad(async () => {});
    expect(report.failures).toEqual([]);
    expect(report.seconds.map(({ requests }) => requests)).toEqual(report.seconds.map(() => 200));
    expect(Object.keys(report.versions).sort()).toEqual(['checkout=v1', 'frontend=v1']);
  });

  it('loses no request when pods are deleted, and gets new ones on new addresses', async () => {
    const before = await pods('checkout');
    const report = await underLoad(async () => {
      for (const { metadata } of before) {
        await kube.delete({ kind: kinds.pod, namespace, name: metadata.name });
        await replaced('checkout', metadata.name);
      }
    });
    expect(report.failures).toEqual([]);
    const addresses = new Set(before.map(({ status }) => status?.podIP));
    const fresh = (await pods('checkout')).filter(({ metadata }) => !metadata.deletionTimestamp);
    expect(fresh).toHaveLength(3);
    expect(fresh.filter(({ status }) => addresses.has(status?.podIP))).toEqual([]);
  });

  it('loses no request while it is scaled up and down', async () => {
    const report = await underLoad(async () => {
      await scale('checkout', 6);
      await scale('checkout', 2);
    });
    expect(report.failures).toEqual([]);
  });

  it('loses no request while it is rolled out anew, hop with a sidecar included', async () => {
    const template = { metadata: { annotations: { restarted: 'yes' } } };
    const report = await underLoad(async () => {
      for (const name of ['checkout', 'frontend']) {
        await kube.mergePatch({ kind: kinds.deployment, namespace, name }, { spec: { template } }, write);
        await rolledOut(name);
      }
    });
    expect(report.failures).toEqual([]);
  });
});

describe('two versions', () => {
  beforeAll(async () => {
    const selector = { app: 'checkout', version: 'v2' };
    const container = {
      name: 'echo',
      image: 'lab/echo:v2',
      env: [{ name: 'VERSION', value: 'v2' }],
      readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
    };
    for (const version of ['v1', 'v2']) {
      const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
      await apply({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: `checkout-${version}` },
        spec: { selector: { ...selector, version }, ports },
      } as KubeObject);
    }
    await apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'checkout-v2' },
      spec: {
        replicas: 1,
        selector: { matchLabels: selector },
        template: { metadata: { labels: selector }, spec: { containers: [container] } },
      },
    } as KubeObject);
    await rolledOut('checkout-v2');
    await proxiesKnow('checkout-v1', 'checkout-v2');
    await apply(route(100, 0));
  });

  const route = (v1: number, v2: number) => {
    const to = (version: string, weight: number) => ({ destination: { host: `checkout-${version}` }, weight });
    const spec = { hosts: ['checkout'], http: [{ name: 'primary', route: [to('v1', v1), to('v2', v2)] }] };
    return { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'checkout' }, spec };
  };

  it('share the requests as the VirtualService says', async () => {
    const report = await underLoad(async () => {
      await apply(route(80, 20));
      const { nowMs: fromMs } = await load();
      await eventually(
        'ten seconds of both versions',
        async () => ((await load()).seconds.at(-1)?.atMs ?? 0) > fromMs + 10_000,
        { withinMs: 20_000 },
      );
    });
    const settled = report.seconds.slice(2);
    const count = (version: string) => settled.reduce((sum, second) => sum + (second.byVersion[version] ?? 0), 0);
    const share = count('checkout=v2') / (count('checkout=v1') + count('checkout=v2'));
    expect(report.failures).toEqual([]);
    // Five standard deviations of 2,000 requests at 20 %.
    expect(Math.abs(share - 0.2)).toBeLessThan(0.045);
  });

  it('are told apart when one of them fails', async () => {
    const { nowMs: fromMs } = await load();
    const [bad] = (await pods('checkout')).filter(({ metadata }) => metadata.labels?.['version'] === 'v2');
    const report = await underLoad(async () => {
      await setBehaviour(bad?.status?.podIP ?? '', { errorRatio: 1 });
      await eventually('failures', async () => (await load(fromMs)).failures.length > 50, { withinMs: 20_000 });
      await setBehaviour(bad?.status?.podIP ?? '', { errorRatio: 0 });
    });
    expect(report.failures.length).toBeGreaterThan(50);
    expect(new Set(report.failures.map(({ failedHop, status }) => `${failedHop} ${status}`))).toEqual(
      new Set(['checkout=v2 502']),
    );
    expect(report.versions['checkout=v2']?.failed).toBe(report.failures.length);
    expect(report.versions['checkout=v1']?.failed).toBe(0);
  });
});

describe('a pod', () => {
  it('that crashes is restarted with a back-off and says so', async () => {
    const containers = [
      {
        name: 'main',
        image: 'lab/crash:1',
        env: [
          { name: 'AFTER_SECONDS', value: '0' },
          { name: 'EXIT_CODE', value: '3' },
        ],
      },
    ];
    await withPod('crash', { containers }, async ({ metadata }) => {
      await seenPod(metadata.name, 'a crash loop', (pod) => waiting(pod)?.reason === 'CrashLoopBackOff' && pod);
      await seenPod(
        metadata.name,
        'a third start',
        (pod) => (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) >= 3,
      );
      const pod = await seenPod(
        metadata.name,
        'the exit code',
        (seen) => seen.status?.containerStatuses?.[0]?.lastState.terminated?.exitCode === 3 && seen,
      );
      expect(pod.status?.phase).toBe('Running');
      expect(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('False');
    });
  });

  it('with an unknown image says so', async () => {
    await withPod('unknown', { containers: [{ name: 'main', image: 'nginx:1' }] }, async ({ metadata }) => {
      const reason = await seenPod(
        metadata.name,
        'ImagePullBackOff',
        (pod) => waiting(pod)?.reason === 'ImagePullBackOff' && waiting(pod)?.message,
      );
      expect(reason).toContain('"nginx:1" is not in the lab\'s catalogue');
    });
  });

  it('waits for a ConfigMap that it names and starts when it appears', async () => {
    const env = [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'late', key: 'colour' } } }];
    await withPod('late', { containers: [{ name: 'main', image: 'lab/pause', env }] }, async ({ metadata }) => {
      const message = await seenPod(
        metadata.name,
        'the missing ConfigMap',
        (pod) => waiting(pod)?.reason === 'CreateContainerConfigError' && waiting(pod)?.message,
      );
      expect(message).toBe('configmap "late" not found');
      await apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'late' },
        data: { colour: 'red' },
      } as KubeObject);
      await seenPod(metadata.name, 'the start', (pod) => pod.status?.phase === 'Running');
    });
  });

  it('that stops answering its liveness probe is restarted, with its process killed after the grace period', async () => {
    const script = 'trap "" TERM; while :; do sleep 1; done';
    const spec = {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          ...{ name: 'main', image: 'lab/pause', command: ['/bin/sh', '-c', script] },
          livenessProbe: { tcpSocket: { port: 1 }, initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 1 },
        },
      ],
    };
    await withPod('hung', spec, async ({ metadata }) => {
      const exit = await seenPod(
        metadata.name,
        'a restart',
        (pod) => pod.status?.containerStatuses?.[0]?.lastState.terminated,
      );
      expect(exit).toMatchObject({ exitCode: 137, signal: 9, reason: 'Error' });
    });
  });

  it('never gets ready while its probe fails, and leaves the Endpoints when it fails later', async () => {
    const containers = [
      {
        name: 'main',
        image: 'lab/echo:1',
        env: [{ name: 'READY', value: 'false' }],
        readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
      },
    ];
    const ready = (pod: Pod) => pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    await withPod('unready', { containers }, async ({ metadata }) => {
      const ip = await seenPod(
        metadata.name,
        'the start',
        (pod) => pod.status?.containerStatuses?.[0]?.started && pod.status?.podIP,
      );
      await eventually('the control of the echo', () => setBehaviour(ip, { ready: false }).catch(() => undefined));
      await seenPod(metadata.name, 'it to be unready', (pod) => ready(pod) === 'False');
      await setBehaviour(ip, { ready: true });
      await seenPod(metadata.name, 'it to be ready', (pod) => ready(pod) === 'True');
      await setBehaviour(ip, { ready: false });
      await seenPod(metadata.name, 'it to be unready again', (pod) => ready(pod) === 'False');
    });
  });
});

describe('a Job', () => {
  const job = (name: string, container: object, spec: object = {}) =>
    ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name },
      spec: {
        backoffLimit: 0,
        ...spec,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', ...container }] } },
      },
    }) as unknown as KubeObject;

  async function ended(name: string): Promise<string> {
    let seen: unknown;
    return eventually(
      `the Job ${name} to end`,
      async () => {
        const found = await kube.get<KubeObject & { status?: { conditions?: { type: string; status: string }[] } }>({
          kind: jobs,
          namespace,
          name,
        });
        seen = found?.status;
        return found?.status?.conditions?.find(
          ({ type, status }) => status === 'True' && (type === 'Complete' || type === 'Failed'),
        )?.type;
      },
      { withinMs: 30_000, lastSeen: () => seen },
    );
  }

  it('completes, and has its ConfigMap and Secret as files and as variables', async () => {
    await apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
      data: { 'app.yaml': 'a: 1' },
    } as KubeObject);
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys' },
      stringData: { token: 's3cret' },
    } as KubeObject);
    const script =
      'test "$(cat $LAB_ROOT/etc/app/app.yaml)" = "a: 1" && test "$TOKEN" = s3cret && echo x > $LAB_ROOT/tmp/x && test "$NAME" = "$HOSTNAME"';
    const container = {
      image: 'lab/pause',
      command: ['/bin/sh', '-c', script],
      env: [
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
        { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      volumeMounts: [
        { name: 'settings', mountPath: '/etc/app' },
        { name: 'tmp', mountPath: '/tmp' },
      ],
    };
    const volumes = [
      { name: 'settings', configMap: { name: 'settings' } },
      { name: 'tmp', emptyDir: {} },
    ];
    const object = job('good', container);
    const { spec } = object as unknown as { spec: { template: { spec: object } } };
    await apply({ ...object, spec: { ...spec, template: { spec: { ...spec.template.spec, volumes } } } } as KubeObject);
    expect(await ended('good')).toBe('Complete');
  });

  it('fails when its pod does', async () => {
    await apply(job('bad', { image: 'lab/crash', env: [{ name: 'AFTER_SECONDS', value: '0' }] }));
    expect(await ended('bad')).toBe('Failed');
  });

  it('is ended by its deadline without leaving a process', async () => {
    await apply(job('slow', { image: 'lab/pause' }, { activeDeadlineSeconds: 1 }));
    expect(await ended('slow')).toBe('Failed');
    await eventually(
      'its pod to be gone',
      async () => (await kube.list(kinds.pod, { namespace, labelSelector: 'job-name=slow' })).items.length === 0,
    );
  });
});
