import type { FailureRule, FaultFlag } from './port.ts';

/** What a request counts as. `excluded`: it says nothing about a version, such as one that a fault of the mesh answered. */
export type Outcome = 'ok' | 'failure' | 'excluded';

/** Envoy's flags for an injected abort, a local rate limit, and an injected delay. */
const FAULT_ABORT = 'FI';
const RATE_LIMITED = 'RL';
const FAULT_DELAY = 'DI';
/** Envoy's flag for a client that went away: code 0 and often no fault of the server. */
const CLIENT_GONE = 'DC';

/**
 * What the requests of a series with these labels count as. A client that went away after the answer began is a request, but no failure;
 * one that waited in vain says nothing: a version that hangs must not look like one that answers. No answer at all (code
 * 0) and a code of no known class (600 and above) are failures under every rule.
 */
export function outcomeOf(labels: Readonly<Record<string, string>>, { httpStatus, grpcStatus }: FailureRule): Outcome {
  const flags = flagsOf(labels);
  if (flags.includes(FAULT_ABORT) || flags.includes(RATE_LIMITED)) return 'excluded';
  const code = labels['response_code'] ?? '';
  if (flags.includes(CLIENT_GONE)) return code === '0' ? 'excluded' : 'ok';
  if (code === '0' || Number(code) >= 600) return 'failure';
  const isHttpFailure = httpStatus.includes(code) || (/^\d{3}$/.test(code) && httpStatus.includes(`${code[0]}xx`));
  return isHttpFailure || grpcStatus.includes(labels['grpc_response_status'] ?? '') ? 'failure' : 'ok';
}

/** What the requests of a series count as where faults are counted: a failure is one that a fault touched. */
export function touchedBy(labels: Readonly<Record<string, string>>, flags: readonly FaultFlag[]): Outcome {
  const seen = flagsOf(labels);
  return flags.some((flag) => seen.includes(flag)) ? 'failure' : 'ok';
}

/** Whether the durations of these requests are the version's own: neither cut short nor delayed by a fault of the mesh. */
export function isTimed(labels: Readonly<Record<string, string>>): boolean {
  const flags = flagsOf(labels);
  return ![FAULT_ABORT, RATE_LIMITED, FAULT_DELAY].some((flag) => flags.includes(flag));
}

function flagsOf(labels: Readonly<Record<string, string>>): readonly string[] {
  return (labels['response_flags'] ?? '').split(',');
}
