import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a target saw. */
export interface Seen {
  readonly requests: number;
  /** Most requests under way at once. */
  readonly most: number;
}

/** An HTTP server inside the test, so that what it serves and what reaches it are known exactly. */
export interface FaultTarget {
  readonly name: string;
  readonly ip: string;
  /** Of requests for this host, since the last call. */
  take(host: string): Seen;
  close(): Promise<void>;
}

/** `GET /?bytes=N&waitMs=N` answers with so many bytes after so long; the header `x-target` says who answered. */
export async function startTarget(name: string, ip: string, port: number): Promise<FaultTarget> {
  const counts = new Map<string, { requests: number; now: number; most: number }>();
  const countOf = (host: string) => {
    const count = counts.get(host) ?? { requests: 0, now: 0, most: 0 };
    counts.set(host, count);
    return count;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const count = countOf(request.headers.host ?? '');
    const { searchParams } = new URL(request.url ?? '/', 'http://target');
    count.requests += 1;
    count.now += 1;
    count.most = Math.max(count.most, count.now);
    const waitMs = Number(searchParams.get('waitMs') ?? 0);
    if (waitMs > 0) await sleep(waitMs);
    count.now -= 1;
    response.writeHead(200, { 'x-target': name });
    response.end(Buffer.alloc(Number(searchParams.get('bytes') ?? 10), 'x'));
  };
  const server = createServer((request, response) => {
    request.resume();
    void answer(request, response);
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, ip, resolve);
  });
  return {
    name,
    ip,
    take(host) {
      const count = countOf(host);
      const seen = { requests: count.requests, most: count.most };
      count.requests = 0;
      count.most = count.now;
      return seen;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
