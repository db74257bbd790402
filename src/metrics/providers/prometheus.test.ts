import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../lib/errors.ts';
import type { MetricsProvider, MetricsQueries, RawAnswer } from '../provider.ts';
import { createPrometheus, type PrometheusOptions } from './prometheus.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly parameters: URLSearchParams;
}

const secret = 'tok3n-that-must-not-leak';
const query = { selector: 'istio_requests_total{reporter="source"}', windowMs: 15_000 };
const opened: Server[] = [];

afterEach(() => {
  for (const server of opened.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A local source that answers each request with `answer`, and a provider that asks it. */
async function sourceThat(
  answer: (response: ServerResponse) => void,
  options: Partial<PrometheusOptions> = {},
): Promise<{ provider: MetricsProvider & MetricsQueries; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const url = new URL(request.url ?? '/', 'http://source');
      const parameters = new URLSearchParams(request.method === 'POST' ? body : url.search);
      seen.push({ method: request.method, url: url.pathname, headers: request.headers, parameters });
      answer(response);
    });
  });
  opened.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const provider = createPrometheus({ url: `http://127.0.0.1:${port}`, now: Date.now, timeoutMs: 30_000, ...options });
  return { provider, seen };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

function matrix(result: unknown, extra: object = {}): unknown {
  return { status: 'success', data: { resultType: 'matrix', result }, ...extra };
}

async function errorOf(promise: Promise<RawAnswer>): Promise<AppError> {
  const error = await promise.then(
    (answer) => answer,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) expect.fail(`expected an AppError, got ${JSON.stringify(error)}`);
  return error;
}

describe('an answer with samples', () => {
  it('gives labels, timestamps in ms and values', async () => {
    const metric = { __name__: 'istio_requests_total', response_code: '200', pod: 'a' };
    const { provider } = await sourceThat(
      json(
        matrix([
          {
            metric,
            values: [
              [1_700_000_000.25, '41'],
              [1_700_000_005.25, '1e3'],
            ],
          },
        ]),
      ),
    );
    const { series } = await provider.samples(query);
    expect(series.map(({ labels, samples }) => ({ labels, samples }))).toEqual([
      {
        labels: { response_code: '200', pod: 'a' },
        samples: [
          { at: 1_700_000_000_250, value: 41 },
          { at: 1_700_000_005_250, value: 1000 },
        ],
      },
    ]);
  });

  it('may be empty', async () => {
    const { provider } = await sourceThat(json(matrix([])));
    expect(await provider.samples(query)).toMatchObject({ series: [], warnings: [] });
  });

  it('hands over NaN as NaN', async () => {
    const { provider } = await sourceThat(json(matrix([{ metric: { pod: 'a' }, values: [[1_700_000_000, 'NaN']] }])));
    const { series } = await provider.samples(query);
    expect(series[0]?.samples).toEqual([{ at: 1_700_000_000_000, value: Number.NaN }]);
  });

  it('hands over warnings, because series may be missing', async () => {
    const { provider } = await sourceThat(json(matrix([], { warnings: ['store b is unreachable'] })));
    expect((await provider.samples(query)).warnings).toEqual(['store b is unreachable']);
  });
});

describe('the source is asked', () => {
  it('for a range of raw samples up to its own now', async () => {
    const { provider, seen } = await sourceThat(json(matrix([])));
    await provider.samples(query);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ method: 'GET', url: '/api/v1/query' });
    expect(Object.fromEntries(seen[0]?.parameters ?? [])).toEqual({
      query: 'istio_requests_total{reporter="source"}[15000ms]',
      timeout: '30000ms',
    });
  });

  it('for a window that ends at a fixed time', async () => {
    const { provider, seen } = await sourceThat(json(matrix([])));
    await provider.samples({ ...query, endAtMs: 1_700_000_000_250 });
    expect(seen[0]?.parameters.get('query')).toBe('istio_requests_total{reporter="source"}[15000ms]');
    expect(seen[0]?.parameters.get('time')).toBe('1700000000.25');
  });

  it('by POST when the query is long', async () => {
    const { provider, seen } = await sourceThat(json(matrix([])));
    const selector = `istio_requests_total{destination_service_name=~"${'checkout|'.repeat(5000)}"}`;
    await provider.samples({ ...query, selector });
    expect(seen[0]?.method).toBe('POST');
    expect(seen[0]?.parameters.get('query')).toBe(`${selector}[15000ms]`);
    expect(seen[0]?.parameters.has('time')).toBe(false);
  });

  it('below the path of its address', async () => {
    const { provider, seen } = await sourceThat(json(matrix([])));
    const origin = provider.name.replace('Prometheus at ', 'http://');
    await createPrometheus({ url: `${origin}/prometheus/`, now: Date.now }).samples(query);
    expect(seen[0]?.url).toBe('/prometheus/api/v1/query');
  });

  it.each([
    ['a bearer token, cut free of the line break of its file', { bearer: `${secret}\n` }, `Bearer ${secret}`],
    [
      'user and password',
      { basic: { username: 'sluice', password: secret } },
      `Basic ${Buffer.from(`sluice:${secret}`).toString('base64')}`,
    ],
    [
      'a user with an empty password',
      { basic: { username: 'sluice', password: '' } },
      `Basic ${Buffer.from('sluice:').toString('base64')}`,
    ],
  ])('with %s', async (_, options, expected) => {
    const { provider, seen } = await sourceThat(json(matrix([])), options);
    await provider.samples(query);
    expect(seen[0]?.headers.authorization).toBe(expected);
  });

  it('with own headers', async () => {
    const { provider, seen } = await sourceThat(json(matrix([])), { headers: { 'X-Scope-OrgID': 'shop' } });
    await provider.samples(query);
    expect(seen[0]?.headers['x-scope-orgid']).toBe('shop');
  });
});

describe('the offset of its clock', () => {
  const now = Date.parse('2026-01-01T12:00:00.400Z');
  it.each([
    ['is 0 when its Date is the second that we have', 'Thu, 01 Jan 2026 12:00:00 GMT', 0],
    ['is what is left of a second when its Date is the second before', 'Thu, 01 Jan 2026 11:59:59 GMT', -400],
    ['is the least that fits when it is ahead', 'Thu, 01 Jan 2026 12:05:00 GMT', 299_600],
    ['is the least that fits when it is behind', 'Thu, 01 Jan 2026 11:55:00 GMT', -299_400],
    ['is unknown without a Date that can be read', 'yesterday', undefined],
  ])('%s', async (_, date, offset) => {
    const { provider } = await sourceThat(json(matrix([]), 200, { date }), { now: () => now });
    expect((await provider.samples(query)).clockOffsetMs).toBe(offset);
  });
});

describe('a source that', () => {
  const refusal = { status: 'error', errorType: 'bad_data', error: 'parse error: unexpected "}"' };
  it.each([
    ['says the query is wrong', json(refusal, 400), 'ConfigError', 'METRICS_BAD_QUERY'],
    ['wants credentials', json({}, 401), 'ConfigError', 'METRICS_UNAUTHORIZED'],
    ['forbids', json({ status: 'error', error: 'no' }, 403), 'ConfigError', 'METRICS_UNAUTHORIZED'],
    ['has no such path', json({}, 404), 'ConfigError', 'METRICS_WRONG_ADDRESS'],
    ['sends us elsewhere', json({}, 302, { location: 'http://127.0.0.1:1/' }), 'ConfigError', 'METRICS_WRONG_ADDRESS'],
    ['cannot run the query', json(refusal, 422), 'TransientError', 'METRICS_NOT_RUN'],
    ['is throttled', json({}, 429), 'TransientError', 'METRICS_THROTTLED'],
    ['fails', json(refusal, 500), 'TransientError', 'METRICS_UNAVAILABLE'],
    [
      'is behind a proxy without upstream',
      (r) => r.writeHead(502).end('<html>'),
      'TransientError',
      'METRICS_UNAVAILABLE',
    ],
    ['answers garbage', (r) => r.writeHead(200).end('<html>Login</html>'), 'TransientError', 'METRICS_MALFORMED'],
    [
      'answers half of its JSON',
      (r) => r.writeHead(200).end('{"status":"success","da'),
      'TransientError',
      'METRICS_MALFORMED',
    ],
    ['answers nothing', (r) => r.writeHead(200).end(), 'TransientError', 'METRICS_MALFORMED'],
    ['answers null', json(null), 'TransientError', 'METRICS_MALFORMED'],
    ['says error with status 200', json(refusal), 'TransientError', 'METRICS_MALFORMED'],
    ['answers without data', json({ status: 'success' }), 'TransientError', 'METRICS_MALFORMED'],
    [
      'answers a vector',
      json({ status: 'success', data: { resultType: 'vector', result: [] } }),
      'TransientError',
      'METRICS_MALFORMED',
    ],
    [
      'answers a scalar',
      json({ status: 'success', data: { resultType: 'scalar', result: [1, '1'] } }),
      'TransientError',
      'METRICS_MALFORMED',
    ],
    [
      'answers an unknown type',
      json({ status: 'success', data: { resultType: 'cube', result: [] } }),
      'TransientError',
      'METRICS_MALFORMED',
    ],
    ['answers series without samples', json(matrix([{ metric: {} }])), 'TransientError', 'METRICS_MALFORMED'],
    ['answers series without labels', json(matrix([{ values: [] }])), 'TransientError', 'METRICS_MALFORMED'],
    [
      'answers labels that are no text',
      json(matrix([{ metric: { pod: 1 }, values: [] }])),
      'TransientError',
      'METRICS_MALFORMED',
    ],
    [
      'answers samples without timestamps',
      json(matrix([{ metric: {}, values: [['x', '1']] }])),
      'TransientError',
      'METRICS_MALFORMED',
    ],
    ['answers a result that is no list', json(matrix({})), 'TransientError', 'METRICS_MALFORMED'],
    ['hangs up', (r) => r.destroy(), 'TransientError', 'METRICS_UNREACHABLE'],
  ] as [string, (response: ServerResponse) => void, string, string][])(
    '%s gives one clear error without secrets',
    async (_, answer, errorClass, code) => {
      const { provider } = await sourceThat(answer, { bearer: secret, headers: { 'x-key': secret } });
      const error = await errorOf(provider.samples(query));
      expect([error.class, error.code]).toEqual([errorClass, code]);
      expect(error.message).toContain(provider.name);
      expect(everythingIn(error)).not.toContain(secret);
    },
  );

  it('is not there gives one clear error', async () => {
    const { provider } = await sourceThat(json(matrix([])), { bearer: secret });
    opened.splice(0).forEach((server) => void server.close());
    const error = await errorOf(provider.samples(query));
    expect(error).toMatchObject({ class: 'TransientError', code: 'METRICS_UNREACHABLE' });
    expect(error.message).toBe(`${provider.name}: connection refused`);
    expect(everythingIn(error)).not.toContain(secret);
  });

  it.each([
    ['seconds', '7', 7000],
    ['a date', 'Thu, 01 Jan 2026 12:00:09 GMT', 9000],
    ['nonsense', 'soon', undefined],
  ])('asks to retry later, in %s, is understood', async (_, retryAfter, expected) => {
    const now = () => Date.parse('2026-01-01T12:00:00Z');
    const { provider } = await sourceThat(json({}, 429, { 'retry-after': retryAfter }), { now });
    expect((await errorOf(provider.samples(query))).retryAfterMs).toBe(expected);
  });

  it('holds native histograms that were not asked for is not used, and says so', async () => {
    const histograms = [[1_700_000_000, { count: '2', sum: '3', buckets: [[0, '1', '2', '2']] }]];
    const { provider } = await sourceThat(json(matrix([{ metric: { pod: 'a' }, histograms }])));
    const error = await errorOf(provider.samples(query));
    expect(error).toMatchObject({ class: 'ConfigError', code: 'METRICS_NOT_A_COUNTER' });
    expect(error.message).toContain('native histograms where a counter is asked for');
  });

  it('does not answer in time is given up', async () => {
    const { provider } = await sourceThat(() => undefined, { timeoutMs: 50 });
    expect(await errorOf(provider.samples(query))).toMatchObject({ class: 'TransientError', code: 'METRICS_TIMEOUT' });
  });

  it('sends its answer in endless drops is given up', async () => {
    const drip = (response: ServerResponse) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    };
    const { provider } = await sourceThat(drip, { timeoutMs: 150 });
    expect(await errorOf(provider.samples(query))).toMatchObject({ class: 'TransientError', code: 'METRICS_TIMEOUT' });
  });

  it('answers more than we can hold is given up', async () => {
    const { provider } = await sourceThat(json(matrix([{ metric: { pod: 'x'.repeat(5000) }, values: [] }])), {
      maxBytes: 1000,
    });
    expect(await errorOf(provider.samples(query))).toMatchObject({
      class: 'TransientError',
      code: 'METRICS_TOO_LARGE',
    });
  });

  it('answers a large result is read', async () => {
    const values = Array.from({ length: 300 }, (_, index) => [1_700_000_000 + index, String(index)]);
    const result = Array.from({ length: 1000 }, (_, index) => ({ metric: { pod: `p${index}` }, values }));
    const { provider } = await sourceThat(json(matrix(result)));
    const { series } = await provider.samples(query);
    expect(series).toHaveLength(1000);
    expect(series[999]?.samples.at(-1)).toEqual({ at: 1_700_000_299_000, value: 299 });
  }, 30_000);

  it('is asked by someone who goes away is left alone', async () => {
    const abort = new AbortController();
    const { provider } = await sourceThat(() => abort.abort());
    expect(await errorOf(provider.samples(query, abort.signal))).toMatchObject({ code: 'METRICS_ABORTED' });
  });
});

describe('options are refused', () => {
  const now = Date.now;
  it.each([
    ['without an http address', { url: 'prometheus:9090', now }, 'url'],
    ['with a password in the address', { url: `http://me:${secret}@prometheus:9090`, now }, 'url'],
    ['with a line break in a token', { url: 'http://p', bearer: `${secret}\nx: y`, now }, 'bearer'],
    ['with an empty token', { url: 'http://p', bearer: ' ', now }, 'bearer'],
    [
      'with two kinds of credentials',
      { url: 'http://p', bearer: secret, basic: { username: 'a', password: secret }, now },
      'bearer',
    ],
    [
      'with a colon in the user',
      { url: 'http://p', basic: { username: 'a:b', password: secret }, now },
      'basic.username',
    ],
    [
      'with a header that cannot be sent',
      { url: 'http://p', headers: { 'x-key': `${secret}\n` }, now },
      'headers.x-key',
    ],
    ['with a name that is no header', { url: 'http://p', headers: { 'x key': secret }, now }, 'headers'],
  ] as [string, PrometheusOptions, string][])('%s, naming the field', (_, options, field) => {
    const error = (() => {
      try {
        createPrometheus(options);
      } catch (thrown) {
        return thrown as AppError;
      }
      return expect.fail('was accepted');
    })();
    expect(error).toMatchObject({ class: 'ConfigError', code: 'METRICS_BAD_OPTION', details: { field } });
    expect(everythingIn(error)).not.toContain(secret);
  });
});

describe('the answer to a whole query', () => {
  const vector = (result: unknown, resultType = 'vector') => ({ status: 'success', data: { resultType, result } });

  it("gives labels and values, at the source's own now", async () => {
    const metric = { __name__: 'ALERTS', alertname: 'Down' };
    const { provider, seen } = await sourceThat(json(vector([{ metric, value: [1_700_000_000, '1'] }])));
    expect(await provider.query('ALERTS')).toEqual({
      samples: [{ labels: { alertname: 'Down' }, value: 1 }],
      warnings: [],
    });
    expect(seen[0]?.parameters.has('time')).toBe(false);
  });

  it('may be nothing, or a scalar', async () => {
    expect(await (await sourceThat(json(vector([])))).provider.query('ALERTS')).toMatchObject({ samples: [] });
    const scalar = await sourceThat(json(vector([1_700_000_000, '7'], 'scalar')));
    expect(await scalar.provider.query('7')).toMatchObject({ samples: [{ labels: {}, value: 7 }] });
  });

  it('is refused where it is neither', async () => {
    const { provider } = await sourceThat(json(matrix([])));
    await expect(provider.query('up[1m]')).rejects.toMatchObject({ code: 'METRICS_MALFORMED' });
  });
});

/** All text that a logger could find in an error, to any depth. */
function everythingIn(error: AppError): string {
  const texts: string[] = [];
  const visited = new Set<unknown>();
  const visit = (value: unknown) => {
    if (typeof value === 'object' && value !== null && !visited.has(value)) {
      visited.add(value);
      for (const name of Object.getOwnPropertyNames(value)) visit((value as Record<string, unknown>)[name]);
    } else {
      texts.push(String(value));
    }
  };
  visit(error);
  return texts.join('\n');
}
