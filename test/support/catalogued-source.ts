import { FLOWS_QUERY } from '../../src/metrics/flows.ts';
import type { InstantAnswer, InstantSample, LabelQuery, MetricsClient } from '../../src/metrics/provider.ts';
import { MemorySource } from './metrics-source.ts';

const FLOW_LABELS = [
  'source_workload',
  'source_workload_namespace',
  'destination_service_name',
  'destination_service_namespace',
] as const;
const FLOWS_MS = 120_000;

/** A MemorySource that also tells types, values of labels, who calls whom, and what tests give as answers to queries. */
export class CataloguedSource extends MemorySource implements MetricsClient {
  /** What exporters state, by metric. */
  readonly types = new Map<string, string>();

  /** Of any query but that for flows; what is not here is answered by nothing. */
  readonly answers = new Map<string, readonly InstantSample[]>();

  async query(promql: string): Promise<InstantAnswer> {
    const failure = this.fails?.({ selector: promql, windowMs: 0 });
    if (failure !== undefined) throw failure;
    const samples = promql === FLOWS_QUERY ? await this.#flows() : (this.answers.get(promql) ?? []);
    return { samples, warnings: this.warnings };
  }

  /** Increases by caller and host, as `rate` sums them. */
  async #flows(): Promise<readonly InstantSample[]> {
    const { series } = await this.samples({
      selector: 'istio_requests_total{reporter="source"}',
      windowMs: FLOWS_MS,
    });
    const sums = new Map<string, InstantSample>();
    for (const { labels, samples } of series) {
      const [first, last] = [samples[0], samples.at(-1)];
      if (first === undefined || last === undefined || last.at === first.at || last.value <= first.value) continue;
      const perSecond = ((last.value - first.value) * 1000) / (last.at - first.at);
      const flow = Object.fromEntries(FLOW_LABELS.map((label) => [label, labels[label] ?? '']));
      const key = JSON.stringify(flow);
      sums.set(key, { labels: flow, value: (sums.get(key)?.value ?? 0) + perSecond });
    }
    return [...sums.values()];
  }

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
