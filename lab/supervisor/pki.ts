import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireTool, run } from '../parts/run.ts';
import { ADDRESSES } from '../paths.ts';

/** Files of the lab's certificates and keys, all in one folder and made anew with each lab. */
export interface Pki {
  readonly caCert: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly adminCert: string;
  readonly adminKey: string;
  readonly serviceAccountKey: string;
}

interface Leaf {
  readonly name: string;
  readonly subject: readonly string[];
  readonly extensions: readonly string[];
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '365'];

const SERVER: Leaf = {
  name: 'apiserver',
  subject: ['CN = kube-apiserver'],
  extensions: [
    'extendedKeyUsage = serverAuth',
    `subjectAltName = ${[
      'IP:10.244.0.1',
      'IP:10.96.0.1',
      'IP:127.0.0.1',
      'DNS:localhost',
      'DNS:kubernetes',
      'DNS:kubernetes.default',
      'DNS:kubernetes.default.svc',
      'DNS:kubernetes.default.svc.cluster.local',
    ].join(',')}`,
  ],
};

const ADMIN: Leaf = {
  name: 'admin',
  subject: ['O = system:masters', 'CN = sluice-lab-admin'],
  extensions: ['extendedKeyUsage = clientAuth'],
};

/** Makes a certificate authority, the API server's and the administrator's certificates and the token key. */
export async function createPki(folder: string): Promise<Pki> {
  const openssl = requireTool('openssl', 'install it (apt-get install openssl)');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const caConfig = await writeConfig(folder, {
    name: 'ca',
    subject: ['CN = sluice-lab-ca'],
    extensions: [
      'basicConstraints = critical,CA:TRUE',
      'keyUsage = critical,keyCertSign,cRLSign',
      'subjectKeyIdentifier = hash',
    ],
  });
  const tokenKey = join(folder, 'service-account.key');
  await Promise.all([
    run(openssl, ['req', '-x509', '-config', caConfig, ...NEW_KEY, ...outputs(folder, 'ca')]),
    run(openssl, ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', tokenKey]),
  ]);
  await Promise.all([SERVER, ADMIN].map((leaf) => issue(openssl, folder, leaf)));
  const file = (name: string) => join(folder, name);
  return {
    caCert: file('ca.crt'),
    serverCert: file('apiserver.crt'),
    serverKey: file('apiserver.key'),
    adminCert: file('admin.crt'),
    adminKey: file('admin.key'),
    serviceAccountKey: tokenKey,
  };
}

async function issue(openssl: string, folder: string, leaf: Leaf): Promise<void> {
  const config = await writeConfig(folder, leaf);
  const authority = ['-CA', join(folder, 'ca.crt'), '-CAkey', join(folder, 'ca.key')];
  await run(openssl, ['req', '-x509', '-config', config, ...authority, ...NEW_KEY, ...outputs(folder, leaf.name)]);
}

function outputs(folder: string, name: string): string[] {
  return ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)];
}

async function writeConfig(folder: string, leaf: Leaf): Promise<string> {
  const path = join(folder, `${leaf.name}.cnf`);
  const head = ['[req]', 'prompt = no', 'distinguished_name = subject', 'x509_extensions = extensions'];
  const text = [...head, '[subject]', ...leaf.subject, '[extensions]', ...leaf.extensions, ''].join('\n');
  await writeFile(path, text);
  return path;
}

/** A kubeconfig for the administrator; it names the files of `pki`, so it works wherever they can be read. */
export function kubeconfigOf(pki: Pki): string {
  return `apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: lab
  cluster: {server: "${ADDRESSES.apiServer}", certificate-authority: "${pki.caCert}"}
users:
- name: admin
  user: {client-certificate: "${pki.adminCert}", client-key: "${pki.adminKey}"}
contexts:
- name: lab
  context: {cluster: lab, user: admin}
`;
}
