import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer of the source, as far as a fault may change it. */
export interface SourceAnswer {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer;
}

/** What is done to answers: they are changed, or `answer` takes over the connection and the source is not asked. */
export type SourceFault =
  | { readonly change: (answer: SourceAnswer) => SourceAnswer }
  | { readonly answer: (response: ServerResponse) => void };

/** Stands between a metrics source and its reader and spoils what the source answers. */
export class FaultyProxy {
  readonly #server: Server;
  #port = 0;
  /** The source that answers. */
  upstream: string;
  /** What is wrong at the moment; undefined: nothing. */
  fault: SourceFault | undefined;
  /** Requests that came in. */
  requests = 0;

  private constructor(upstream: string) {
    this.upstream = upstream;
    this.#server = createServer((incoming, response) => void this.#serve(incoming, response));
  }

  static async start(upstream: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(upstream);
    await proxy.revive();
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Nobody listens any more, as after a SIGKILL. */
  async kill(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Listens again, at the same address. */
  async revive(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const { fault } = this;
    if (fault !== undefined && 'answer' in fault) {
      incoming.resume();
      fault.answer(response);
      return;
    }
    try {
      const answer = await forward(this.upstream, incoming);
      const { status, headers, body } = fault === undefined ? answer : fault.change(answer);
      response.writeHead(status, headers);
      response.end(body);
    } catch {
      // The source is away: so is the proxy, for its reader.
      response.destroy();
    }
  }
}

async function forward(upstream: string, incoming: IncomingMessage): Promise<SourceAnswer> {
  const { 'accept-encoding': _, ...headers } = incoming.headers;
  const outgoing = request(new URL(incoming.url ?? '/', upstream), { method: incoming.method ?? 'GET', headers });
  incoming.pipe(outgoing);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const kept = ['content-type', 'date', 'retry-after'].flatMap((name) => {
    const value = answer.headers[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return { status: answer.statusCode ?? 0, headers: Object.fromEntries(kept), body: Buffer.concat(chunks) };
}
