export { addBatch } from './add-batch.ts';
export type { Batch } from './batch.ts';
export type { ArmCounts } from './counts.ts';
export { measureDispersion } from './dispersion.ts';
export type { LatencyBatch } from './latency.ts';
export { DEFAULT_PARAMETERS, type JudgeParameters } from './parameters.ts';
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
export { type Verdict, verdictOf } from './verdict.ts';
