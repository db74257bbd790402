import { PrometheusDriver, type QueryResult } from 'prometheus-query';
import { AppError } from '../../lib/errors.ts';
import type { MetricsProvider, RawAnswer, RawQuery, RawSample, RawSeries } from '../provider.ts';
import { type Exchange, malformed, translateFailure } from './prometheus-errors.ts';

export interface PrometheusOptions {
  /** Base address, with the path under which `/api/v1` is found: `https://mimir.mesh/prometheus`. Holds no user or password. */
  readonly url: string;
  /** Sent with each request, such as a tenant header. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Token for `Authorization: Bearer`. */
  readonly bearer?: string;
  readonly basic?: { readonly username: string; readonly password: string };
  /** Longest time for one answer, from the first byte sent to the last received, in ms. Default 5000. */
  readonly timeoutMs?: number;
  /** Largest answer in bytes. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Our clock, in ms since the epoch. */
  readonly now: () => number;
}

const DEFAULT_TIMEOUT_MS = 5000;
const DEFAULT_MAX_BYTES = 64 * 2 ** 20;
/** Proxies commonly refuse request lines above 8 KiB, and escaping can triple a query. */
const LONGEST_GET_QUERY = 2000;
/** The `Date` header has whole seconds: the true time lies up to this much later. */
const DATE_RESOLUTION_MS = 1000;

/**
 * A provider for everything that speaks the query API of Prometheus (also Thanos, Mimir, VictoriaMetrics). Throws a ConfigError when the
 * options cannot work.
 */
export function createPrometheus(options: PrometheusOptions): MetricsProvider {
  const url = checkUrl(options.url);
  const headers = { ...checkHeaders(options.headers ?? {}), ...authorization(options) };
  const endpoint = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  const name = `Prometheus at ${url.host}`;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;

  async function samples(query: RawQuery, signal?: AbortSignal): Promise<RawAnswer> {
    const promql = rangeSelector(query);
    const exchange: Exchange = {};
    // `prometheus-query` bounds only silence between two bytes; this bounds the whole answer.
    const deadline = AbortSignal.timeout(timeoutMs);
    const driver = new PrometheusDriver({
      endpoint,
      headers,
      timeout: timeoutMs,
      preferPost: promql.length > LONGEST_GET_QUERY,
      requestInterceptor: {
        onFulfilled(config) {
          // The driver always sends our time; without it the source uses its own clock, so that a skew between the two cannot shift the
          // window and samples from the future show themselves.
          for (const parameters of [config.params, config.data]) {
            if (parameters instanceof URLSearchParams) parameters.delete('time');
          }
          config.signal = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
          config.maxContentLength = maxBytes;
          // The token must go to the configured host only, not to where a redirect or a proxy variable points.
          config.maxRedirects = 0;
          config.proxy = false;
          return config;
        },
      },
      // The driver forgets status, headers and warnings of an answer that it cannot read.
      responseInterceptor: {
        onFulfilled(response) {
          note(exchange, response);
          return response;
        },
        onRejected(error) {
          note(exchange, (error as { response?: AnswerParts }).response);
          throw error;
        },
      },
    });
    const sentAt = options.now();
    let result: QueryResult;
    try {
      result = await driver.instantQuery(promql, undefined, `${timeoutMs}ms`);
    } catch (error) {
      throw translateFailure(error, { name, exchange, timeoutMs, maxBytes, now: options.now(), signal, deadline });
    }
    return {
      series: toSeries(name, result),
      warnings: warningsOf(exchange.body),
      clockOffsetMs: clockOffset(exchange.headers?.['date'], sentAt, options.now()),
    };
  }
  return { name, samples };
}

interface AnswerParts {
  readonly status: number;
  readonly headers: object;
  readonly data: unknown;
}

function note(exchange: Exchange, answer: AnswerParts | undefined): void {
  if (answer === undefined) return;
  exchange.status = answer.status;
  exchange.headers = { ...answer.headers };
  exchange.body = answer.data;
}

function rangeSelector({ selector, windowMs, endAtMs }: RawQuery): string {
  const end = endAtMs === undefined ? '' : ` @ ${(endAtMs / 1000).toFixed(3)}`;
  return `${selector}[${Math.max(1, Math.ceil(windowMs))}ms]${end}`;
}

function toSeries(name: string, result: QueryResult): RawSeries[] {
  // The driver checks neither that this is a list nor that its members are what their type says.
  if (result.resultType !== 'matrix') {
    throw malformed(name, `the result is a ${String(result.resultType)}, not a matrix of raw samples`);
  }
  return (result.result as unknown[]).map((entry) => toOneSeries(name, entry));
}

function toOneSeries(name: string, entry: unknown): RawSeries {
  const { metric, values } = entry as { metric: { labels: unknown } | null; values: { time: Date; value: number }[] };
  const labels = metric?.labels;
  if (!isLabels(labels)) throw malformed(name, 'a series has no labels');
  const samples = values.map(({ time, value }): RawSample => {
    const at = time.getTime();
    if (!(at > 0)) throw malformed(name, 'a sample has no timestamp');
    return { at, value };
  });
  return { labels, samples };
}

function isLabels(labels: unknown): labels is Record<string, string> {
  return (
    typeof labels === 'object' && labels !== null && Object.values(labels).every((value) => typeof value === 'string')
  );
}

function warningsOf(body: unknown): readonly string[] {
  const warnings = (body as { warnings?: unknown } | null | undefined)?.warnings;
  return Array.isArray(warnings) ? warnings.map(String) : [];
}

/** The smallest offset that fits: the source wrote `date` (cut to seconds) at some moment between sending and receiving. */
function clockOffset(date: unknown, sentAt: number, receivedAt: number): number | undefined {
  const sourceAt = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(sourceAt)) return undefined;
  const least = sourceAt - receivedAt;
  const most = sourceAt + DATE_RESOLUTION_MS - sentAt;
  if (least > 0) return least;
  return Math.min(most, 0);
}

function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw badOption('url', 'must be an http or https address such as http://prometheus.monitoring:9090');
  }
  if (url.username !== '' || url.password !== '') {
    throw badOption('url', 'must not hold a user or password: give them as basic');
  }
  return url;
}

/** A value that Node would refuse is found here, because its error would quote the value. */
function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw badOption('headers', `has a name that is no header name`);
    if (!isHeaderValue(value)) throw badOption(`headers.${name}`, 'has a character that a header cannot hold');
  }
  return headers;
}

function authorization({ bearer, basic }: PrometheusOptions): Record<string, string> {
  if (bearer !== undefined && basic !== undefined) throw badOption('bearer', 'cannot be given together with basic');
  if (bearer !== undefined) {
    // Mounted Secrets commonly end in a newline.
    const token = bearer.trim();
    if (token === '' || !isHeaderValue(token)) throw badOption('bearer', 'must be a token without line breaks');
    return { authorization: `Bearer ${token}` };
  }
  if (basic === undefined) return {};
  if (basic.username.includes(':')) throw badOption('basic.username', 'must not contain a colon');
  // The driver's own `auth` is dropped without a word when the password is empty.
  const pair = Buffer.from(`${basic.username}:${basic.password}`, 'utf8').toString('base64');
  return { authorization: `Basic ${pair}` };
}

function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

function badOption(field: string, what: string): AppError {
  return new AppError('ConfigError', 'METRICS_BAD_OPTION', `metrics source: ${field} ${what}`, { details: { field } });
}
