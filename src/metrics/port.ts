/** One release whose requests are to be counted. Revisions are named by the hosts `<service>-<revision>`. */
export interface Subject {
  readonly namespace: string;
  readonly service: string;
  readonly stable: string;
  readonly canary: string;
  /** Evidence begins here (ms): when the canary first got weight. Null while only the traffic split is of interest. */
  readonly since: number | null;
}

export interface ArmCounts {
  readonly requests: number;
  readonly failures: number;
}

/** Requests of both versions between two cuts in time; cuts are at sample timestamps, never at arrival. */
export interface Batch {
  /** End of the batch in ms. */
  readonly at: number;
  readonly canary: ArmCounts;
  readonly stable: ArmCounts;
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
 * `stale`: the source answers but its samples are old or there are none; `down`: it does not answer. `message` says why in a sentence.
 */
export interface Evidence {
  readonly state: 'starting' | 'fresh' | 'stale' | 'down';
  readonly message: string;
  /** Time of the newest sample, in ms. */
  readonly lastSampleAt: number | null;
  /** All batches since `since`, oldest first; only ever appended to while the subject stays the same. */
  readonly batches: readonly Batch[];
}

/** Follows request counters of all subjects with one query per metric and source. */
export interface Sampler {
  /** Starts following, or changes what is followed. Idempotent. */
  follow(key: string, subject: Subject): void;
  unfollow(key: string): void;
  read(key: string): Evidence;
  /** The split since `from`, or undefined until two samples after `from` are in. */
  traffic(key: string, from: number): TrafficSplit | undefined;
  /** Called when a key has new batches or its state changed. */
  onEvidence(listener: (key: string) => void): void;
  start(signal: AbortSignal): void;
}
