/** One raw counter sample as the source stored it. */
export interface RawSample {
  /** The source's own timestamp in ms since the epoch. */
  readonly at: number;
  /** NaN where the source says so; readers skip it. */
  readonly value: number;
}

/** One time series with its raw samples, oldest first. */
export interface RawSeries {
  /** All labels but `__name__`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly RawSample[];
}

/** Asks for the raw samples of the `windowMs` before `endAtMs`, or before the source's own now when that is left out. */
export interface RawQuery {
  /** A series selector without range, such as `istio_requests_total{reporter="source"}`. */
  readonly selector: string;
  /** Length of the window in whole ms. */
  readonly windowMs: number;
  /** End of the window by the source's clock, in ms since the epoch. */
  readonly endAtMs?: number;
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
