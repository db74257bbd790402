import type { Objective, RolloutSpec } from '../api/rollout.ts';
import { parseDuration } from '../lib/duration.ts';
import { DEFAULT_FAILURES, type FailureRule, type Measure } from '../metrics/port.ts';

/** What one objective asks for, in the terms of sampler and judge. */
export interface Goal {
  readonly name: string;
  readonly measure: Measure;
  /** MetricsSource in the Rollout's namespace; null is the controller's own. */
  readonly source: string | null;
  /** Share of failures that the objective allows, from 0 to 1. */
  readonly allowedRatio: number;
  /** The field that says how much is allowed, below `spec.objectives[i]`. */
  readonly field: string;
  /** Percent that the field says. */
  readonly percent: number;
}

/**
 * What an objective asks for; null for one that only names another object, which must be resolved first.
 */
export function goalOf(objective: Objective, analysis: Pick<RolloutSpec['analysis'], 'sourceRef'>): Goal | null {
  const { name, requests, prometheus } = objective;
  if (prometheus !== undefined) {
    const { bad, total, ratio, sourceRef } = prometheus;
    const goal = { name, measure: { kind: 'counters', bad, total } as const, source: sourceRef?.name ?? null };
    return { ...goal, ...allowed(ratio, 'prometheus.ratio') };
  }
  if (requests === undefined) return null;
  const source = analysis.sourceRef?.name ?? null;
  const { successRatio, under, ratio, failures } = requests;
  if (under !== undefined && ratio !== undefined) {
    const measure = { kind: 'durations', underMs: parseDuration(under) ?? Number.NaN } as const;
    return { name, measure, source, ...allowed(ratio, 'requests.ratio') };
  }
  const measure = { kind: 'requests', failures: failureRuleOf(failures) } as const;
  return { name, measure, source, ...allowed(successRatio ?? 100, 'requests.successRatio') };
}

/** Every objective of a spec whose references were resolved. */
export function goalsOf(spec: RolloutSpec): readonly Goal[] {
  return spec.objectives.map((objective) => goalOf(objective, spec.analysis)).filter((goal) => goal !== null);
}

/** Codes of gRPC by the names that users write. */
export const GRPC_CODES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

function failureRuleOf(failures: NonNullable<Objective['requests']>['failures']): FailureRule {
  return {
    httpStatus: failures?.httpStatus ?? DEFAULT_FAILURES.httpStatus,
    grpcStatus: failures?.grpcStatus?.map((name) => String(GRPC_CODES.indexOf(name))) ?? DEFAULT_FAILURES.grpcStatus,
  };
}

function allowed(percent: number, field: string): Pick<Goal, 'allowedRatio' | 'field' | 'percent'> {
  return { allowedRatio: failurePercent(percent) / 100, field, percent };
}

/** 100 − ratio without the noise of binary fractions: 0.1 for 99.9. */
export function failurePercent(successPercent: number): number {
  return Number((100 - successPercent).toFixed(9));
}
