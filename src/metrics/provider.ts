/** One raw counter sample as the source stored it. */
export interface RawSample {
  /** The source's own timestamp in ms since the epoch. */
  readonly at: number;
  /** NaN where the source says so; readers skip it. */
  readonly value: number;
}

/** One native histogram as the source stored it. */
export interface NativeSample {
  /** The source's own timestamp in ms since the epoch. */
  readonly at: number;
  readonly count: number;
  /** Of all that was observed. */
  readonly sum: number;
  /** Rising; empty ones are left out. */
  readonly buckets: readonly NativeBucket[];
}

/** What was observed between two edges. Whether its upper edge is in it makes no difference to how many are at most that much. */
export interface NativeBucket {
  readonly lower: number;
  readonly upper: number;
  /** Its lower edge is in it too. */
  readonly hasLower: boolean;
  /** Not cumulative. */
  readonly count: number;
}

/** One time series with its raw samples, oldest first. */
export interface RawSeries {
  /** All labels but `__name__`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly RawSample[];
  /** Samples that are native histograms, oldest first. Only where they were asked for. */
  readonly histograms?: readonly NativeSample[];
}

/** Asks for the raw samples of the `windowMs` before `endAtMs`, or before the source's own now when that is left out. */
export interface RawQuery {
  /** A series selector without range, such as `istio_requests_total{reporter="source"}`. */
  readonly selector: string;
  /** Length of the window in whole ms. */
  readonly windowMs: number;
  /** End of the window by the source's clock, in ms since the epoch. */
  readonly endAtMs?: number;
  /** Native histograms are wanted. An answer that holds some unasked is not used: nobody would count them. */
  readonly isNative?: boolean;
}

export interface RawAnswer {
  readonly series: readonly RawSeries[];
  /** What the source says is wrong with this answer; not empty means that series may be missing. */
  readonly warnings: readonly string[];
  /**
   * How far the source's clock is ahead of ours in ms: the smallest offset that fits the answer, 0 when none is needed, undefined when
   * the answer does not tell the source's time.
   */
  readonly clockOffsetMs: number | undefined;
}

/** Reads raw samples from one source. Knows nothing of thresholds, retries or releases. */
export interface MetricsProvider {
  /** How messages name the source, such as `Prometheus at prometheus.mesh:9090`; holds no credentials. */
  readonly name: string;
  /**
   * The raw samples of every series that fits the selector, never rates. Throws an AppError: TransientError when the source does not
   * answer, answers late, is overloaded or sends what cannot be read; ConfigError when it refuses the query or the credentials.
   */
  samples(query: RawQuery, signal?: AbortSignal): Promise<RawAnswer>;
}

/** What a source knows besides samples: for checking an objective before a release. Throws as `samples` does. */
export interface MetricsCatalogue {
  /** The type that the metric's exporter states, such as `counter`; undefined where the source does not know it. */
  typeOf(metric: string, signal?: AbortSignal): Promise<string | undefined>;
  /** Values of a label over the series that fit the selector and had samples in the last `windowMs`. */
  labelValues(query: LabelQuery, signal?: AbortSignal): Promise<readonly string[]>;
}

export interface LabelQuery {
  /** `__name__` for the names of metrics. */
  readonly label: string;
  readonly selector: string;
  readonly windowMs: number;
}

/** One series of the answer to a query; a scalar has no labels. */
export interface InstantSample {
  /** All labels but `__name__`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface InstantAnswer {
  readonly samples: readonly InstantSample[];
  /** As of {@link RawAnswer}. */
  readonly warnings: readonly string[];
}

/** Answers whole PromQL queries, for what is no evidence: alerts, and who calls whom. */
export interface MetricsQueries {
  /** What the query gives at the source's own now. Throws as `samples` does, also for an answer of raw samples or text. */
  query(promql: string, signal?: AbortSignal): Promise<InstantAnswer>;
}

/** A source that can be read and asked what it has. */
export type MetricsClient = MetricsProvider & MetricsCatalogue & MetricsQueries;

/** How a source is reached. */
export interface Connection {
  /** Base address, with the path under which `/api/v1` is found: `https://mimir.mesh/prometheus`. Holds no user or password. */
  readonly url: string;
  /** Sent with each request, such as a tenant header. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Token for `Authorization: Bearer`. */
  readonly bearer?: string;
  readonly basic?: { readonly username: string; readonly password: string };
  readonly tls?: TlsSettings;
}

/** How a connection by https is secured; certificates and keys as PEM. */
export interface TlsSettings {
  /** Authorities to trust; default: those that come with Node. */
  readonly ca?: string;
  /** Our own certificate; only together with `key`. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the source's certificate must have; default: the host of the address. */
  readonly serverName?: string;
  /** Takes any certificate. Default false. */
  readonly insecureSkipVerify?: boolean;
}
