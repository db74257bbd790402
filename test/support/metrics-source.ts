import type { Clock } from '../../src/lib/clock.ts';
import type {
  MetricsProvider,
  NativeSample,
  RawAnswer,
  RawQuery,
  RawSample,
  RawSeries,
} from '../../src/metrics/provider.ts';

/** A source that holds what tests scrape into it and answers range selectors as Prometheus does. */
export class MemorySource implements MetricsProvider {
  readonly name = 'Prometheus at memory:9090';
  readonly queries: RawQuery[] = [];
  readonly #clock: Clock;
  readonly #series = new Map<
    string,
    { labels: Record<string, string>; samples: RawSample[]; histograms: NativeSample[] }
  >();
  inFlight = 0;
  mostInFlight = 0;
  /** How far its clock is ahead. */
  skewMs = 0;
  tellsTime = true;
  warnings: string[] = [];
  fails: ((query: RawQuery) => unknown) | undefined;
  hangsMs = 0;
  /** Older samples are gone. */
  keepsMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(name: string, labels: Record<string, string>, at: number, value: number): void {
    this.#seriesOf(name, labels).samples.push({ at, value });
  }

  addNative(name: string, labels: Record<string, string>, sample: NativeSample): void {
    this.#seriesOf(name, labels).histograms.push(sample);
  }

  #seriesOf(name: string, labels: Record<string, string>): { samples: RawSample[]; histograms: NativeSample[] } {
    const all = { __name__: name, ...labels };
    const key = JSON.stringify(all);
    const series = this.#series.get(key) ?? { labels: all, samples: [], histograms: [] };
    this.#series.set(key, series);
    return series;
  }

  async samples(query: RawQuery, signal?: AbortSignal): Promise<RawAnswer> {
    this.queries.push(query);
    this.inFlight++;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      if (this.hangsMs > 0) await this.#clock.sleep(this.hangsMs, signal);
      const failure = this.fails?.(query);
      if (failure !== undefined) throw failure;
      return this.#answer(query);
    } finally {
      this.inFlight--;
    }
  }

  /** Labels, and the name, of every series that fits, whenever it had samples. */
  labelSets(selector: string): readonly Readonly<Record<string, string>>[] {
    return [...this.#series.values()].map(({ labels }) => labels).filter(matcher(selector));
  }

  #answer({ selector, windowMs, endAtMs }: RawQuery): RawAnswer {
    const end = endAtMs ?? this.#clock.now() + this.skewMs;
    const isSelected = matcher(selector);
    const after = Math.max(end - windowMs, this.#clock.now() - this.keepsMs);
    const isInWindow = ({ at }: { readonly at: number }) => at > after && at <= end;
    const series = [...this.#series.values()].flatMap(({ labels: { __name__, ...labels }, ...all }): RawSeries[] => {
      if (!isSelected({ __name__: __name__ ?? '', ...labels })) return [];
      const [samples, histograms] = [all.samples.filter(isInWindow), all.histograms.filter(isInWindow)];
      if (histograms.length > 0) return [{ labels, samples, histograms }];
      return samples.length > 0 ? [{ labels, samples }] : [];
    });
    return { series, warnings: this.warnings, clockOffsetMs: this.tellsTime ? this.skewMs : undefined };
  }
}

function matcher(selector: string): (labels: Record<string, string>) => boolean {
  const [, name = '', rest = ''] = /^(\w*)(?:\{(.*)\})?$/.exec(selector) ?? [];
  const conditions = [...rest.matchAll(/(\w+)(=~|=)"((?:[^"\\]|\\.)*)"/g)].map(
    ([, label = '', operator, text = '']) => {
      const value = JSON.parse(`"${text}"`) as string;
      const pattern = new RegExp(`^(?:${value})$`);
      return { label, test: (actual: string) => (operator === '=' ? actual === value : pattern.test(actual)) };
    },
  );
  return (labels) =>
    (name === '' || labels['__name__'] === name) && conditions.every(({ label, test }) => test(labels[label] ?? ''));
}

/** Counters of callers' proxies; each scrape writes all of one pod's counters under one timestamp. */
export class Callers {
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #source: MemorySource;
  /** Where a pod's workload has another name than the pod. */
  readonly workloads = new Map<string, string>();

  constructor(source: MemorySource) {
    this.#source = source;
  }

  /** `answer` is the code, and after a space the flags: `503 UF`. */
  serve(pod: string, host: string, amount: number, answer = '200'): void {
    const [code, flags = '-'] = answer.split(' ');
    const counts = this.#counts.get(pod) ?? new Map<string, number>();
    const key = JSON.stringify([host, code, flags]);
    counts.set(key, (counts.get(key) ?? 0) + amount);
    this.#counts.set(pod, counts);
  }

  restart(pod: string): void {
    this.#counts.set(pod, new Map());
  }

  scrape(pod: string, at: number): void {
    this.#source.add('up', target(pod), at, 1);
    for (const [key, value] of this.#counts.get(pod) ?? []) {
      const [host = '', code = '', flags = ''] = JSON.parse(key) as string[];
      const labels = { ...labelsOf(pod, host, code, flags), source_workload: this.workloads.get(pod) ?? pod };
      this.#source.add('istio_requests_total', labels, at, value);
    }
  }
}

export function target(pod: string): Record<string, string> {
  return { job: 'mesh', instance: `${pod}:15020`, pod };
}

export function labelsOf(pod: string, host: string, code: string, flags: string): Record<string, string> {
  const [name = '', namespace = 'shop'] = host.split('.');
  return {
    ...target(pod),
    reporter: 'source',
    source_workload: pod,
    source_workload_namespace: 'shop',
    destination_service_name: name,
    destination_service_namespace: namespace,
    response_code: code,
    response_flags: flags,
  };
}
