import { beforeEach, describe, expect, it } from 'vitest';
import { CataloguedSource } from '../../test/support/catalogued-source.ts';
import { custom, exponential, ofEnvoy } from '../../test/support/native-histograms.ts';
import { SteppedClock } from '../../test/support/stepped-clock.ts';
import { AppError } from '../lib/errors.ts';
import type { Inspection } from './inspection.ts';
import { createInspector } from './inspector.ts';
import { DEFAULT_MEASURE, type Measure, type Subject } from './port.ts';
import type { NativeSample } from './provider.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const pod = { job: 'app', instance: 'app:1', pod: 'app-1' };
const caller = {
  job: 'mesh',
  instance: 'web:15020',
  pod: 'web',
  reporter: 'source',
  destination_service_namespace: 'shop',
};
const counters = (bad: string, total: string): Measure => ({ kind: 'counters', bad, total });
const orders = counters('failed_total{version="{{revision}}"}', 'orders_total{version="{{revision}}"}');
const under = (underMs: number): Measure => ({ kind: 'durations', underMs });

let source: CataloguedSource;

beforeEach(() => {
  source = new CataloguedSource(new SteppedClock(now));
});

function inspect(measure: Measure): Promise<Inspection> {
  const subject: Subject = { namespace: 'shop', service: 'pay', stable: 'aa', canary: 'bb', since: null, measure };
  return createInspector({ clientOf: () => source, clock: new SteppedClock(now) }).inspect(subject, now);
}

/** One sample every 15 s over the last hour. */
function hour(name: string, labels: Record<string, string>, value: (index: number) => number): void {
  for (let index = 0; index <= 240; index++) source.add(name, labels, now - 3_600_000 + index * 15_000, value(index));
}

function exportsOrders(): void {
  hour('orders_total', { ...pod, version: 'aa' }, (index) => index * 100);
  hour('failed_total', { ...pod, version: 'aa' }, (index) => index);
}

function exportsDurations(host: string, edges: readonly string[]): void {
  for (const le of [...edges, '+Inf']) {
    const labels = { ...caller, destination_service_name: host, response_flags: '-', le };
    hour('istio_request_duration_milliseconds_bucket', labels, (index) => index * (le === '+Inf' ? 10 : 9));
  }
}

/** One sample every 15 s over the last hour. */
function exportsNative(host: string, sample: NativeSample): void {
  for (let index = 0; index <= 240; index++) {
    const labels = { ...caller, destination_service_name: host, response_flags: '-' };
    const buckets = sample.buckets.map((one) => ({ ...one, count: one.count * index }));
    const at = now - 3_600_000 + index * 15_000;
    source.addNative('istio_request_duration_milliseconds', labels, {
      at,
      count: sample.count * index,
      sum: sample.sum * index,
      buckets,
    });
  }
}

function failing(code: string, errorClass: 'ConfigError' | 'TransientError', details: object): void {
  source.fails = () => new AppError(errorClass, code, `it: ${code}`, { details: { ...details } });
}

describe('an objective that can be judged', () => {
  it('of two counters gives the past of stable', async () => {
    exportsOrders();
    const { problem, past, warnings } = await inspect(orders);
    expect([problem, warnings]).toEqual([null, []]);
    expect(past).toHaveLength(239);
    expect(past[10]).toMatchObject({ requests: 100, failures: 1 });
    expect((past[11]?.at ?? 0) - (past[10]?.at ?? 0)).toBe(15_000);
  });

  it('of requests counts those to the plain host and to stable', async () => {
    for (const host of ['pay', 'pay-aa', 'pay-bb', 'cart']) {
      hour('istio_requests_total', { ...caller, destination_service_name: host, response_code: '200' }, (i) => i * 10);
      hour('istio_requests_total', { ...caller, destination_service_name: host, response_code: '503' }, (i) => i);
    }
    const { problem, past } = await inspect(DEFAULT_MEASURE);
    expect(problem).toBeNull();
    expect(past[10]).toMatchObject({ requests: 22, failures: 2 });
  });

  it('of durations counts those beyond the edge', async () => {
    exportsDurations('pay', ['100', '300', '500']);
    const { problem, past } = await inspect(under(300));
    expect(problem).toBeNull();
    expect(past[10]).toMatchObject({ requests: 10, failures: 1 });
  });

  it('of durations that are kept as native histograms counts those beyond the edge', async () => {
    exportsNative('pay', exponential(3, [0, 3, 40, 700]));
    const { problem, past, warnings } = await inspect(under(256));
    expect([problem, warnings]).toEqual([null, []]);
    expect(past).toHaveLength(239);
    expect(past[10]).toMatchObject({ requests: 4, failures: 1 });
    expect(past[10]?.slower).toEqual([2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0]);
  });

  it('of durations that are native for this service, whatever others have, is checked against those', async () => {
    exportsNative('pay', exponential(3, [0, 3, 40, 700]));
    exportsDurations('cart', ['100', '250']);
    expect((await inspect(under(250))).problem?.message).toContain('128 ms and 256 ms');
    expect(await inspect(under(256))).toMatchObject({ problem: null, warnings: [] });
  });

  it('of durations takes an edge of custom buckets that only others have shown', async () => {
    exportsNative('pay', custom([100, 250, 500], [40]));
    exportsNative('cart', custom([100, 250, 500], [260]));
    expect(await inspect(under(250))).toMatchObject({ problem: null, warnings: [] });
  });

  it('of durations takes what may be an edge of custom buckets, with a warning', async () => {
    exportsNative('pay', custom([100, 250, 500], [40]));
    const { problem, warnings } = await inspect(under(250));
    expect(problem).toBeNull();
    expect(warnings).toEqual([expect.stringMatching(/^requests\.under: .*whether 250 ms is an edge/) as string]);
  });

  it('takes a service without requests, with a warning', async () => {
    hour('istio_requests_total', { ...caller, destination_service_name: 'cart', response_code: '200' }, (i) => i);
    expect(await inspect(DEFAULT_MEASURE)).toMatchObject({
      problem: null,
      past: [],
      warnings: [/^no requests to pay/].map((text) => expect.stringMatching(text) as string),
    });
  });

  it('takes a counter of failures that none has made yet, with a warning', async () => {
    hour('orders_total', { ...pod, version: 'aa' }, (index) => index * 100);
    hour('failed_total', { ...pod, version: 'old' }, (index) => index);
    const { problem, warnings } = await inspect(orders);
    expect(problem).toBeNull();
    expect(warnings).toEqual([expect.stringContaining('prometheus.bad') as string]);
  });

  it('reads less of the past where an hour is too much', async () => {
    exportsOrders();
    source.fails = ({ windowMs }) =>
      windowMs > 1_000_000 ? new AppError('TransientError', 'METRICS_TOO_LARGE', 'too much') : undefined;
    const { problem, past } = await inspect(orders);
    expect(problem).toBeNull();
    expect(past).toHaveLength(39);
  });

  it('takes a counter whose pod began anew', async () => {
    hour('orders_total', { ...pod, version: 'aa' }, (index) => (index % 120) * 100);
    hour('failed_total', { ...pod, version: 'aa' }, (index) => index % 120);
    expect((await inspect(orders)).problem).toBeNull();
  });
});

describe('an objective is refused', () => {
  const cases: Readonly<Record<string, readonly [() => void, Measure, string, RegExp]>> = {
    'when total is unknown': [
      () => hour('failed_total', { ...pod, version: 'aa' }, (index) => index),
      orders,
      'MetricUnknown',
      /^prometheus\.total: .* has no orders_total of the last hour: correct the name/,
    ],
    'when bad is unknown': [
      () => hour('orders_total', { ...pod, version: 'aa' }, (index) => index),
      orders,
      'MetricUnknown',
      /^prometheus\.bad: .* has no failed_total/,
    ],
    'when nothing of the mesh is scraped': [
      () => undefined,
      DEFAULT_MEASURE,
      'MetricUnknown',
      /^requests: .*scrape the callers/,
    ],
    'when no durations are scraped': [() => undefined, under(300), 'MetricUnknown', /^requests\.under: /],
    'when it names a gauge': [
      () => {
        exportsOrders();
        source.types.set('orders_total', 'gauge');
      },
      orders,
      'NotACounter',
      /^prometheus\.total: orders_total is a gauge/,
    ],
    'when it names a histogram': [
      () => {
        exportsOrders();
        source.types.set('failed_total', 'histogram');
      },
      orders,
      'NotACounter',
      /^prometheus\.bad: failed_total is a histogram, not a counter: take failed_total_count/,
    ],
    'when it names the family of a histogram': [
      () => source.types.set('orders_total', 'histogram'),
      orders,
      'NotACounter',
      /it is a histogram: take orders_total_count/,
    ],
    'when values fall as a gauge does': [
      () => {
        hour('orders_total', { ...pod, version: 'aa' }, (index) => 100 + (index % 3));
        hour('failed_total', { ...pod, version: 'aa' }, () => 0);
      },
      orders,
      'NotACounter',
      /values fell \d+ of \d+ times/,
    ],
    'when it names a ratio': [
      () => {
        hour('orders_total', { ...pod, version: 'aa' }, () => 0.25);
        hour('failed_total', { ...pod, version: 'aa' }, () => 0);
      },
      orders,
      'NotACounter',
      /values such as 0\.25, so it is a ratio/,
    ],
    'when stable has no series': [
      () => {
        hour('orders_total', { ...pod, version: 'v1' }, (index) => index);
        hour('failed_total', { ...pod, version: 'v1' }, (index) => index);
      },
      orders,
      'SeriesMissing',
      /^prometheus\.total: .* no series orders_total\{version="aa"\}.*correct the labels/,
    ],
    'when a series fits both versions': [
      () => exportsOrders(),
      counters('failed_total{version=~"{{revision}}|.*"}', 'orders_total{version=~"{{revision}}|.*"}'),
      'SeriesShared',
      /^prometheus\.total: .*revision aa and revision bb alike/,
    ],
    'when the text is no selector': [
      () => exportsOrders(),
      counters('rate(failed_total{version="{{revision}}"}[5m])', 'orders_total{version="{{revision}}"}'),
      'SelectorInvalid',
      /^prometheus\.bad: rate\(.*without functions or ranges/,
    ],
    'when the source refuses the selector': [
      () => failing('METRICS_BAD_QUERY', 'ConfigError', { said: 'parse error: missing argument to repetition' }),
      orders,
      'SelectorInvalid',
      /refuses the selector: parse error: missing/,
    ],
    'when more is bad than there is': [
      () => {
        hour('orders_total', { ...pod, version: 'aa' }, (index) => index);
        hour('failed_total', { ...pod, version: 'aa' }, (index) => index * 3);
      },
      orders,
      'BadExceedsTotal',
      /^prometheus\.bad: it grew by \d+ more than prometheus\.total/,
    ],
    'when its threshold lies between two edges': [
      () => exportsDurations('pay', ['100', '250', '500']),
      under(300),
      'EdgeUnknown',
      /300 ms is no bucket edge.*the next are 250 ms and 500 ms: take one of them/,
    ],
    'when its threshold lies beyond all edges': [
      () => exportsDurations('cart', ['100', '250.0']),
      under(300),
      'EdgeUnknown',
      /the next are 250 ms: take/,
    ],
    'when its threshold is no edge of exponential buckets': [
      () => exportsNative('pay', exponential(3, [0, 3, 40, 700])),
      under(250),
      'EdgeUnknown',
      /^requests\.under: 250 ms is no sure edge.* exponential buckets.*the next are 128 ms and 256 ms: take one of them, or .*always_scrape_classic_histograms: true/,
    ],
    'when its threshold is no edge of exponential buckets of others either': [
      () => exportsNative('cart', exponential(-1, [3, 40, 700])),
      under(128),
      'EdgeUnknown',
      /the next are 64 ms and 256 ms: take/,
    ],
    'when its requests cannot be in their exponential buckets': [
      () => exportsNative('pay', ofEnvoy(3)),
      under(256),
      'NativeHistogram',
      /^requests\.under: .* requests took longer than their native buckets allow.*always_scrape_classic_histograms: true/,
    ],
    'when a custom bucket reaches over its threshold': [
      () => exportsNative('pay', custom([100, 250, 500], [40, 260])),
      under(300),
      'EdgeUnknown',
      /^requests\.under: 300 ms is no sure edge.* native buckets; the next are 250 ms and 500 ms/,
    ],
    'when a custom bucket of others reaches over it': [
      () => {
        exportsNative('pay', custom([100, 250, 500], [40]));
        exportsNative('cart', custom([100, 250, 500], [260]));
      },
      under(300),
      'EdgeUnknown',
      /the next are 250 ms and 500 ms/,
    ],
    'when a counter is kept as native histograms': [
      () => {
        exportsOrders();
        failing('METRICS_NOT_A_COUNTER', 'ConfigError', { reason: 'it answers native histograms' });
      },
      orders,
      'NotACounter',
      /^prometheus: .*native histograms: take _count or a bucket/,
    ],
    'for now when the source is away': [
      () => failing('METRICS_UNREACHABLE', 'TransientError', { reason: 'connection refused' }),
      DEFAULT_MEASURE,
      'SourceUnavailable',
      /cannot be read now: connection refused/,
    ],
    'for now when the source answers in part': [
      () => {
        exportsOrders();
        source.warnings = ['store b is away'];
      },
      orders,
      'SourceUnavailable',
      /only in part: store b is away/,
    ],
    'for now when the clock of the source is off': [
      () => {
        exportsOrders();
        source.skewMs = 300_000;
      },
      orders,
      'SourceUnavailable',
      /clock of .* is 300 s ahead/,
    ],
    'when the source refuses our credentials': [
      () => failing('METRICS_UNAUTHORIZED', 'ConfigError', { reason: 'it refuses our credentials (HTTP 401)' }),
      under(300),
      'SourceRefused',
      /^sourceRef: .*credentials/,
    ],
    'when there is no such MetricsSource': [
      () => failing('METRICS_SOURCE_NOT_FOUND', 'ConfigError', { reason: 'it does not exist' }),
      orders,
      'SourceUnknown',
      /^sourceRef: /,
    ],
  };

  it.each(Object.entries(cases))('%s', async (_, [prepare, measure, reason, message]) => {
    prepare();
    const { problem, past } = await inspect(measure);
    expect(problem).toEqual({ reason, message: expect.stringMatching(message) as string });
    expect(past).toEqual([]);
  });
});
