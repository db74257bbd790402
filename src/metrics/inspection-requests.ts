import { edgesAround } from './edges.ts';
import { selectorOf } from './fleet-query.ts';
import { HOUR_MS, type Inquiry } from './inquiry.ts';
import { type Inspection, refused } from './inspection.ts';
import { readPast, restWants } from './inspection-past.ts';
import type { Measure } from './port.ts';
import { DURATIONS_METRIC, NATIVE_DURATIONS_METRIC, REQUESTS_METRIC } from './wants.ts';

/** Whether the mesh counts requests at all, and what stable's were. */
export async function inspectRequests(inquiry: Inquiry): Promise<Inspection> {
  const names = await valuesOf(inquiry, '__name__', `${REQUESTS_METRIC}{reporter="source"}`);
  if (names.length === 0) return unknownMetric(inquiry, REQUESTS_METRIC, 'requests');
  return await withPast(inquiry, []);
}

/** Whether the objective's threshold is a bucket edge; nothing is ever interpolated (analysis 2c). */
export async function inspectDurations(
  inquiry: Inquiry,
  { underMs }: Extract<Measure, { kind: 'durations' }>,
): Promise<Inspection> {
  const wants = restWants(inquiry.subject);
  const ownSelector = wants[0] === undefined ? '' : selectorOf(wants[0].shape, wants);
  const own = await valuesOf(inquiry, 'le', ownSelector);
  // A service that nobody has called yet will have the edges that the others have.
  const texts = own.length > 0 ? own : await valuesOf(inquiry, 'le', `${DURATIONS_METRIC}{reporter="source"}`);
  if (texts.length === 0) return await withoutBuckets(inquiry);
  const edges = texts.map(Number).filter(Number.isFinite);
  const tested = edgesAround(edges, underMs);
  if (tested.length === 0) {
    return refused(
      'EdgeUnknown',
      `requests.under: ${underMs} ms is no bucket edge of ${DURATIONS_METRIC}; ${neighbours(edges, underMs)}, or give the proxies a bucket at ${underMs} ms: requests between two edges cannot be told apart`,
    );
  }
  return await withPast(
    inquiry,
    texts.filter((text) => tested.includes(Number(text))),
  );
}

async function withoutBuckets(inquiry: Inquiry): Promise<Inspection> {
  const native = await valuesOf(inquiry, '__name__', `${NATIVE_DURATIONS_METRIC}{reporter="source"}`);
  if (native.length === 0) return unknownMetric(inquiry, DURATIONS_METRIC, 'requests.under');
  return refused(
    'NativeHistogram',
    `requests.under: ${inquiry.client.name} has ${NATIVE_DURATIONS_METRIC} as native histograms only, which are not read: have it keep the classic buckets too (always_scrape_classic_histograms: true)`,
  );
}

async function valuesOf({ client, signal }: Inquiry, label: string, selector: string): Promise<readonly string[]> {
  return await client.labelValues({ label, selector, windowMs: HOUR_MS }, signal);
}

async function withPast(inquiry: Inquiry, edges: readonly string[]): Promise<Inspection> {
  const { subject, signal } = inquiry;
  const past = await readPast({ ...inquiry, edges }, signal);
  const warnings: string[] = [];
  if (past.counts.length === 0) {
    warnings.push(
      `no requests to ${subject.service} in ${subject.namespace} in the last hour: without traffic nothing can be shown, good or bad`,
    );
  }
  if (past.isShortened)
    warnings.push('the source could not give more than 10 min of the past: its burstiness is less well known');
  return { problem: null, past: past.counts, warnings };
}

function unknownMetric({ client }: Inquiry, metric: string, field: string): Inspection {
  return refused(
    'MetricUnknown',
    `${field}: ${client.name} has no ${metric} with reporter="source" of the last hour: scrape the callers' proxies there, or name another source in sourceRef`,
  );
}

function neighbours(edges: readonly number[], underMs: number): string {
  const below = edges.filter((edge) => edge < underMs);
  const above = edges.filter((edge) => edge > underMs);
  const next = [...(below.length > 0 ? [Math.max(...below)] : []), ...(above.length > 0 ? [Math.min(...above)] : [])];
  if (next.length === 0) return 'it has no edges at all: have the proxies keep classic buckets';
  return `the next are ${next.map((edge) => `${edge} ms`).join(' and ')}: take one of them`;
}
