import type { Carried } from './batches.ts';
import type { CounterSeries } from './counters.ts';
import type { EdgeAgreement } from './edges.ts';
import type { Histogram } from './histogram.ts';
import type { Outcome } from './outcome.ts';
import type { Batch, Measure, Subject } from './port.ts';
import type { RawSeries } from './provider.ts';
import type { Target } from './scrapes.ts';

export type Arm = 'canary' | 'stable' | 'plain';

/** What a series is to a subject: of which version, and of a user's counters which one. */
export interface Role {
  readonly arm: Arm;
  readonly part: 'all' | 'bad' | 'total';
}

/** Takes in the samples of one series; repeated samples change nothing. */
export type Sink = (series: RawSeries) => void;

export interface Tracked {
  readonly arm: Arm;
  readonly counts: Outcome | 'bad' | 'total';
  readonly pod: string | undefined;
  readonly target: Target;
  readonly counter: CounterSeries;
}

export interface TrackedHistogram {
  readonly arm: Arm;
  readonly target: Target;
  readonly histogram: Histogram;
}

/** All that is held of one subject: raw samples of a bounded time, and its batches. Changed only by the functions of tracker.ts and growth.ts. */
export interface Tracker {
  readonly subject: Subject;
  readonly measure: Measure;
  readonly series: Map<string, Tracked>;
  readonly histograms: Map<string, TrackedHistogram>;
  readonly targets: Map<string, Target>;
  readonly batches: Batch[];
  /** Earlier samples are not taken, so that what others ask for makes no difference. In ms. */
  readonly floor: number;
  /** Since this time, in ms, answers held every sample: a series that a scrape after it does not show was not there. */
  coveredFrom: number;
  /** Requests before this time (ms) are not counted, because the source does not have their samples any more; null where it has all. */
  lostUntil: number | null;
  /** Batches up to this cell border are final. */
  closedUntil: number;
  /** Timestamp of the newest sample in ms. */
  lastSampleAt: number | null;
  /** Edges that are read, in ms; empty until a histogram was seen. */
  edges: readonly number[];
  /** Native histograms are asked for until this time (ms): callers that keep no other are known by then. Infinite where some are read. */
  nativeUntil: number;
  /** How the source writes each edge. */
  readonly edgeTexts: Map<number, Set<string>>;
  /** What `edgesAsked` gave; undefined when it has to be found anew. */
  edgesAsked: readonly string[] | undefined;
  readonly agreement: EdgeAgreement;
  readonly carried: Carried;
}
