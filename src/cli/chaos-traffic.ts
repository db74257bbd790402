import type { Clock } from '../lib/clock.ts';
import type { Batch, Subject } from '../metrics/port.ts';
import type { MetricsProvider } from '../metrics/provider.ts';
import { createPrometheus } from '../metrics/providers/prometheus.ts';
import { createSampler } from '../metrics/sampler.ts';
import type { Session } from './session.ts';

/** Where the proxies' counters are; what the controller has in its own environment. */
export interface SourceWords {
  readonly prometheus?: string;
  readonly prometheusToken?: string;
}

/** Requests a second to a service over the last minute. */
export interface LiveTraffic {
  /** Of the experiment's callers, before it touches any. */
  readonly callersPerSecond: number;
  readonly othersPerSecond: number;
}

/** What is known of the traffic, or why nothing is. */
export type SeenTraffic = LiveTraffic | { readonly unknown: string };

/** Makes the client; another one in tests. */
export type Connect = (words: SourceWords & { readonly prometheus: string }, clock: Clock) => MetricsProvider;

export const connectPrometheus: Connect = ({ prometheus, prometheusToken }, { now }) =>
  createPrometheus({ url: prometheus, now, ...(prometheusToken !== undefined && { bearer: prometheusToken }) });

const WINDOW_MS = 60_000;
const LONGEST_WAIT_MS = 15_000;
const LOOK_EVERY_MS = 100;
const KEY = 'plan';

/** Counts as the experiment itself would: `canary` are the callers, `stable` all others. */
export async function liveTraffic(
  { clock, signal }: Pick<Session, 'clock' | 'signal'>,
  words: SourceWords,
  { subjectSince, connect }: { readonly subjectSince: (since: number) => Subject; readonly connect: Connect },
): Promise<SeenTraffic> {
  const { prometheus } = words;
  if (prometheus === undefined) return { unknown: 'name the metrics source by --prometheus or PROMETHEUS_URL' };
  const since = clock.now() - WINDOW_MS;
  const sampler = createSampler({ provider: connect({ ...words, prometheus }, clock), clock });
  const stop = new AbortController();
  sampler.follow(KEY, subjectSince(since));
  sampler.start(AbortSignal.any([signal, stop.signal]));
  try {
    for (const until = clock.now() + LONGEST_WAIT_MS; clock.now() < until && !signal.aborted; ) {
      const { state, message, batches } = sampler.read(KEY);
      if (state === 'fresh') return ratesOf(batches);
      if (state === 'down' || state === 'stale') return { unknown: message };
      await clock.sleep(LOOK_EVERY_MS);
    }
    return { unknown: sampler.read(KEY).message };
  } finally {
    stop.abort();
  }
}

/** The first batch began nobody knows when, before the first scrape that counts. */
function ratesOf(batches: readonly Batch[]): LiveTraffic {
  const [first, ...rest] = batches;
  const spanMs = (rest.at(-1)?.at ?? 0) - (first?.at ?? 0);
  const perSecond = (arm: 'canary' | 'stable') =>
    rest.length === 0 ? 0 : rest.reduce((sum, batch) => sum + batch[arm].requests, 0) / (spanMs / 1000);
  return { callersPerSecond: perSecond('canary'), othersPerSecond: perSecond('stable') };
}
