import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../support/certificates.ts';

/** A request as the script sees it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An HTTPS server that speaks whatever the test tells it to, and a kubeconfig that leads to it. */
export interface ScriptedServer {
  readonly kubeconfigPath: string;
  readonly requests: readonly SeenRequest[];
  /** TLS connections accepted so far. */
  connections(): number;
  /** Decides what later requests are answered. */
  respond(script: (request: SeenRequest, response: ServerResponse) => void): void;
  /** Puts `around` before the present script. */
  wrap(around: (request: SeenRequest, response: ServerResponse, next: () => void) => void): void;
  /** Calls `run` once when a client next closes a connection. */
  onceDisconnected(run: () => void): void;
  /** Cuts every open connection. */
  cut(): void;
  close(): Promise<void>;
}

export const TOKEN = 'token-that-must-stay-secret';

export async function startScriptedServer(): Promise<ScriptedServer> {
  const authority = await createAuthority();
  const tls = await authority.issue({ type: 'ip', value: '127.0.0.1' });
  const requests: SeenRequest[] = [];
  let script: (request: SeenRequest, response: ServerResponse) => void = (_, response) => answer(response, 500, {});
  let connections = 0;
  const server = createServer({ cert: tls.cert, key: tls.key }, (incoming, response) => {
    void readBody(incoming).then((body) => {
      const url = new URL(incoming.url ?? '/', 'https://localhost');
      const { method = '', headers } = incoming;
      const request = { method, headers, path: url.pathname, query: url.searchParams, body };
      requests.push(request);
      script(request, response);
    });
  });
  let onDisconnect = () => {};
  server.on('secureConnection', (socket) => {
    connections += 1;
    socket.on('close', () => onDisconnect());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const directory = await mkdtemp(join(tmpdir(), 'sluice-api-'));
  const kubeconfigPath = join(directory, 'kubeconfig');
  await writeFile(kubeconfigPath, kubeconfig((server.address() as AddressInfo).port, authority.ca));
  return {
    kubeconfigPath,
    requests,
    connections: () => connections,
    respond(next) {
      script = next;
    },
    wrap(around) {
      const inner = script;
      script = (request, response) => around(request, response, () => inner(request, response));
    },
    onceDisconnected(run) {
      onDisconnect = run;
    },
    cut: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
}

/** Ends `response` with a status and a JSON body. */
export function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A `Status` as the API server sends it. */
export function statusBody(code: number, reason: string, message: string, details?: object) {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, ...(details && { details }) };
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of incoming) body += String(chunk);
  return body;
}

function kubeconfig(port: number, ca: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'scripted',
    clusters: [
      {
        name: 'scripted',
        cluster: {
          server: `https://127.0.0.1:${port}`,
          'certificate-authority-data': Buffer.from(ca).toString('base64'),
        },
      },
    ],
    users: [{ name: 'tester', user: { token: TOKEN } }],
    contexts: [{ name: 'scripted', context: { cluster: 'scripted', user: 'tester' } }],
  });
}
