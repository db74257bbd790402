import type { Rollout } from '../../src/api/rollout.ts';
import type { KubeObject } from '../../src/kube/port.ts';

/** How the pods of one version behave; see lab/echo for the variables. */
export type Behaviour = Readonly<Record<string, string>>;

export interface ShopOptions {
  readonly namespace: string;
  /** Pods of the service that is released. Default 3. */
  readonly replicas?: number;
  /** Requests per second at the door. Default 200. */
  readonly rate?: number;
  /** The released service calls one more, `payments`. Default false. */
  readonly withDependency?: boolean;
}

/** The service that is released in the shop. */
export const RELEASED = 'checkout';

/** What the released service calls in a shop `withDependency`. */
export const DEPENDENCY = 'payments';

/** How long the dependency fails after a call of a version that OVERLOADS it. */
const OVERLOAD_MS = 2_000;

const labels = (app: string) => ({ app, 'service.istio.io/canonical-name': app });

/** A Service of lab/echo's pods. */
export const echoService = (namespace: string, app: string): KubeObject =>
  manifest(
    'v1 Service',
    { namespace, name: app },
    {
      spec: { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
  );

/** Everything of a shop but its Rollout: load → web → checkout (→ payments). Whoever calls has a sidecar. */
export function shopManifests({
  namespace,
  replicas = 3,
  rate = 200,
  withDependency = false,
}: ShopOptions): readonly KubeObject[] {
  const env = { VERSION: 'v1' };
  const hop = (app: string) => ({ NEXT_HOP: `http://${app}.${namespace}/` });
  const dependency = [
    echoService(namespace, DEPENDENCY),
    echoDeployment(namespace, DEPENDENCY, {
      replicas: 1,
      env: { ...env, OVERLOAD_MS: String(OVERLOAD_MS) },
      calls: false,
    }),
  ];
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    echoService(namespace, 'web'),
    echoService(namespace, RELEASED),
    echoDeployment(namespace, 'web', { replicas: 1, env: { ...env, ...hop(RELEASED) }, calls: true }),
    ...(withDependency ? dependency : []),
    echoDeployment(namespace, RELEASED, {
      replicas,
      env: withDependency ? { ...env, ...hop(DEPENDENCY) } : env,
      calls: withDependency,
    }),
    loadDeployment(namespace, 'load', { target: 'web', rate }),
  ];
}

interface EchoOptions {
  readonly replicas: number;
  readonly env: Behaviour;
  /** Calls others, so it needs a sidecar. */
  readonly calls: boolean;
}

/** A Deployment of lab/echo. */
export function echoDeployment(namespace: string, app: string, { replicas, env, calls }: EchoOptions): KubeObject {
  return deployment(namespace, app, replicas, {
    calls,
    container: {
      name: app,
      image: `lab/echo:${env['VERSION'] ?? 'v1'}`,
      ports: [{ containerPort: 8080 }],
      env: toEnv(env),
      readinessProbe: {
        httpGet: { path: '/healthz', port: 8080 },
        periodSeconds: 1,
        timeoutSeconds: 5,
        failureThreshold: 2,
      },
    },
  });
}

interface LoadOptions {
  /** The Service that is called. */
  readonly target: string;
  readonly rate: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A Deployment of lab/load. */
export function loadDeployment(
  namespace: string,
  app: string,
  { target, rate, headers = {} }: LoadOptions,
): KubeObject {
  return deployment(namespace, app, 1, {
    calls: true,
    container: {
      name: 'load',
      image: 'lab/load:v1',
      env: toEnv({
        ...{ TARGET: `http://${target}.${namespace}/`, RATE: String(rate) },
        HEADERS: JSON.stringify(headers),
      }),
    },
  });
}

function toEnv(env: Behaviour): readonly object[] {
  const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return [
    fromField('POD_IP', 'status.podIP'),
    fromField('POD_NAME', 'metadata.name'),
    ...Object.entries(env).map(([name, value]) => ({ name, value })),
  ];
}

function deployment(
  namespace: string,
  app: string,
  replicas: number,
  { container, calls }: { readonly container: object; readonly calls: boolean },
): KubeObject {
  return manifest(
    'apps/v1 Deployment',
    { namespace, name: app },
    {
      spec: {
        replicas,
        selector: { matchLabels: { app } },
        template: {
          metadata: { labels: { ...labels(app), ...(calls && { 'sidecar.istio.io/inject': 'true' }) } },
          spec: { terminationGracePeriodSeconds: 10, containers: [container] },
        },
      },
    },
  );
}

type Written = 'routing' | 'strategy' | 'objectives' | 'analysis' | 'resilience';

export type RolloutSpecInput = Partial<Omit<Rollout['spec'], Written>> & {
  /** Short for a strategy with these steps. */
  readonly steps?: readonly { readonly weight: number; readonly hold?: string }[];
  readonly strategy?: object;
  readonly virtualService?: string;
  /** Short for one objective `availability`. Default 99. */
  readonly successRatio?: number;
  readonly objectives?: readonly object[];
  readonly resilience?: readonly object[];
  readonly analysis?: Readonly<Record<string, unknown>>;
};

const SHORT_STEPS = [
  { weight: 5, hold: '10s' },
  { weight: 25, hold: '10s' },
  { weight: 50, hold: '10s' },
  { weight: 100 },
];

/** A Rollout of the shop's released service, with short holds. */
export function rolloutManifest(namespace: string, input: RolloutSpecInput = {}): KubeObject {
  const { steps = SHORT_STEPS, strategy, virtualService, successRatio = 99, objectives, analysis, ...spec } = input;
  return manifest(
    'sluice.dev/v1alpha1 Rollout',
    { namespace, name: RELEASED },
    {
      spec: {
        workloadRef: { kind: 'Deployment', name: RELEASED },
        service: { name: RELEASED, port: 'http' },
        routing: { istio: virtualService === undefined ? {} : { virtualService } },
        strategy: strategy ?? { canary: { steps } },
        objectives: objectives ?? [{ name: 'availability', requests: { successRatio } }],
        analysis: { bake: '10s', deadline: '10m', ...analysis },
        progressDeadline: '1m',
        ...spec,
      },
    },
  );
}

function manifest(type: string, at: { readonly namespace: string; readonly name: string }, rest: object): KubeObject {
  const [apiVersion = '', kind = ''] = type.split(' ');
  return { apiVersion, kind, metadata: at, ...rest };
}
