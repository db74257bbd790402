import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PLAIN } from './behaviour.ts';
import { createNextHop, hopResult } from './next-hop.ts';

describe('the answer of a next hop', () => {
  it('names who answered, hop after hop', () => {
    expect(hopResult('checkout', 200, { 'x-version': 'v2', 'x-via': 'payments=v1' })).toEqual({
      status: 200,
      via: 'checkout=v2,payments=v1',
      failedHop: undefined,
      cause: undefined,
    });
  });

  it('is a 502 that blames the hop which answered with an error', () => {
    expect(hopResult('checkout', 500, { 'x-version': 'v2' })).toEqual({
      status: 502,
      via: 'checkout=v2',
      failedHop: 'checkout=v2',
      cause: '500',
    });
  });

  it('passes on the blame of a hop further down', () => {
    const headers = {
      'x-version': 'v2',
      'x-via': 'payments=v3',
      'x-failed-hop': 'payments=v3',
      'x-failed-cause': '500',
    };
    expect(hopResult('checkout', 502, headers)).toMatchObject({ status: 502, failedHop: 'payments=v3', cause: '500' });
  });

  it('is a 503 when only a proxy has answered', () => {
    expect(hopResult('checkout', 503, {}, 'no healthy upstream')).toEqual({
      status: 503,
      via: 'checkout=none',
      failedHop: 'checkout=none',
      cause: '503 no healthy upstream',
    });
  });
});

describe('a refusal', () => {
  it('is an answer that says so, and how long to wait', () => {
    expect(hopResult('payments', 429, { 'retry-after': '2' })).toMatchObject({
      ...{ status: 200, isRefusal: true, retryAfterMs: 2_000 },
    });
    expect(hopResult('payments', 503, { 'retry-after': '1' })).toMatchObject({ status: 503, retryAfterMs: 1_000 });
    expect(hopResult('payments', 503, {})).not.toHaveProperty('retryAfterMs');
  });
});

describe('a call to the next hop', () => {
  it('goes through the proxy and takes the headers of the request along, but not those of proxies', async () => {
    let seen: { url?: string | undefined; headers?: IncomingHttpHeaders } = {};
    const server = createServer((request, response) => {
      seen = { url: request.url, headers: request.headers };
      response.writeHead(200, { 'x-version': 'v1' });
      response.end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const result = await createNextHop('http://checkout.shop/pay', proxy)(
      {
        'x-cohort': 'chaos',
        'x-envoy-attempt-count': '1',
        'x-forwarded-proto': 'http',
        accept: '*/*',
      },
      PLAIN,
    );
    server.closeAllConnections();
    server.close();
    expect(result).toEqual({ status: 200, via: 'checkout=v1', failedHop: undefined, cause: undefined });
    expect(seen.url).toBe('http://checkout.shop/pay');
    expect(seen.headers).toMatchObject({ host: 'checkout.shop', 'x-cohort': 'chaos' });
    expect(seen.headers).not.toHaveProperty('x-envoy-attempt-count');
    expect(seen.headers).not.toHaveProperty('x-forwarded-proto');
  });

  it('is a 503 when nobody listens', async () => {
    const result = await createNextHop('http://127.0.0.1:1/', undefined)({}, PLAIN);
    expect(result).toMatchObject({ status: 503, failedHop: '127=none' });
  });
});
