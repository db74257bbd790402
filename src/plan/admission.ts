import type { AdmissionFact } from '../../machines/experiment/facts.ts';
import type { SafetyPolicy } from '../api/safety-policy.ts';
import type { Answer } from '../metrics/questions.ts';
import type { FaultPlan, FaultProblem } from '../routing/faults/port.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Budget } from './error-budget.ts';
import type { Freeze } from './freeze.ts';
import type { Release } from './neighbours.ts';

/** An experiment that may be touching requests. */
export interface RunningExperiment {
  readonly namespace: string;
  readonly name: string;
  readonly target: FaultPlan['target'];
}

/** What the source says to a veto's query. */
export interface Veto {
  readonly name: string;
  readonly answer: Answer;
}

export interface AdmissionRequest {
  readonly fault: FaultPlan;
  /** Requests may be touched already: what only keeps from beginning does not count. */
  readonly isInjecting: boolean;
  /** Null where there is none. */
  readonly policy: Pick<SafetyPolicy['spec'], 'halt' | 'reason' | 'protectedNamespaces'> | null;
  /** Other experiments that were admitted and have not finished. */
  readonly running: readonly RunningExperiment[];
  /** What the API server's objects say against it; empty where they were not looked at. */
  readonly problems: readonly FaultProblem[];
  readonly freeze: Freeze | null;
  /** A release in progress that it would be taken for, or null. */
  readonly release: Release | null;
  /** Why it would touch too many requests, or null. */
  readonly tooMany: string | null;
  readonly vetoes: readonly Veto[];
  /** Of each objective; empty where they were not asked. */
  readonly budgets: readonly Budget[];
  readonly controlPlane: ControlPlane;
  /** What else could not be read. */
  readonly unread: readonly string[];
}

/** For who asks neither metrics nor control plane, and has no release in sight: nothing of it speaks against the experiment. */
export const NOT_ASKED = {
  ...{ isInjecting: false, freeze: null, release: null, tooMany: null },
  ...{ vetoes: [], budgets: [], unread: [] },
  controlPlane: { state: 'ready', message: 'not asked' },
} as const satisfies Partial<AdmissionRequest>;

type Check = (request: AdmissionRequest) => AdmissionFact | null;

/** Whether the experiment may inject now. What no waiting helps against comes first, what is not known last. Pure. */
export function admit(request: AdmissionRequest): AdmissionFact {
  for (const check of CHECKS) {
    const answer = check(request);
    if (answer !== null) return answer;
  }
  return { state: 'allowed', reason: 'Admitted', message: 'admitted' };
}

const halted: Check = ({ policy }) => {
  if (policy?.halt !== true) return null;
  const why = policy.reason === undefined ? '' : `: ${policy.reason}`;
  return denied('Halted', `all experiments are halted by the SafetyPolicy${why}; \`sluice unhalt\` allows new ones`);
};

const guarded: Check = ({ fault: { namespace, target }, policy }) => {
  const found = [namespace, target.namespace].find((name) => policy?.protectedNamespaces?.includes(name));
  return found === undefined
    ? null
    : denied('ProtectedNamespace', `the SafetyPolicy protects namespace ${found} from experiments`);
};

/** A fault of the holder goes when the holder ends: it is waited for, and no reason to give up. */
const refused: Check = (request) => {
  const isOthers = holderOf(request) !== undefined;
  const refusal = request.problems.find(
    ({ severity, reason }) => severity === 'refuse' && !(isOthers && reason === 'FaultHeld'),
  );
  return refusal === undefined ? null : denied(refusal.reason, refusal.message);
};

const spent: Check = ({ budgets }) => {
  const found = budgets.filter(({ state }) => state === 'spent');
  if (found.length === 0) return null;
  const what = found.map(({ message }) => message).join('; ');
  return denied('ErrorBudgetSpent', `the error budget is spent, so that users are not to be troubled further: ${what}`);
};

const held: Check = (request) => {
  const holder = holderOf(request);
  if (holder === undefined) return null;
  const { namespace, service } = request.fault.target;
  const message = `waits for the end of ${holder.namespace}/${holder.name}, which has Service ${namespace}/${service}`;
  return waiting('TargetHeld', message);
};

const besideRelease: Check = ({ release }) =>
  release === null
    ? null
    : waiting(
        'NeighbourHeld',
        `Rollout ${release.rollout} releases Service ${release.service}, a neighbour: one would be taken for the other`,
      );

const frozen: Check = ({ freeze, isInjecting }) =>
  freeze === null || isInjecting ? null : waiting('Frozen', freeze.message);

const exceeding: Check = ({ tooMany }) => (tooMany === null ? null : waiting('ShareExceeded', tooMany));

const vetoed: Check = ({ vetoes }) => {
  const found = vetoes.flatMap(({ name, answer }) =>
    answer.state === 'known' && answer.samples.length > 0 ? [`${name} (${inWords(answer.samples)})`] : [],
  );
  return found.length === 0 ? null : waiting('Vetoed', `vetoes of the SafetyPolicy: ${found.join('; ')}`);
};

const outOfReach: Check = ({ controlPlane: { state, message } }) =>
  state === 'trouble' ? waiting('ControlPlane', message) : null;

const notKnown: Check = ({ vetoes, budgets, controlPlane, unread }) => {
  const messages = [
    ...unread,
    ...vetoes.flatMap(({ name, answer }) => (answer.state === 'unknown' ? [`veto ${name}: ${answer.message}`] : [])),
    ...budgets.flatMap(({ state, message }) => (state === 'unknown' ? [`error budget of ${message}`] : [])),
    ...(controlPlane.state === 'unknown' ? [controlPlane.message] : []),
  ];
  if (messages.length === 0) return null;
  return { state: 'unknown', reason: 'NotKnown', message: `it is not known whether it may: ${messages.join('; ')}` };
};

const CHECKS: readonly Check[] = [
  ...[halted, guarded, refused, spent],
  ...[held, besideRelease, frozen, exceeding, vetoed, outOfReach],
  notKnown,
];

function holderOf({ running, fault: { target } }: AdmissionRequest): RunningExperiment | undefined {
  return running.find(
    (other) => other.target.namespace === target.namespace && other.target.service === target.service,
  );
}

/** As many tell which alert it is. */
const MOST_LABELS = 6;

/** The first series, and how many more there are. */
function inWords(samples: Extract<Answer, { state: 'known' }>['samples']): string {
  const [first] = samples;
  const all = Object.entries(first?.labels ?? {}).map(([name, value]) => `${name}="${value}"`);
  const labels = all.length > MOST_LABELS ? [...all.slice(0, MOST_LABELS), '…'] : all;
  const rest = samples.length > 1 ? ` and ${samples.length - 1} more` : '';
  return `${labels.length === 0 ? `the value ${first?.value}` : `{${labels.join(', ')}}`}${rest}`;
}

function denied(reason: string, message: string): AdmissionFact {
  return { state: 'denied', reason, message };
}

function waiting(reason: string, message: string): AdmissionFact {
  return { state: 'waiting', reason, message };
}
