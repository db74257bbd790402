import { readFile, writeFile } from 'node:fs/promises';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { Kind, Kube, KubeObject } from '../../src/kube/port.ts';
import { eventually } from './shop.ts';

const KINDS: Readonly<Record<string, Kind>> = {
  Namespace: { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  ServiceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true },
  Secret: { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true },
  ClusterRole: {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    plural: 'clusterroles',
    namespaced: false,
  },
  ClusterRoleBinding: {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    namespaced: false,
  },
};

const WRITER = { fieldManager: 'lab', force: true } as const;
const NAMESPACE = 'sluice-system';

interface TokenSecret extends KubeObject {
  readonly data?: { readonly token?: string };
}

interface Kubeconfig {
  readonly users: { user: object }[];
}

/** What `restrictedKubeconfig` needs. */
export interface RestrictedOptions {
  /** Kubeconfig of an administrator. */
  readonly admin: string;
  /** deploy/rbac.yaml, or deploy/reaper.yaml */
  readonly rbac: string;
  /** The ServiceAccount in it. Default `sluice`. */
  readonly account?: string;
  /** Where the new kubeconfig is written. */
  readonly to: string;
}

/** Installs an account's RBAC and writes a kubeconfig that may do just that, so that a missing rule shows in the lab and not in production. */
export async function restrictedKubeconfig(kube: Kube, options: RestrictedOptions): Promise<string> {
  const { admin, rbac, account = 'sluice', to } = options;
  for (const document of parseAllDocuments(await readFile(rbac, 'utf8'))) {
    const object = document.toJS() as KubeObject | null;
    const kind = object === null ? undefined : KINDS[object.kind];
    if (object !== null && kind !== undefined) await kube.apply(kind, object, WRITER);
  }
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: `${account}-token`,
      namespace: NAMESPACE,
      annotations: { 'kubernetes.io/service-account.name': account },
    },
    type: 'kubernetes.io/service-account-token',
  };
  await kube.apply(KINDS['Secret'] as Kind, secret, WRITER);
  const token = await waitForToken(kube, secret.metadata.name);
  const config = parse(await readFile(admin, 'utf8')) as Kubeconfig;
  for (const entry of config.users) entry.user = { token };
  await writeFile(to, stringify(config), { mode: 0o600 });
  return to;
}

async function waitForToken(kube: Kube, name: string): Promise<string> {
  return await eventually('the service account has a token', 15_000, async () => {
    const secret = await kube.get<TokenSecret>({ kind: KINDS['Secret'] as Kind, namespace: NAMESPACE, name });
    const token = secret?.data?.token;
    return token === undefined ? undefined : Buffer.from(token, 'base64').toString();
  });
}
