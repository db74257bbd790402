import { PrometheusDriver, type QueryResult } from 'prometheus-query';
import { isAppError } from '../../lib/errors.ts';
import type {
  Connection,
  InstantAnswer,
  InstantSample,
  LabelQuery,
  MetricsClient,
  RawAnswer,
  RawQuery,
  RawSample,
  RawSeries,
} from '../provider.ts';
import { ACCEPTED_ENCODING, decodeBody, freeBody, parseBody } from './answer-body.ts';
import { createKnownLabels, isLabels, type KnownLabels } from './known-series.ts';
import { LABEL_MARKS, type MatrixText, readMatrixText } from './matrix-text.ts';
import { readNativeMatrix } from './native-matrix.ts';
import { checkConnection } from './prometheus-connection.ts';
import { type Exchange, malformed, translateFailure } from './prometheus-errors.ts';

export interface PrometheusOptions extends Connection {
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
/** The source's clock may be ahead of ours by this much, and its newest series are wanted too. */
const LEAD_MS = 60_000;

/**
 * A client for everything that speaks the query API of Prometheus (also Thanos, Mimir, VictoriaMetrics). Throws a ConfigError when the
 * options cannot work.
 */
export function createPrometheus(options: PrometheusOptions): MetricsClient {
  const { name, endpoint, headers, agent } = checkConnection(options);
  const known = createKnownLabels(LABEL_MARKS, options.now);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;

  /** One call of the driver; what it throws is an AppError, and what it does not hand over is in `exchange`. */
  async function ask<T>(call: (driver: PrometheusDriver) => Promise<T>, request: Request): Promise<Answer<T>> {
    const { signal, preferPost = false, usesOwnNow = false, matrix } = request;
    const exchange: Exchange & { series?: readonly RawSeries[] } = { isNative: matrix === 'native' };
    const read = (answer: AnswerParts | undefined) => {
      if (answer === undefined) return;
      const bytes = decodeBody(answer.data as Buffer, answer.headers['content-encoding'], maxBytes);
      const { body, ...held } = typeof bytes === 'string' ? { body: undefined } : bodyOf(bytes, matrix, known);
      answer.data = body;
      const { status, headers } = answer;
      Object.assign(exchange, { status, headers: { ...headers }, body, isTooLarge: bytes === 'too large', ...held });
    };
    // `prometheus-query` bounds only silence between two bytes; this bounds the whole answer.
    const deadline = AbortSignal.timeout(timeoutMs);
    const driver = new PrometheusDriver({
      endpoint,
      headers,
      timeout: timeoutMs,
      preferPost,
      requestInterceptor: {
        onFulfilled(config) {
          if (usesOwnNow) dropTime(config);
          config.responseType = 'arraybuffer';
          config.decompress = false;
          config.headers.set('Accept-Encoding', ACCEPTED_ENCODING);
          config.transformResponse = [(bytes: unknown) => bytes];
          config.signal = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
          config.maxContentLength = maxBytes;
          // The token must go to the configured host only, not to where a redirect or a proxy variable points.
          config.maxRedirects = 0;
          config.proxy = false;
          if (agent !== undefined) config.httpsAgent = agent;
          return config;
        },
      },
      // The driver forgets status, headers and warnings of an answer that it cannot read.
      responseInterceptor: {
        onFulfilled(response) {
          read(response);
          return response;
        },
        onRejected(error) {
          read((error as { response?: AnswerParts }).response);
          throw error;
        },
      },
    });
    const sentAt = options.now();
    try {
      return { value: await call(driver), exchange, sentAt };
    } catch (error) {
      throw translateFailure(error, { name, exchange, timeoutMs, maxBytes, now: options.now(), signal, deadline });
    }
  }

  async function samples(query: RawQuery, signal?: AbortSignal): Promise<RawAnswer> {
    const promql = rangeSelector(query);
    const { endAtMs, isNative = false } = query;
    // Not by `@`, which older sources do not know.
    const end = endAtMs === undefined ? undefined : new Date(Math.round(endAtMs));
    const { value, exchange, sentAt } = await ask((driver) => driver.instantQuery(promql, end, `${timeoutMs}ms`), {
      signal,
      preferPost: promql.length > LONGEST_GET_QUERY,
      usesOwnNow: end === undefined,
      matrix: isNative ? 'native' : 'counters',
    });
    return {
      series: exchange.series ?? toSeries(name, value),
      warnings: warningsOf(exchange.body),
      clockOffsetMs: clockOffset(exchange.headers?.['date'], sentAt, options.now()),
    };
  }

  async function labelValues({ label, selector, windowMs }: LabelQuery, signal?: AbortSignal): Promise<string[]> {
    const [start, end] = [new Date(options.now() - windowMs), new Date(options.now() + LEAD_MS)];
    const { value } = await ask((driver) => driver.labelValues(label, selector, start, end), { signal });
    if (!isTexts(value)) throw malformed(name, 'the values of a label are no list of texts');
    return value;
  }

  async function typeOf(metric: string, signal?: AbortSignal): Promise<string | undefined> {
    try {
      for (const family of familiesOf(metric)) {
        const { value } = await ask((driver) => driver.metadata(family, 1), { signal });
        const type = statedType(value, family);
        if (type !== undefined) return family === metric ? type : typeOfPart(type, metric);
      }
    } catch (error) {
      // Not every source that speaks the query API has this part of it.
      if (!isAppError(error) || error.code !== 'METRICS_WRONG_ADDRESS') throw error;
    }
    return undefined;
  }

  async function query(promql: string, signal?: AbortSignal): Promise<InstantAnswer> {
    const { value, exchange } = await ask((driver) => driver.instantQuery(promql, undefined, `${timeoutMs}ms`), {
      signal,
      preferPost: promql.length > LONGEST_GET_QUERY,
      usesOwnNow: true,
    });
    return { samples: toSamples(name, value), warnings: warningsOf(exchange.body) };
  }

  return { name, samples, labelValues, typeOf, query };
}

interface Request {
  readonly signal: AbortSignal | undefined;
  readonly preferPost?: boolean;
  /** The source is not told the time. */
  readonly usesOwnNow?: boolean;
  /** The answer holds raw samples: the driver gets the frame only, because it makes several objects of each sample. */
  readonly matrix?: 'counters' | 'native';
}

interface Answer<T> {
  readonly value: T;
  readonly exchange: Exchange & { readonly series?: readonly RawSeries[] };
  readonly sentAt: number;
}

interface AnswerParts {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  data: unknown;
}

/** What a body says; its bytes are gone afterwards. */
function bodyOf(bytes: Buffer, matrix: Request['matrix'], known: KnownLabels): Partial<MatrixText> {
  const read = matrix === 'counters' ? readMatrixText(bytes, known) : undefined;
  const body = read?.body ?? parseBody(bytes);
  freeBody(bytes);
  return read ?? (matrix === 'native' ? readNativeMatrix(body) : undefined) ?? { body };
}

function rangeSelector({ selector, windowMs }: RawQuery): string {
  return `${selector}[${Math.max(1, Math.ceil(windowMs))}ms]`;
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

/** The driver hands a scalar over as it came: a time and a text. */
function toSamples(name: string, { resultType, result }: QueryResult): readonly InstantSample[] {
  if (resultType === 'scalar') return [{ labels: {}, value: Number((result as unknown[])[1]) }];
  if (resultType !== 'vector')
    throw malformed(name, `the result is a ${String(resultType)}, neither vector nor scalar`);
  return (result as unknown[]).map((entry) => {
    const { metric, value } = entry as { metric: { labels: unknown } | null; value: { value: number } };
    const labels = metric?.labels;
    if (!isLabels(labels)) throw malformed(name, 'a series has no labels');
    return { labels, value: value.value };
  });
}

function warningsOf(body: unknown): readonly string[] {
  const { warnings, isPartial } = (body ?? {}) as { warnings?: unknown; isPartial?: unknown };
  const said = Array.isArray(warnings) ? warnings.map(String) : [];
  // VictoriaMetrics says no more than this.
  return isPartial === true ? [...said, 'some of its storage nodes did not answer'] : said;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

/** Under which names the exporter may have stated the metric's type: OpenMetrics leaves out what a type appends. */
function familiesOf(metric: string): readonly string[] {
  const family = metric.replace(/_(total|bucket|count|sum)$/, '');
  return family === metric ? [metric] : [metric, family];
}

/** Buckets, counts and sums of a histogram or a summary are counters; the histogram itself is none. */
function typeOfPart(type: string, metric: string): string {
  if (metric.endsWith('_total')) return type;
  return ['histogram', 'summary'].includes(type) ? 'counter' : 'unknown';
}

function statedType(metadata: unknown, family: string): string | undefined {
  const entries = (metadata as Readonly<Record<string, unknown>> | null)?.[family];
  const type = Array.isArray(entries) ? (entries[0] as { type?: unknown } | undefined)?.type : undefined;
  return typeof type === 'string' && !['unknown', 'untyped', ''].includes(type) ? type : undefined;
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

/**
 * The driver always sends our time; without it the source uses its own clock, so that a skew between the two cannot shift the window and
 * samples from the future show themselves.
 */
function dropTime({ params, data }: { readonly params?: unknown; readonly data?: unknown }): void {
  for (const parameters of [params, data]) {
    if (parameters instanceof URLSearchParams) parameters.delete('time');
  }
}
