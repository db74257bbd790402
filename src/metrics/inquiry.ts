import type { ReaderOptions } from './fleet-reader.ts';
import type { Measure, Subject } from './port.ts';
import type { MetricsClient } from './provider.ts';

/** One objective that is being inspected. */
export interface Inquiry {
  readonly subject: Subject & { readonly measure: Measure };
  /** Now, in ms. */
  readonly at: number;
  readonly client: MetricsClient;
  readonly reader: Omit<ReaderOptions, 'windowMs'>;
  readonly signal: AbortSignal;
}

/** What had no sample for so long is taken as not there. */
export const HOUR_MS = 3_600_000;
