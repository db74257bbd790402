import { join } from 'node:path';
import { ADDRESSES, LAB_FOLDER } from '../paths.ts';
import type { SupervisorConfig } from './config.ts';
import type { PartCommand } from './part-process.ts';
import type { Pki } from './pki.ts';
import { adminProbe, httpProbe, redisProbe, selfSignedProbe } from './probes.ts';

/** Files that are written before the parts start. */
export interface GeneratedFiles {
  readonly pki: Pki;
  readonly kubeconfig: string;
  readonly meshConfig: string;
  readonly prometheusConfig: string;
  /** The pods for Prometheus to scrape. */
  readonly targetsFile: string;
}

export type ComponentName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'istiod'
  | 'prometheus'
  | 'redis'
  | 'kubelet';

/** Controllers of kube-controller-manager that the lab needs; each one more costs start time. */
const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'endpointslice-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'root-ca-certificate-publisher-controller',
  'horizontal-pod-autoscaler-controller',
  'disruption-controller',
  'pod-garbage-collector-controller',
  'job-controller',
  'ttl-after-finished-controller',
  'statefulset-controller',
  'clusterrole-aggregation-controller',
];

const READY_WITHIN_MS = 120_000;

/** How each part of the lab runs. Nothing listens on a wildcard address: pods share this network namespace. */
export function components(config: SupervisorConfig, generated: GeneratedFiles): Record<ComponentName, PartCommand> {
  const part = (name: ComponentName, graceMs: number) => ({
    name,
    graceMs,
    readyWithinMs: READY_WITHIN_MS,
    logFile: join(config.state, 'logs', `${name}.log`),
  });
  return {
    etcd: { ...part('etcd', 2_000), ...etcd(config) },
    // Open watches keep the API server from ending by itself for a minute.
    'kube-apiserver': { ...part('kube-apiserver', 2_000), ...apiServer(config, generated.pki) },
    'kube-controller-manager': { ...part('kube-controller-manager', 2_000), ...controllerManager(config, generated) },
    istiod: { ...part('istiod', 3_000), ...istiod(config, generated) },
    prometheus: { ...part('prometheus', 5_000), ...prometheus(config, generated) },
    redis: { ...part('redis', 5_000), ...redis(config) },
    kubelet: { ...part('kubelet', 15_000), ...kubelet(config, generated) },
  };
}

type Command = Pick<PartCommand, 'command' | 'args' | 'env' | 'probe'>;

function etcd(config: SupervisorConfig): Command {
  return {
    command: config.files.etcd,
    args: [
      '--data-dir',
      join(config.state, 'etcd'),
      // The lab's data need not survive a power cut, only a killed process.
      '--unsafe-no-fsync',
      '--listen-client-urls',
      ADDRESSES.etcd,
      '--advertise-client-urls',
      ADDRESSES.etcd,
      '--listen-peer-urls',
      'http://127.0.0.1:2380',
    ],
    probe: httpProbe(`${ADDRESSES.etcd}/readyz`),
  };
}

function apiServer(config: SupervisorConfig, pki: Pki): Command {
  return {
    command: config.files.kubeApiserver,
    args: [
      `--etcd-servers=${ADDRESSES.etcd}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--bind-address=10.244.0.1',
      '--advertise-address=10.244.0.1',
      '--secure-port=6443',
      `--tls-cert-file=${pki.serverCert}`,
      `--tls-private-key-file=${pki.serverKey}`,
      `--client-ca-file=${pki.caCert}`,
      `--service-account-key-file=${pki.serviceAccountKey}`,
      `--service-account-signing-key-file=${pki.serviceAccountKey}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      '--authorization-mode=RBAC',
      '--endpoint-reconciler-type=none',
      '--enable-priority-and-fairness=false',
      '--allow-privileged',
      '--shutdown-delay-duration=0s',
    ],
    probe: adminProbe(`${ADDRESSES.apiServer}/readyz`, pki),
  };
}

function controllerManager(config: SupervisorConfig, { pki, kubeconfig }: GeneratedFiles): Command {
  return {
    command: config.files.kubeControllerManager,
    args: [
      `--kubeconfig=${kubeconfig}`,
      '--use-service-account-credentials',
      `--root-ca-file=${pki.caCert}`,
      `--service-account-private-key-file=${pki.serviceAccountKey}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--cert-dir=${join(config.state, 'pki/kube-controller-manager')}`,
      `--controllers=${CONTROLLERS.join(',')}`,
    ],
    probe: selfSignedProbe('https://127.0.0.1:10257/healthz'),
  };
}

function istiod(config: SupervisorConfig, { kubeconfig, meshConfig }: GeneratedFiles): Command {
  return {
    command: config.files.pilotDiscovery,
    args: [
      'discovery',
      `--kubeconfig=${kubeconfig}`,
      `--meshConfig=${meshConfig}`,
      '--domain=cluster.local',
      `--grpcAddr=${ADDRESSES.istiodXds}`,
      '--secureGrpcAddr=',
      '--httpAddr=127.0.0.1:18080',
      '--httpsAddr=',
      '--monitoringAddr=127.0.0.1:15014',
    ],
    // Several switches are off because the plain Envoy lacks Istio's own filters and there is no certificate authority.
    env: {
      POD_NAME: 'istiod',
      POD_NAMESPACE: 'istio-system',
      CLUSTER_ID: 'Kubernetes',
      ENABLE_CA_SERVER: 'false',
      PILOT_CERT_PROVIDER: 'none',
      INJECT_ENABLED: 'false',
      VALIDATION_WEBHOOK_CONFIG_NAME: '',
      INJECTION_WEBHOOK_CONFIG_NAME: '',
      PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER: 'false',
      PILOT_ENABLE_ALPN_FILTER: 'false',
      PILOT_ENABLE_METADATA_EXCHANGE: 'false',
      PILOT_DEBOUNCE_AFTER: '50ms',
    },
    probe: httpProbe(`${ADDRESSES.istiodDebug}/ready`),
  };
}

function prometheus(config: SupervisorConfig, { prometheusConfig }: GeneratedFiles): Command {
  return {
    command: config.files.prometheus,
    args: [
      `--config.file=${prometheusConfig}`,
      `--storage.tsdb.path=${join(config.state, 'prometheus')}`,
      '--storage.tsdb.retention.time=6h',
      '--web.listen-address=127.0.0.1:9090',
      '--web.enable-lifecycle',
      '--web.enable-admin-api',
    ],
    probe: httpProbe(`${ADDRESSES.prometheus}/-/ready`),
  };
}

function redis(config: SupervisorConfig): Command {
  const settings = ['--bind', '127.0.0.1', '--port', '6379', '--dir', join(config.state, 'redis')];
  return {
    command: config.files.redisServer,
    args: [...settings, '--save', '', '--appendonly', 'yes', '--daemonize', 'no'],
    probe: redisProbe('127.0.0.1', 6379),
  };
}

function kubelet(config: SupervisorConfig, { kubeconfig }: GeneratedFiles): Command {
  return {
    command: process.execPath,
    args: [join(LAB_FOLDER, 'kubelet/main.ts')],
    env: {
      PATH: config.path,
      SLUICE_LAB_CACHE: config.cache,
      NODE_COMPILE_CACHE: join(config.cache, 'compiled'),
      KUBECONFIG: kubeconfig,
      LAB_STATE_DIR: config.state,
      LAB_ENVOY: config.files.envoy,
      LAB_XDS: ADDRESSES.istiodXds,
    },
    probe: httpProbe(ADDRESSES.kubeletHealth),
  };
}
