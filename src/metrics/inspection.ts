import type { AppError } from '../lib/errors.ts';
import { isAppError } from '../lib/errors.ts';
import { problemOf, UnusableAnswer } from './fleet-reader.ts';

/** Why an objective cannot be judged. `SourceUnavailable` alone may be over by itself: ask again. */
export type InspectionReason =
  | 'MetricUnknown'
  | 'NotACounter'
  | 'SeriesMissing'
  | 'SeriesShared'
  | 'SelectorInvalid'
  | 'BadExceedsTotal'
  | 'EdgeUnknown'
  | 'NativeHistogram'
  | 'SourceUnknown'
  | 'SourceRefused'
  | 'SourceUnavailable';

/** What stands in an objective's way. */
export interface Objection {
  readonly reason: InspectionReason;
  /** Names the field and the cure. */
  readonly message: string;
}

/** Stable's counts in a part of its past. */
export interface PastCounts {
  /** End of the part in ms. */
  readonly at: number;
  readonly requests: number;
  readonly failures: number;
  /** Of the measure `durations`: requests slower than each edge that is tested, in the order of the edges. */
  readonly slower?: readonly number[];
}

/** What was found out about one objective before its release. */
export interface Inspection {
  readonly problem: Objection | null;
  /** What is stable at rest over the last hour, in parts of 15 s, oldest first; parts without requests are left out. */
  readonly past: readonly PastCounts[];
  /** What does not stand in the way but may mean a mistake. */
  readonly warnings: readonly string[];
}

export function refused(reason: InspectionReason, message: string): Inspection {
  return { problem: { reason, message }, past: [], warnings: [] };
}

/** What the source, or the way to it, did wrong. `field` is the one whose query failed. */
export function sourceObjection(error: unknown, name: string, field: string): Objection {
  if (error instanceof UnusableAnswer) {
    return unavailable(
      name,
      error.problem.kind === 'partial' ? `it answers only in part: ${error.problem.reason}` : error.problem.reason,
    );
  }
  return isAppError(error) ? ofAppError(error, name, field) : unavailable(name, problemOf(error).reason);
}

function ofAppError(error: AppError, name: string, field: string): Objection {
  const { reason, said } = error.details as { reason?: string; said?: string };
  switch (error.code) {
    case 'METRICS_BAD_QUERY':
      return {
        reason: 'SelectorInvalid',
        message: `${field}: ${name} refuses the selector: ${said ?? 'it does not say why'}: correct it`,
      };
    case 'METRICS_NOT_A_COUNTER':
      return {
        reason: 'NotACounter',
        message: `${field}: ${name}: ${reason}: take _count or a bucket of its classic form`,
      };
    case 'METRICS_SOURCE_NOT_FOUND':
    case 'METRICS_SOURCE_INVALID':
    case 'METRICS_SECRET_NOT_FOUND':
      return { reason: 'SourceUnknown', message: `sourceRef: ${error.message}` };
    default:
      return isAppError(error, 'ConfigError')
        ? { reason: 'SourceRefused', message: `sourceRef: ${name}: ${reason ?? error.message}` }
        : unavailable(name, reason ?? error.message);
  }
}

function unavailable(name: string, reason: string): Objection {
  return {
    reason: 'SourceUnavailable',
    message: `${name} cannot be read now: ${reason}: it is asked again; check that it runs and can be reached`,
  };
}
