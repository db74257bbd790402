import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/lib/clock.ts';
import { MemorySource } from './metrics-source.ts';

export interface ServedSourceOptions {
  /** Serves https with these; default http. */
  readonly tls?: ServerOptions;
}

/** A MemorySource behind the query API of Prometheus, for range selectors only. */
export class ServedSource {
  readonly memory = new MemorySource(systemClock);
  /** Headers of all requests. */
  readonly seen: IncomingMessage['headers'][] = [];
  /** Requests for which this does not hold are answered with 401. */
  admits: (headers: IncomingMessage['headers']) => boolean = () => true;
  readonly #server: Server;
  readonly #protocol: 'http' | 'https';

  private constructor({ tls }: ServedSourceOptions) {
    this.#protocol = tls === undefined ? 'http' : 'https';
    const listener: RequestListener = (request, response) => {
      this.seen.push(request.headers);
      if (!this.admits(request.headers)) {
        response.writeHead(401).end();
        return;
      }
      void this.#answer(request).then((body) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    };
    this.#server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  }

  static async start(options: ServedSourceOptions = {}): Promise<ServedSource> {
    const source = new ServedSource(options);
    source.#server.listen(0, '127.0.0.1');
    await once(source.#server, 'listening');
    return source;
  }

  get url(): string {
    return `${this.#protocol}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage): Promise<unknown> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const url = new URL(request.url ?? '/', 'http://source');
    const parameters = request.method === 'POST' ? new URLSearchParams(text) : url.searchParams;
    const [, selector = '', windowMs = '0'] = /^(.*)\[(\d+)ms\]$/.exec(parameters.get('query') ?? '') ?? [];
    const time = parameters.get('time');
    const query = { selector, windowMs: Number(windowMs), ...(time !== null && { endAtMs: Number(time) * 1000 }) };
    const { series } = await this.memory.samples(query);
    const result = series.map(({ labels, samples }) => ({
      metric: labels,
      values: samples.map(({ at, value }) => [at / 1000, String(value)]),
    }));
    return { status: 'success', data: { resultType: 'matrix', result } };
  }
}
