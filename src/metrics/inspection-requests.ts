import { edgesAround } from './edges.ts';
import { selectorOf } from './fleet-query.ts';
import { ask } from './fleet-reader.ts';
import { HOUR_MS, type Inquiry } from './inquiry.ts';
import { type Inspection, refused } from './inspection.ts';
import { type PastQuestion, readPast, restWants } from './inspection-past.ts';
import { isSound, type NativeEdge, nativeEdge } from './native-histogram.ts';
import type { Measure } from './port.ts';
import type { NativeSample } from './provider.ts';
import { DURATIONS_METRIC, NATIVE_DURATIONS_METRIC, REQUESTS_METRIC, type Want } from './wants.ts';

const CLASSIC_CURE = 'have the classic buckets kept too (always_scrape_classic_histograms: true)';
/** Native histograms are looked at over so long, in ms: they hold all that was counted since their process began. */
const NATIVE_WINDOW_MS = 300_000;

/** Whether the mesh counts requests at all, and what stable's were. */
export async function inspectRequests(inquiry: Inquiry): Promise<Inspection> {
  const names = await valuesOf(inquiry, '__name__', `${REQUESTS_METRIC}{reporter="source"}`);
  if (names.length === 0) return unknownMetric(inquiry, REQUESTS_METRIC, 'requests');
  return await withPast(inquiry, { edges: [], wants: restWants(inquiry.subject) });
}

/** Whether the objective's threshold is a bucket edge; nothing is ever interpolated (analysis 2c). */
export async function inspectDurations(
  inquiry: Inquiry,
  { underMs }: Extract<Measure, { kind: 'durations' }>,
): Promise<Inspection> {
  const wants = restWants(inquiry.subject).filter(({ shape }) => shape.hasEdges);
  const ownSelector = wants[0] === undefined ? '' : selectorOf(wants[0].shape, wants);
  const own = await valuesOf(inquiry, 'le', ownSelector);
  const isNative = own.length === 0 && (await valuesOf(inquiry, '__name__', nativeSelector(inquiry))).length > 0;
  if (isNative) return await inspectNative(inquiry, underMs);
  // A service that nobody has called yet will have the edges that the others have.
  const texts = own.length > 0 ? own : await valuesOf(inquiry, 'le', `${DURATIONS_METRIC}{reporter="source"}`);
  if (texts.length === 0) return await inspectNative(inquiry, underMs);
  const edges = texts.map(Number).filter(Number.isFinite);
  const tested = edgesAround(edges, underMs);
  if (tested.length === 0) {
    return refused(
      'EdgeUnknown',
      `requests.under: ${underMs} ms is no bucket edge of ${DURATIONS_METRIC}; ${neighbours(edges, underMs)}, or give the proxies a bucket at ${underMs} ms: requests between two edges cannot be told apart`,
    );
  }
  const asked = texts.filter((text) => tested.includes(Number(text)));
  return await withPast(inquiry, { edges: asked, wants });
}

/** The same where histograms are native only. */
async function inspectNative(inquiry: Inquiry, underMs: number): Promise<Inspection> {
  const all = `${NATIVE_DURATIONS_METRIC}{reporter="source"}`;
  if ((await valuesOf(inquiry, '__name__', all)).length === 0) {
    return unknownMetric(inquiry, DURATIONS_METRIC, 'requests.under');
  }
  const own = await readNative(inquiry, nativeSelector(inquiry));
  const known = nativeEdge(own, underMs);
  const shown = known.kind === 'unseen' ? await readNative(inquiry, all) : own;
  if (!shown.every(isSound)) {
    return refused(
      'NativeHistogram',
      `requests.under: ${inquiry.client.name} has ${NATIVE_DURATIONS_METRIC} of which requests took longer than their native buckets allow (Envoy 1.39.3 has each one bucket too low): ${CLASSIC_CURE}`,
    );
  }
  const edge = nativeEdge(shown, underMs);
  if (edge.kind === 'between') return refused('EdgeUnknown', betweenNative(edge, underMs));
  const inspection = await withPast(inquiry, { edges: [], wants: nativeWants(inquiry) });
  if (edge.kind === 'edge') return inspection;
  const warning = `requests.under: no request of the last minutes tells whether ${underMs} ms is an edge of the buckets of ${NATIVE_DURATIONS_METRIC}: if it is none, nothing is decided once one is as slow`;
  return { ...inspection, warnings: [...inspection.warnings, warning] };
}

function nativeWants({ subject }: Inquiry): readonly Want[] {
  return restWants(subject).filter(({ shape }) => shape.isNative);
}

function nativeSelector(inquiry: Inquiry): string {
  const wants = nativeWants(inquiry);
  return wants[0] === undefined ? NATIVE_DURATIONS_METRIC : selectorOf(wants[0].shape, wants);
}

async function readNative({ reader, signal }: Inquiry, selector: string): Promise<readonly NativeSample[]> {
  const tally = { queries: 0, series: 0, samples: 0 };
  const { series } = await ask(reader, { selector, windowMs: NATIVE_WINDOW_MS, isNative: true }, tally, signal);
  // What was counted is in the newest one, too.
  return series.flatMap(({ histograms = [] }) => histograms.slice(-1));
}

function betweenNative({ next, isExponential }: Extract<NativeEdge, { kind: 'between' }>, underMs: number): string {
  const kind = isExponential ? 'exponential buckets, which may be merged at any time' : 'native buckets';
  return `requests.under: ${underMs} ms is no sure edge of ${NATIVE_DURATIONS_METRIC} with its ${kind}; ${neighbours(next, underMs)}, or ${CLASSIC_CURE}: requests between two edges cannot be told apart`;
}

async function valuesOf({ client, signal }: Inquiry, label: string, selector: string): Promise<readonly string[]> {
  return await client.labelValues({ label, selector, windowMs: HOUR_MS }, signal);
}

async function withPast(inquiry: Inquiry, asked: Pick<PastQuestion, 'edges' | 'wants'>): Promise<Inspection> {
  const { subject, signal } = inquiry;
  const past = await readPast({ ...inquiry, ...asked }, signal);
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
