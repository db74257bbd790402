/** Which answers count as failures. An HTTP request without an answer (code 0) always counts, unless its client went away. */
export interface FailureRule {
  /** A class such as `5xx` or a code such as `429`. */
  readonly httpStatus: readonly string[];
  /** Codes as numbers, as in the label `grpc_response_status`: `14` for UNAVAILABLE. */
  readonly grpcStatus: readonly string[];
}

/** What is counted of each version, and what of it is a failure. */
export type Measure =
  /** Requests as their callers see them. */
  | { readonly kind: 'requests'; readonly failures: FailureRule }
  /** The same requests; those slower than `underMs`, an edge of the histogram in ms, are failures. Batches carry `latency`. */
  | { readonly kind: 'durations'; readonly underMs: number }
  /** The same requests; those that a fault of the mesh touched, as these flags tell, are failures. */
  | { readonly kind: 'faults'; readonly flags: readonly FaultFlag[] }
  /** Two counters of the user's, as selectors with `{{revision}}`, `{{service}}` and `{{namespace}}`. */
  | { readonly kind: 'counters'; readonly bad: string; readonly total: string };

/** By these of Envoy's flags a request tells that a fault of the mesh touched it. */
export type FaultFlag = 'FI' | 'DI' | 'RL' | 'UO';

/** 5xx; UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: by these a server says that it failed. */
export const DEFAULT_FAILURES: FailureRule = {
  httpStatus: ['5xx'],
  grpcStatus: ['2', '4', '12', '13', '14', '15'],
};

export const DEFAULT_MEASURE: Measure = { kind: 'requests', failures: DEFAULT_FAILURES };

/** The MetricsSource to read from. */
export interface SourceRef {
  readonly namespace: string;
  readonly name: string;
}

/** One release whose requests are to be counted. Revisions are named by the hosts `<service>-<revision>`. */
export interface Subject {
  readonly namespace: string;
  readonly service: string;
  readonly stable: string;
  readonly canary: string;
  /** Evidence begins here (ms): when the canary first got weight. Null while only the traffic split is of interest. */
  readonly since: number | null;
  /** What is counted; {@link DEFAULT_MEASURE} where absent. */
  readonly measure?: Measure;
  /** Where it is read; the controller's own source where absent. */
  readonly source?: SourceRef;
  /** What is counted instead of the revisions, where no release is meant. */
  readonly edge?: Edge;
}

/** Requests to a service told apart by who sends them: as `canary` those of these callers, as `stable` all others. */
export interface Edge {
  /** Hosts of the service: its own and those of its revisions. */
  readonly hosts: readonly string[];
  /** Null for everybody: then nothing to these hosts is counted as `stable`. */
  readonly callers: EdgeCallers | null;
  /** As `stable` only requests of these, instead of all others. */
  readonly control?: EdgeCallers;
  /** Further hosts, requests to which are counted as `stable`, whoever sends them. */
  readonly otherHosts?: readonly string[];
}

/** Callers as their proxies name themselves. */
export interface EdgeCallers {
  readonly namespace: string;
  readonly workloads: readonly string[];
  /** How the names of their pods begin; all pods where absent. Told by the label `pod`, which scrapes of pods give. */
  readonly pods?: readonly string[];
}

export interface ArmCounts {
  readonly requests: number;
  readonly failures: number;
}

/** How many requests took at most each edge. */
export interface DurationCounts {
  readonly requests: number;
  /** By edge, never falling: requests that took at most so long; none above `requests`. */
  readonly within: readonly number[];
}

/** Durations of both versions at the bucket edges that both have. */
export interface LatencyBatch {
  /** In ms, rising, finite. */
  readonly edges: readonly number[];
  readonly canary: DurationCounts;
  readonly stable: DurationCounts;
}

/** Requests of both versions between two cuts in time; cuts are at sample timestamps, never at arrival. */
export interface Batch {
  /** End of the batch in ms. */
  readonly at: number;
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
  /** Of the measure `durations` only. */
  readonly latency?: LatencyBatch;
  /** No request in it ended before this time, in ms, or −Infinity where nobody knows. */
  readonly from?: number;
  /** Stable's counts by pod, where the source's labels tell the pod that answered. */
  readonly stablePods?: Readonly<Record<string, ArmCounts>>;
}

/** Requests that callers sent to each host in (from, to], from samples that lie wholly inside. */
export interface TrafficSplit {
  readonly from: number;
  readonly to: number;
  readonly plain: number;
  readonly stable: number;
  readonly canary: number;
}

/**
 * What is known of a subject. `starting`: no answer yet; `fresh`: the newest sample of the source is younger than the staleness limit;
 * `stale`: the source answers, but its samples are old, or there are none, or its answer is not used (incomplete, clock off); `down`: it
 * gives no answer that can be read. `message` says why in a sentence. Nothing may be decided but on `fresh` evidence.
 */
export interface Evidence {
  readonly state: 'starting' | 'fresh' | 'stale' | 'down';
  readonly message: string;
  /** Which requests are not counted, and why, in part of a sentence; absent where none are known to be missing. */
  readonly lacks?: string;
  /** Timestamp of the newest sample in ms, null while there is none: then no caller has sent a request yet, or none is scraped. */
  readonly lastSampleAt: number | null;
  /** All batches since `since`, oldest first; only ever appended to while the subject stays the same. */
  readonly batches: readonly Batch[];
}

/** Follows request counters of all subjects with one query per metric and source. */
export interface Sampler {
  /** Starts following. Following the same again changes nothing; another subject, or another `since`, starts over from the source. */
  follow(key: string, subject: Subject): void;
  unfollow(key: string): void;
  /** What is known now; a snapshot. A key that is not followed is `starting` without batches. */
  read(key: string): Evidence;
  /** The split since `from`, or over the last minutes of it, or undefined until every caller that goes on was scraped twice after `from`. */
  traffic(key: string, from: number): TrafficSplit | undefined;
  /** Called once for each time that a key has new batches or another state. */
  onEvidence(listener: (key: string) => void): void;
  start(signal: AbortSignal): void;
}
