import type { Clock } from '../lib/clock.ts';
import { isAppError } from '../lib/errors.ts';
import type { SourceRef } from './port.ts';
import type { MetricsClient } from './provider.ts';

/** A source as its MetricsSource and Secrets describe it now. */
export interface OpenedSource {
  readonly client: MetricsClient;
  /** Equal while the same data is read, whatever credentials it takes. */
  readonly place: string;
}

/**
 * Finds out how a source is reached. Throws a ConfigError whose `details.reason` names the field and the cure when it is not described as
 * it must be, and a TransientError when that cannot be found out now.
 */
export type OpenSource = (ref: SourceRef) => Promise<OpenedSource>;

export interface ReopeningOptions {
  readonly ref: SourceRef;
  readonly open: OpenSource;
  readonly clock: Clock;
  /** The source is now read at another place. */
  readonly onMoved: () => void;
}

/** An edit of a MetricsSource or Secret is seen after this time at the latest. */
const RECHECK_MS = 10_000;

/**
 * A client that looks up how its source is reached before it first asks, every few seconds while it is asked, and at once after a
 * refusal of our credentials. What it throws when that fails is what `open` throws; while only the look-up fails, it goes on as before.
 */
export function createReopening({ ref, open, clock, onMoved }: ReopeningOptions): MetricsClient {
  let opened: OpenedSource | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let opening: Promise<OpenedSource> | undefined;

  async function reopen(): Promise<OpenedSource> {
    try {
      const next = await open(ref);
      const hasMoved = opened !== undefined && opened.place !== next.place;
      opened = next;
      if (hasMoved) onMoved();
    } catch (error) {
      if (opened === undefined || isAppError(error, 'ConfigError')) throw error;
    }
    checkedAt = clock.now();
    return opened;
  }

  async function current(): Promise<MetricsClient> {
    if (opened !== undefined && clock.now() - checkedAt < RECHECK_MS) return opened.client;
    opening ??= reopen().finally(() => {
      opening = undefined;
    });
    return (await opening).client;
  }

  async function ask<T>(question: (client: MetricsClient) => Promise<T>): Promise<T> {
    try {
      return await question(await current());
    } catch (error) {
      if (isAppError(error) && error.code === 'METRICS_UNAUTHORIZED') checkedAt = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  return {
    name: `MetricsSource ${ref.name} in ${ref.namespace}`,
    samples: (query, signal) => ask((client) => client.samples(query, signal)),
    labelValues: (query, signal) => ask((client) => client.labelValues(query, signal)),
    typeOf: (metric, signal) => ask((client) => client.typeOf(metric, signal)),
    query: (promql, signal) => ask((client) => client.query(promql, signal)),
  };
}
