import type { AdmissionFact } from '../../machines/experiment/facts.ts';
import type { SafetyPolicy } from '../api/safety-policy.ts';
import type { FaultPlan, FaultProblem } from '../routing/faults/port.ts';

/** An experiment that may be touching requests. */
export interface RunningExperiment {
  readonly namespace: string;
  readonly name: string;
  readonly target: FaultPlan['target'];
}

export interface AdmissionRequest {
  readonly fault: FaultPlan;
  /** Null where there is none. */
  readonly policy: SafetyPolicy['spec'] | null;
  /** Other experiments that were admitted and have not finished. */
  readonly running: readonly RunningExperiment[];
  /** Fields of its spec that cannot be followed. */
  readonly unsupported: readonly string[];
  /** What the API server's objects say against it; empty where they were not looked at. */
  readonly problems: readonly FaultProblem[];
}

/** Whether the experiment may inject now. Pure. */
export function admit({ fault, policy, running, problems, unsupported }: AdmissionRequest): AdmissionFact {
  const { namespace, target } = fault;
  if (policy?.halt === true) {
    const why = policy.reason === undefined ? '' : `: ${policy.reason}`;
    return denied('Halted', `all experiments are halted by the SafetyPolicy${why}; \`sluice unhalt\` allows new ones`);
  }
  const guarded = [namespace, target.namespace].find((name) => policy?.protectedNamespaces?.includes(name));
  if (guarded !== undefined) {
    return denied('ProtectedNamespace', `the SafetyPolicy protects namespace ${guarded} from experiments`);
  }
  if (unsupported.length > 0) return denied('NotSupported', unsupported.join('; '));
  const holder = running.find(
    (other) => other.target.namespace === target.namespace && other.target.service === target.service,
  );
  // A fault of the holder goes when the holder ends: it is waited for, and no reason to give up.
  const refusal = problems.find(
    ({ severity, reason }) => severity === 'refuse' && !(holder !== undefined && reason === 'FaultHeld'),
  );
  if (refusal !== undefined) return denied(refusal.reason, refusal.message);
  if (holder !== undefined) {
    const message = `waits for the end of ${holder.namespace}/${holder.name}, which has Service ${target.namespace}/${target.service}`;
    return { state: 'waiting', reason: 'TargetHeld', message };
  }
  return { state: 'allowed', reason: 'Admitted', message: 'admitted' };
}

function denied(reason: string, message: string): AdmissionFact {
  return { state: 'denied', reason, message };
}
