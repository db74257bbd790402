/** How a release is judged; every value has a meaning to an operator. */
export interface JudgeParameters {
  /** α: the share of harmless releases that may be rolled back by mistake, at most. */
  readonly falseRollback: number;
  /** β: the share of harmful releases that may be promoted by mistake, at most. */
  readonly falseAccept: number;
  /** r0: how many times stable's failure ratio the canary may have before it counts as harmful. */
  readonly margin: number;
  /** How many times stable's share of slow requests the canary may have, at any bucket edge, before it counts as slower. */
  readonly latencyMargin: number;
  /** p0 = 1 − objective: the failure ratio that the objective allows; null where there is no objective. */
  readonly sloFailureRatio: number | null;
  /** A failure ratio so small that it harms nobody, however much better stable is; null takes a fiftieth of what the objective allows. */
  readonly harmlessRatio: number | null;
  /** Bucket edge of the latency objective, in the unit of the edges; it gets half of the latency test's weight. */
  readonly latencyEdge: number | null;
  /** p_tol: the failure ratio that a release must show to be below before it is promoted; null derives it from objective and stable. */
  readonly tolerableFailureRatio: number | null;
  /** Fewer canary failures than this never roll a release back for its errors. */
  readonly minFailures: number;
  /** A rollback needs this many batches with canary requests, unless the evidence is as strong as 1/α². */
  readonly minBatches: number;
  /** The release does not go on before the canary has answered this many requests. */
  readonly minRequests: number;
  /** N: batches over which a late fault is expected; doubling it costs ln 2 of evidence. */
  readonly plannedBatches: number;
  /** φ: how many times more the failures vary than independent ones would; evidence is divided by it. */
  readonly dispersion: number;
  /** A breach of both versions that begins within this time after the canary got more weight is the canary's, in milliseconds. */
  readonly blameWindowMs: number;
  /** Where all requests go to the canary, a breach gives stable some back to compare with instead of taking the release back. */
  readonly stepsBack: boolean;
  /**
   * Whether stable kept the objective right before the release: then a breach that is there from its first batch began with it, and else it
   * did not; null where nobody knows.
   */
  readonly calmBefore: boolean | null;
  /** How much each test counts; only the proportions matter. */
  readonly weights: TestWeights;
}

/** Weights of the tests whose evidence is averaged; a weight of 0 switches a test off. */
export interface TestWeights {
  /** Errors against stable. */
  readonly harm: number;
  /** Durations against stable. */
  readonly latency: number;
  /** Errors against the objective. */
  readonly slo: number;
}

/** Defaults of analysis.md 2f; an objective is the user's to state. */
export const DEFAULT_PARAMETERS: JudgeParameters = {
  falseRollback: 0.01,
  falseAccept: 0.05,
  margin: 1.5,
  latencyMargin: 1.1,
  sloFailureRatio: null,
  harmlessRatio: null,
  latencyEdge: null,
  tolerableFailureRatio: null,
  minFailures: 3,
  minBatches: 2,
  minRequests: 50,
  plannedBatches: 240,
  dispersion: 1,
  blameWindowMs: 10_000,
  stepsBack: false,
  calmBefore: null,
  weights: { harm: 0.4, latency: 0.3, slo: 0.2 },
};

const SMALLEST_RATIO = 1e-9;
const LARGEST_RATIO = 0.98;

/** Range of each plain number in which every formula is finite. */
const RANGES = {
  falseRollback: [1e-12, 0.5],
  falseAccept: [1e-12, 0.5],
  margin: [1, 1e6],
  latencyMargin: [1, 1e6],
  minFailures: [1, 1e9],
  minBatches: [1, 1e9],
  minRequests: [0, 1e12],
  plannedBatches: [1, 1e9],
  dispersion: [1, 1e6],
  blameWindowMs: [0, 1e12],
} as const;

/**
 * Brings each value into the range where every formula is finite. Wrong values are refused at the API; this only keeps a value
 * that came round it, such as an objective of 100 %, from turning evidence into NaN.
 */
export function safeParameters(given: JudgeParameters): JudgeParameters {
  const plain = (name: keyof typeof RANGES) => {
    const [low, high] = RANGES[name];
    return within(given[name], low, high) ?? DEFAULT_PARAMETERS[name];
  };
  return {
    falseRollback: plain('falseRollback'),
    falseAccept: plain('falseAccept'),
    margin: plain('margin'),
    latencyMargin: plain('latencyMargin'),
    sloFailureRatio: within(given.sloFailureRatio, SMALLEST_RATIO, LARGEST_RATIO),
    harmlessRatio: within(given.harmlessRatio ?? null, 0, LARGEST_RATIO),
    latencyEdge: given.latencyEdge,
    tolerableFailureRatio: within(given.tolerableFailureRatio, SMALLEST_RATIO, LARGEST_RATIO),
    minFailures: plain('minFailures'),
    minBatches: plain('minBatches'),
    minRequests: plain('minRequests'),
    plannedBatches: Math.round(plain('plannedBatches')),
    dispersion: plain('dispersion'),
    blameWindowMs: plain('blameWindowMs'),
    stepsBack: given.stepsBack,
    calmBefore: given.calmBefore,
    weights: safeWeights(given.weights),
  };
}

function safeWeights({ harm, latency, slo }: TestWeights): TestWeights {
  const safe = {
    harm: within(harm, 0, 1e6) ?? 0,
    latency: within(latency, 0, 1e6) ?? 0,
    slo: within(slo, 0, 1e6) ?? 0,
  };
  // Durations alone may never come, so one of the others must count.
  return safe.harm + safe.slo > 0 ? safe : DEFAULT_PARAMETERS.weights;
}

function within(value: number | null, low: number, high: number): number | null {
  return value === null || Number.isNaN(value) ? null : Math.min(high, Math.max(low, value));
}
