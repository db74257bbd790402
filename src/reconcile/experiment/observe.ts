import { type ExperimentContext, measuredDose } from '../../../machines/experiment/context.ts';
import type { AdmissionFact, ExperimentFacts } from '../../../machines/experiment/facts.ts';
import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kube } from '../../kube/port.ts';
import type { Evidence } from '../../metrics/port.ts';
import { coverageInWords, coverageQuery } from '../../plan/coverage.ts';
import { doseSubject, type PlannedExperiment, planExperiment, steadySubject } from '../../plan/experiment-plan.ts';
import { type ExperimentScope, WHOLE_SCOPE } from '../../plan/experiment-scope.ts';
import { hasSidecar } from '../../routing/faults/inspect.ts';
import type { FaultReading, Faults } from '../../routing/faults/port.ts';
import { keyOf } from '../key.ts';
import type { ExperimentCopies } from './copies.ts';
import {
  doseInWords,
  isDoseProven,
  isWireClean,
  lateTouches,
  ownFlags,
  SETTLING_MS,
  type SeenDose,
  seenSince,
} from './dose.ts';
import type { Following } from './following.ts';
import { callersOf, hostsOf, podsWith } from './places.ts';
import type { Projected } from './project.ts';
import { type SafetySources, safetyOf } from './safety.ts';
import { scopeNow } from './scope.ts';
import { shareEnd } from './share-end.ts';
import { PAST_MS, steadyRuleOf } from './steady-rule.ts';
import { type SteadyState, steadyStateOf, worstOf } from './steady-state.ts';

/** Where observations come from. */
export interface ObserveSources extends SafetySources {
  readonly kube: Kube;
  readonly faults: Faults;
  readonly following: Following;
  readonly copies: ExperimentCopies;
}

export interface Observation {
  readonly planned: PlannedExperiment;
  /** What the versions of the spec stand for; null while that is not known. */
  readonly scope: ExperimentScope | null;
  readonly reading: FaultReading;
  /** Services whose releases wait for its end, as `namespace/name`. */
  readonly neighbours: readonly string[];
  /** Which callers a fault can touch at all, in words. */
  readonly coverage: string;
  readonly facts: ExperimentFacts;
}

/** Reads all that one look needs. */
export async function observe(
  sources: ObserveSources,
  experiment: ChaosExperiment,
  { state, context, scope: kept }: Omit<Projected, 'neighbours' | 'coverage'>,
): Promise<Observation> {
  const { kube, faults, copies } = sources;
  const seenScope = scopeNow(copies, experiment, { kept, state });
  const { scope } = seenScope;
  const planned = planExperiment(experiment, scope ?? WHOLE_SCOPE);
  const { target } = planned.fault;
  const isBefore = state === 'Pending' || state === 'Baseline' || state === 'Arming';
  const targetRef = { kind: kinds.service, namespace: target.namespace, name: target.service };
  const [reading, problems, hasTarget] = await Promise.all([
    faults.read(planned.fault),
    isBefore && scope !== null ? faults.inspect(planned.fault) : [],
    // Where it cannot be read, a fault must go all the same: only what is known to be gone is.
    kube.get(targetRef).then(
      (service) => service !== undefined,
      () => true,
    ),
  ]);
  const callers = callersOf(copies.pods, planned);
  const dose = followDose(sources, { experiment, planned, callers, context });
  const steady = followSteadyState(sources, { experiment, planned, context });
  const safety = await safetyOf(sources, { experiment, planned, state, context, problems });
  const facts: ExperimentFacts = {
    deleting: experiment.metadata.deletionTimestamp !== undefined,
    end:
      endOf(experiment, { isBefore, hasTarget, callers: callers.length }) ??
      seenScope.end ??
      (dose === null ? null : shareEnd(planned, { state, context }, { at: sources.clock.now(), evidence: dose })),
    admission: withScope(seenScope.admission, safety.admission),
    fault: {
      exists: reading.exists,
      dosePpm: reading.dosePpm,
      isForeign: reading.isForeign,
      fuses: reading.fuses.map(({ number, expiresAt, isOwner }) => ({ number, expiresAt, isOwner })),
    },
    ...measured(planned, context, { dose, steady }),
    isClean:
      dose === null || context.goneAt === null ? null : isWireClean(dose, context.goneAt, baselineOf(context, dose)),
    evidence: worst([...(dose === null ? [] : [dose]), ...steady.map(({ evidence }) => evidence)]),
  };
  return { planned, scope, reading, neighbours: safety.neighbours, coverage: coverageOf(sources, planned), facts };
}

/** Callers without a sidecar go past every fault: nobody must take a small part of the traffic for all of it. */
function coverageOf({ copies, questions }: ObserveSources, { fault }: PlannedExperiment): string {
  const { target, namespace, callers } = fault;
  const pods = podsWith(copies.pods, namespace, callers ?? {});
  const without = pods.filter((pod) => !hasSidecar(pod)).length;
  const hosts = hostsOf(copies.services, target.namespace, target.service);
  const arrived = coverageInWords(questions.ask(coverageQuery({ namespace: target.namespace, hosts })));
  return `${pods.length} pods, ${without} of them without a sidecar; ${arrived}`;
}

/** A refusal weighs more than what is not known yet. */
function withScope(unresolved: AdmissionFact | null, answer: AdmissionFact): AdmissionFact {
  return unresolved === null || answer.state === 'denied' ? answer : unresolved;
}

/** The part of the facts that is about the dose measured last, or the baseline. */
function measured(
  { isShare, plan, flags }: PlannedExperiment,
  context: ExperimentContext,
  { dose, steady }: { readonly dose: Evidence | null; readonly steady: readonly FollowedObjective[] },
): Pick<ExperimentFacts, 'measuredFrom' | 'dose' | 'steadyState'> {
  const about = measuredDose(context);
  const from = about?.since ?? context.startedAt ?? Number.POSITIVE_INFINITY;
  const until = about?.until ?? Number.POSITIVE_INFINITY;
  const inWindow = ({ at }: { readonly at: number }) => at > from && at <= until;
  const share = isShare && about !== null ? about.dosePpm / 1_000_000 : null;
  const ofDose = (dose?.batches ?? []).filter(inWindow);
  const late = context.ended === null ? [] : lateTouches(dose?.batches ?? [], until);
  const seen = seenSince([...ofDose, ...late], from);
  // Only scrapes that hold nothing of the dose before can tell whether the share is right.
  const settled = seenSince(ofDose, from + SETTLING_MS);
  const testing = { startedAt: context.startedAt ?? 0, objectives: steady.length, doses: plan.ramp.length };
  const states = steady.map(
    ({ goal, evidence: { batches } }): SteadyState =>
      steadyStateOf(steadyRuleOf(goal, batches, testing), batches.filter(inWindow)),
  );
  const joint = worstOf(states);
  return {
    measuredFrom: about?.since ?? null,
    dose: {
      ...seen,
      isProven: about === null ? null : isDoseProven(settled, share, ownFlags(flags, baselineOf(context, dose))),
      message: doseInWords(settled, share),
    },
    steadyState: joint === null ? null : { kind: joint.kind, message: states.map(({ message }) => message).join('; ') },
  };
}

/** What was flagged before a dose was decided. */
function baselineOf({ startedAt, injectedAt }: ExperimentContext, dose: Evidence | null): SeenDose {
  const before = (dose?.batches ?? []).filter(({ at }) => injectedAt === null || at <= injectedAt);
  return seenSince(before, startedAt ?? 0);
}

function followDose(
  { following, copies }: ObserveSources,
  {
    experiment,
    planned,
    callers,
    context,
  }: {
    readonly experiment: ChaosExperiment;
    readonly planned: PlannedExperiment;
    readonly callers: readonly string[];
    readonly context: ExperimentContext;
  },
): Evidence | null {
  if (context.startedAt === null) return null;
  const { target } = planned.fault;
  const hosts = hostsOf(copies.services, target.namespace, target.service);
  const subject = doseSubject(planned, { hosts, workloads: callers, since: context.startedAt });
  return following.follow(keyOf(experiment), 'dose', subject);
}

interface FollowedObjective {
  readonly goal: NonNullable<PlannedExperiment['steadyState']>['goals'][number];
  /** From the past on, by which it is told how bursty failures are. */
  readonly evidence: Evidence;
}

function followSteadyState(
  { following, copies }: ObserveSources,
  {
    experiment,
    planned,
    context,
  }: { readonly experiment: ChaosExperiment; readonly planned: PlannedExperiment; readonly context: ExperimentContext },
): readonly FollowedObjective[] {
  const { steadyState, fault } = planned;
  if (steadyState === null || context.startedAt === null) return [];
  const since = context.startedAt - PAST_MS;
  const place = { namespace: fault.namespace, service: steadyState.service };
  const hosts = hostsOf(copies.services, place.namespace, place.service);
  return steadyState.goals.map((goal) => {
    const subject = steadySubject(planned, { service: steadyState.service, goal, hosts, since });
    return { goal, evidence: following.follow(keyOf(experiment), goal.name, subject) };
  });
}

function endOf(
  { spec }: ChaosExperiment,
  {
    isBefore,
    hasTarget,
    callers,
  }: { readonly isBefore: boolean; readonly hasTarget: boolean; readonly callers: number },
): ExperimentFacts['end'] {
  if (spec.stop === true) return { reason: 'StopRequested', message: 'an operator asked to stop' };
  // Before anything is injected the inspection says it, with its cure.
  if (isBefore) return null;
  if (!hasTarget) return { reason: 'TargetGone', message: 'the target Service was deleted' };
  return callers === 0 ? { reason: 'CallersGone', message: 'no pod of the callers is left' } : null;
}

const BADNESS: Readonly<Record<Evidence['state'], number>> = { fresh: 0, starting: 1, stale: 2, down: 3 };

function worst(all: readonly Evidence[]): ExperimentFacts['evidence'] {
  const none: ExperimentFacts['evidence'] = { state: 'starting', message: 'nothing is watched yet' };
  const [first = none, ...rest] = all;
  const { state, message } = rest.reduce<ExperimentFacts['evidence']>(
    (worse, one) => (BADNESS[one.state] > BADNESS[worse.state] ? one : worse),
    first,
  );
  return { state, message };
}
