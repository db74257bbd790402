export { type ArmCounts, type Batch, NO_COUNTS } from './counts.ts';
export { DEFAULT_PARAMETERS, type JudgeParameters } from './parameters.ts';
export { addBatch, beginJudging, type JudgeState } from './state.ts';
export { type Verdict, type VerdictReason, verdictOf } from './verdict.ts';
export type { Evidence } from './weigh.ts';
