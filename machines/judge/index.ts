export { addBatch } from './add-batch.ts';
export type { Batch } from './batch.ts';
export { type ArmCounts, NO_COUNTS } from './counts.ts';
export { type Dispersion, measureDispersion, type PastBatch } from './dispersion.ts';
export { type ArmLatencies, type LatencyBatch, sharedEdges } from './latency.ts';
export { DEFAULT_PARAMETERS, type JudgeParameters, type TestWeights } from './parameters.ts';
export { type PlaceboReport, placeboReport } from './placebo.ts';
export { requestsToAccept, requestsToRuleOut, secondsToDetect } from './prediction.ts';
export { type ReleaseTimes, type ReleaseVerdict, releaseVerdict } from './release-verdict.ts';
export { beginJudging, type JudgeState } from './state.ts';
export {
  DEFAULT_STEPPING,
  firstWeight,
  forget,
  learn,
  nextWeight,
  type Risk,
  type SteppingParameters,
  UNKNOWN_RISK,
} from './stepping.ts';
export { type Acceptance, type Verdict, type VerdictReason, verdictOf } from './verdict.ts';
export type { Evidence } from './weigh.ts';
