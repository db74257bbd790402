import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface TelemetryOptions {
  /** HOST:PORT */
  readonly listen: string;
  readonly registry: Registry;
  /** Why the controller is not ready, or null when it is. */
  readonly unready: () => string | null;
}

/** Serves /metrics, /healthz (the process answers) and /readyz (it can do its work). Resolves when it listens. */
export async function serveTelemetry({ listen, registry, unready }: TelemetryOptions): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    switch (request.url) {
      case '/healthz':
        answer(200, 'ok\n');
        return;
      case '/readyz': {
        const reason = unready();
        answer(reason === null ? 200 : 503, `${reason ?? 'ok'}\n`);
        return;
      }
      case '/metrics':
        registry.metrics().then(
          (text) => answer(200, text, registry.contentType),
          () => answer(500, 'metrics cannot be collected\n'),
        );
        return;
      default:
        answer(404, 'try /metrics, /healthz or /readyz\n');
    }
  });
  const separator = listen.lastIndexOf(':');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(listen.slice(separator + 1)), listen.slice(0, separator) || undefined, resolve);
  });
  return server;
}
