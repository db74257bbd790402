import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createPki, kubeconfigOf, type Pki } from './pki.ts';

let folder: string;
let pki: Pki;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-pki-'));
  pki = await createPki(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const certificate = async (path: string) => new X509Certificate(await readFile(path));

test('the authority has signed the certificates of the server and the administrator', async () => {
  const authority = await certificate(pki.caCert);
  expect(authority.ca).toBe(true);
  for (const path of [pki.serverCert, pki.adminCert]) {
    const leaf = await certificate(path);
    expect(leaf.verify(authority.publicKey)).toBe(true);
    expect(leaf.ca).toBe(false);
  }
});

test('the server is known by the addresses and names at which clients reach it', async () => {
  const server = await certificate(pki.serverCert);
  for (const ip of ['10.244.0.1', '127.0.0.1', '10.96.0.1']) expect(server.checkIP(ip)).toBe(ip);
  expect(server.checkHost('kubernetes.default.svc')).toBe('kubernetes.default.svc');
});

test('the administrator is in the group that may do all', async () => {
  expect((await certificate(pki.adminCert)).subject).toContain('O=system:masters');
});

test('the kubeconfig names the server and the files', () => {
  const config = parse(kubeconfigOf(pki));
  expect(config.clusters[0].cluster).toEqual({
    server: 'https://10.244.0.1:6443',
    'certificate-authority': pki.caCert,
  });
  expect(config.users[0].user).toEqual({ 'client-certificate': pki.adminCert, 'client-key': pki.adminKey });
});
