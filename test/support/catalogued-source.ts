import type { LabelQuery, MetricsClient } from '../../src/metrics/provider.ts';
import { MemorySource } from './metrics-source.ts';

/** A MemorySource that also tells types and values of labels. */
export class CataloguedSource extends MemorySource implements MetricsClient {
  /** What exporters state, by metric. */
  readonly types = new Map<string, string>();

  async typeOf(metric: string): Promise<string | undefined> {
    const failure = this.fails?.({ selector: metric, windowMs: 0 });
    if (failure !== undefined) throw failure;
    return this.types.get(metric);
  }

  async labelValues({ label, selector }: LabelQuery): Promise<readonly string[]> {
    const failure = this.fails?.({ selector, windowMs: 0 });
    if (failure !== undefined) throw failure;
    const values = this.labelSets(selector).flatMap((labels) => labels[label] ?? []);
    return [...new Set(values)];
  }
}
