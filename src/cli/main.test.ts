import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AT_REST, sampleRollout } from '../../test/support/sample-rollout.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** An API server that has one Rollout in the namespace `shop` and does not know any other kind of question. */
function startServer(): Promise<Server> {
  const { apiVersion: _version, kind: _kind, ...item } = sampleRollout(AT_REST);
  const server = createServer((request, response) => {
    const isList = request.url?.startsWith('/apis/sluice.dev/v1alpha1/namespaces/shop/rollouts?') === true;
    response.writeHead(isList ? 200 : 404, { 'content-type': 'application/json' });
    response.end(isList ? JSON.stringify({ metadata: { resourceVersion: '1' }, items: [item] }) : '404 page not found');
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('sluice as a process', { timeout: 60_000 }, () => {
  let server: Server;
  let folder: string;

  beforeAll(async () => {
    server = await startServer();
    folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
    const { port } = server.address() as AddressInfo;
    write('good', `http://127.0.0.1:${port}`);
    // Port 1 belongs to a service that nobody runs.
    write('unreachable', 'http://127.0.0.1:1');
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  const write = (name: string, address: string) =>
    writeFileSync(
      join(folder, name),
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c', users: [{ name: 'u', user: {} }] },
        clusters: [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }],
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
      }),
    );
  const sluice = (...words: readonly string[]) =>
    new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
      execFile(process.execPath, [MAIN, ...words], { cwd: folder }, (error, out, err) =>
        resolve({ code: error === null ? 0 : error.code, out, err }),
      );
    });

  it('takes server and namespace from the kubeconfig, and leaves colours out of a pipe', async () => {
    const { code, out, err } = await sluice('get', '--kubeconfig', 'good');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^NAME .*\ncheckout +Idle +- /);
  });

  it('says in one line that the API server cannot be reached, with code 4', async () => {
    const { code, out, err } = await sluice('get', '--kubeconfig', 'unreachable');
    expect([code, out]).toEqual([4, '']);
    expect(err).toMatch(/^sluice: cannot list rollouts[^\n]*ECONNREFUSED[^\n]*; check the server[^\n]*\n$/);
  });

  it('says in one line that Sluice is not installed, with code 4', async () => {
    const { code, err } = await sluice('get', '-A', '--kubeconfig', 'good');
    expect(code).toBe(4);
    expect(err).toMatch(/^sluice: [^\n]*kubectl apply -f crds\/[^\n]*\n$/);
  });

  it('prints the version of the package', async () => {
    expect((await sluice('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
