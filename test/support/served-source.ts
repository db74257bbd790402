import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/lib/clock.ts';
import { MemorySource } from './metrics-source.ts';

/** A MemorySource behind the query API of Prometheus, for range selectors only. */
export class ServedSource {
  readonly memory = new MemorySource(systemClock);
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request).then((body) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
    });
  }

  static async start(): Promise<ServedSource> {
    const source = new ServedSource();
    source.#server.listen(0, '127.0.0.1');
    await once(source.#server, 'listening');
    return source;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
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
