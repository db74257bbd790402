import { type ExperimentContext, initialContext } from '../../../machines/experiment/context.ts';
import type { AdmissionFact } from '../../../machines/experiment/facts.ts';
import { isDoseOver, nextDose, presentDose } from '../../../machines/experiment/look.ts';
import type { Standing } from '../../../machines/experiment/settle.ts';
import { type ChaosExperiment, parseChaosExperiment } from '../../api/chaos-experiment.ts';
import type { Kube } from '../../kube/port.ts';
import type { Clock } from '../../lib/clock.ts';
import { isAppError } from '../../lib/errors.ts';
import { FLOWS_QUERY, type Flow, flowsOf } from '../../metrics/flows.ts';
import type { Questions } from '../../metrics/questions.ts';
import { type AdmissionRequest, admit } from '../../plan/admission.ts';
import { controlPlaneOf, PUSH_ERRORS_QUERY } from '../../plan/control-plane.ts';
import { budgetOf, budgetQuery } from '../../plan/error-budget.ts';
import { type PlannedExperiment, planExperiment } from '../../plan/experiment-plan.ts';
import { WHOLE_SCOPE } from '../../plan/experiment-scope.ts';
import { freezeAt } from '../../plan/freeze.ts';
import { isExclusive, isUnderWay, neighbourOf, type Release } from '../../plan/neighbours.ts';
import { readControlPlane } from '../../routing/control-plane.ts';
import type { FaultProblem } from '../../routing/faults/port.ts';
import { keyOf } from '../key.ts';
import { policyNow, type ReadPolicy } from '../safety-policy.ts';
import type { ExperimentCopies } from './copies.ts';
import { exposureOf, tooMany } from './exposure.ts';
import { neighboursNow } from './neighbourhood.ts';
import { hostsOf } from './places.ts';
import { scopeOf, standingOf } from './record.ts';

/** Where it is asked whether an experiment may inject. */
export interface SafetySources {
  readonly kube: Pick<Kube, 'list'>;
  readonly questions: Questions;
  readonly copies: ExperimentCopies;
  readonly clock: Clock;
}

export interface AskedExperiment extends Standing {
  readonly experiment: ChaosExperiment;
  readonly planned: PlannedExperiment;
  readonly problems: readonly FaultProblem[];
}

/** Whether an experiment may inject, and which releases wait for its end meanwhile. */
export interface Safety {
  readonly admission: AdmissionFact;
  /** Services as `namespace/name`. */
  readonly neighbours: readonly string[];
}

/** Taking a fault away asks nobody. */
const OVER: AdmissionFact = { state: 'unknown', reason: 'Over', message: 'the experiment is over' };

/** Gathers what the policy, the ledger, the locks, the vetoes and the control plane say, and decides. */
export async function safetyOf(sources: SafetySources, asked: AskedExperiment): Promise<Safety> {
  const { kube, questions, copies, clock } = sources;
  const { experiment, planned, state, problems } = asked;
  if (state === 'Recovering') return { admission: OVER, neighbours: experiment.status?.neighbours ?? [] };
  const now = clock.now();
  const { policy, problem } = policyNow(copies.safetyPolicies);
  const answer = questions.ask(FLOWS_QUERY);
  const flows = flowsOf(answer);
  const neighbours = neighboursNow(copies, { experiment, planned, flows });
  const isInjecting = state === 'Injecting';
  const request: AdmissionRequest = {
    ...{ fault: planned.fault, problems, isInjecting, policy },
    running: earlierThan(copies, experiment).map(({ metadata, planned: { fault } }) => ({
      ...{ namespace: metadata.namespace ?? 'default', name: metadata.name, target: fault.target },
    })),
    // A gate is a part of its release, which goes on in a freeze.
    freeze: neighbourOf(experiment).gateOf === null ? freezeAt(policy, now) : null,
    release: releaseBeside(copies, experiment, neighbours),
    tooMany: flows === null ? null : tooManyNow(sources, asked, { policy, flows, now }),
    vetoes: (policy?.vetoes ?? []).map(({ name, query, sourceRef }) => ({
      ...{ name, answer: questions.ask(query, sourceRef) },
    })),
    budgets: isInjecting ? [] : budgetsNow(sources, planned),
    controlPlane: controlPlaneOf(await readControlPlane(kube), questions.ask(PUSH_ERRORS_QUERY)),
    unread: [
      ...(problem === null ? [] : [problem]),
      ...(answer.state === 'unknown' ? [`who calls whom: ${answer.message}`] : []),
    ],
  };
  return { admission: admit(request), neighbours };
}

type Policy = ReadPolicy['policy'];

type Planned = Pick<ChaosExperiment, 'metadata'> & {
  readonly planned: PlannedExperiment;
  readonly context: ExperimentContext;
};

/** Others that were admitted before and have not finished; of two that were admitted at once the one with the lesser key. */
function earlierThan({ experiments }: ExperimentCopies, experiment: ChaosExperiment): readonly Planned[] {
  const rankOf = (one: ChaosExperiment) => `${one.status?.startedAt ?? '~'} ${keyOf(one)}`;
  return experiments
    .list()
    .filter((other) => other.metadata.uid !== experiment.metadata.uid && isUnderWay(other))
    .filter((other) => rankOf(other) < rankOf(experiment))
    .flatMap((other) => {
      const parsed = parseChaosExperiment(other);
      // One that cannot be read has no fault: its own look takes it away.
      if (!parsed.ok) return [];
      const planned = planExperiment(parsed.value, scopeOf(other.status) ?? WHOLE_SCOPE);
      return [{ metadata: other.metadata, planned, context: contextOf(other) }];
    });
}

/** A record of another version is that of somebody who may come to any dose of the ramp. */
function contextOf({ status }: ChaosExperiment): ExperimentContext {
  try {
    return standingOf(status).context;
  } catch (error) {
    if (!isAppError(error, 'ConfigError')) throw error;
    return initialContext;
  }
}

function tooManyNow(
  { copies }: SafetySources,
  { experiment, planned, context }: AskedExperiment,
  { policy, flows, now }: { readonly policy: Policy; readonly flows: readonly Flow[]; readonly now: number },
): string | null {
  if (policy?.limits === undefined) return null;
  const { serviceRequestShare, totalRequestShare } = policy.limits;
  // An earlier one holds what it may still come to; this one asks for what it gives now, or next.
  const ahead = ({ plan }: PlannedExperiment, { doses }: ExperimentContext) =>
    Math.max(...plan.ramp.slice(Math.max(0, doses.length - 1)).map(({ dosePpm }) => dosePpm));
  const due = isDoseOver(context, { at: now, plan: planned.plan }) ? nextDose(context, planned.plan) : undefined;
  const own = due?.dosePpm ?? presentDose(context)?.dosePpm ?? ahead(planned, context);
  return tooMany(copies, {
    ...{ planned, flows },
    own: exposureOf(copies, { metadata: experiment.metadata, planned, context }, { dosePpm: own, now, flows }),
    earlier: earlierThan(copies, experiment).map((other) =>
      exposureOf(copies, other, { dosePpm: ahead(other.planned, other.context), now, flows }),
    ),
    limits: { service: serviceRequestShare / 100, total: totalRequestShare / 100 },
  });
}

/** Releases go on whatever is injected, so it is the experiment that gives way when both have begun. */
function releaseBeside(
  { rollouts }: ExperimentCopies,
  experiment: ChaosExperiment,
  neighbours: readonly string[],
): Release | null {
  const neighbour = { ...neighbourOf(experiment), neighbours };
  const inProgress = rollouts.list().filter(({ status }) => status?.canary !== undefined);
  const releases = inProgress.map(({ metadata, spec }) => ({
    rollout: keyOf({ metadata }),
    service: `${metadata.namespace ?? 'default'}/${spec.service.name}`,
  }));
  return releases.find((release) => isExclusive(release, neighbour)) ?? null;
}

function budgetsNow({ questions, copies }: SafetySources, { steadyState, fault }: PlannedExperiment) {
  if (steadyState === null) return [];
  const promised = {
    namespace: fault.namespace,
    hosts: hostsOf(copies.services, fault.namespace, steadyState.service),
  };
  return steadyState.goals.flatMap((goal) => {
    const query = budgetQuery(goal, promised);
    if (query === null) return [];
    const source = goal.source === null ? undefined : { namespace: fault.namespace, name: goal.source };
    return [budgetOf(goal, questions.ask(query, source))];
  });
}
