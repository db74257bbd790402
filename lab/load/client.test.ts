import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient, versionsOf } from './client.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

const client = (proxy: string, timeoutMs = 5_000) =>
  createClient({ target: 'http://frontend.shop/a?b=1', proxy, timeoutMs, headers: { 'x-cohort': 'a' }, now: () => 0 });

describe('the client of a load', () => {
  it('asks the proxy for the whole URL and sends its headers', async () => {
    let seen = {};
    const proxy = await serve((request, response) => {
      seen = { url: request.url, host: request.headers.host, cohort: request.headers['x-cohort'] };
      response.end();
    });
    await client(proxy)(0);
    expect(seen).toEqual({ url: 'http://frontend.shop/a?b=1', host: 'frontend.shop', cohort: 'a' });
  });

  it('reads who answered and who failed from the headers', async () => {
    const proxy = await serve((_request, response) => {
      response.writeHead(502, {
        'x-version': 'v1',
        'x-via': 'checkout=v2',
        'x-failed-hop': 'checkout=v2',
        'x-failed-cause': '503 overflow',
      });
      response.end('body');
    });
    expect(await client(proxy)(7)).toMatchObject({
      dueAtMs: 7,
      status: 502,
      versions: ['frontend=v1', 'checkout=v2'],
      failedHop: 'checkout=v2',
      cause: '503 overflow',
    });
  });

  it('quotes the proxy when no pod has answered', async () => {
    const proxy = await serve((_request, response) => {
      response.writeHead(503);
      response.end('no healthy upstream');
    });
    expect(await client(proxy)(0)).toMatchObject({
      status: 503,
      failedHop: 'frontend=none',
      cause: '503 no healthy upstream',
    });
  });

  it('reports a request without an answer as status 0', async () => {
    const proxy = await serve(() => {});
    expect(await client(proxy, 50)(0)).toMatchObject({ status: 0, cause: 'no answer within 50 ms' });
  });

  it('reports an answer that is cut off as status 0', async () => {
    const proxy = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    expect(await client(proxy)(0)).toMatchObject({ status: 0, failedHop: 'frontend=none' });
  });
});

describe('the versions in an answer', () => {
  it('are the target and the hops behind it', () => {
    expect(versionsOf('frontend', { 'x-version': 'v1', 'x-via': 'checkout=v2,payments=v3' })).toEqual([
      'frontend=v1',
      'checkout=v2',
      'payments=v3',
    ]);
  });
  it('are none when a proxy has answered', () => {
    expect(versionsOf('frontend', {})).toEqual([]);
  });
});
