export { addBatch } from './add-batch.ts';
export type { Batch } from './batch.ts';
export type { ArmCounts } from './counts.ts';
export { MOST_DISPERSION, measureDispersion, type PastBatch } from './dispersion.ts';
export type { LatencyBatch } from './latency.ts';
export { outlookInWords } from './outlook.ts';
export { DEFAULT_PARAMETERS, type JudgeParameters } from './parameters.ts';
export { requestsToAccept } from './prediction.ts';
export { addToProgress, allowedWeight, NO_PROGRESS, type Progress, type Rules } from './progress.ts';
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
export { tolerableRatio } from './tolerance.ts';
export { type Verdict, verdictOf } from './verdict.ts';
export { grouped, oddsInWords, percent, spanInWords } from './words.ts';
export { worstVerdict } from './worst.ts';
