import { type Command, commandsFor } from '../../../machines/rollout/commands.ts';
import type { PreflightFact } from '../../../machines/rollout/facts.ts';
import { isReleaseWanted, type Look } from '../../../machines/rollout/guards.ts';
import type { Plan } from '../../../machines/rollout/plan.ts';
import { parseRollout } from '../../api/parse-rollout.ts';
import type { Rollout } from '../../api/rollout.ts';
import type { EvidenceRecords } from '../../effects/evidence-records.ts';
import { addFinalizer, type EffectPorts, perform, removeFinalizer } from '../../effects/rollout-effects.ts';
import { kinds } from '../../kube/kinds.ts';
import type { KubeObject, Reflector } from '../../kube/port.ts';
import type { Clock } from '../../lib/clock.ts';
import { isAppError } from '../../lib/errors.ts';
import { planRollout } from '../../plan/rollout-plan.ts';
import { keyOf } from '../key.ts';
import type { ReconcileResult } from '../result.ts';
import { writeStatus } from '../write-status.ts';
import { claimProblem } from './claims.ts';
import { decide, type Next } from './decide.ts';
import { keepEvidence } from './evidence.ts';
import type { RolloutObservation } from './observation.ts';
import { type ObserveSources, observe, readRollout } from './observe.ts';
import { type Obstacle, obstacleOf } from './obstacle.ts';
import { ASK_AGAIN_MS, type Preflight, type PreflightAnswer } from './preflight.ts';
import { nextLookAt } from './project.ts';
import { type RolloutRecord, recordOf } from './record.ts';
import { persist } from './store-status.ts';
import { announce, type TellingPorts, tellTrouble, warn, warnReplaced } from './telling.ts';
import { toFacts } from './to-facts.ts';

export interface RolloutReconcilerPorts extends ObserveSources, EffectPorts, TellingPorts {
  /** For finding other Rollouts that want the same workload. */
  readonly rollouts: Pick<Reflector<Rollout & KubeObject>, 'list'>;
  readonly preflight: Preflight;
  /** Stands for the content of all objects of a namespace that objectives may name. */
  readonly named: (namespace: string) => string;
  /** Where the evidence of releases is kept. */
  readonly evidenceRecords: EvidenceRecords;
  readonly clock: Clock;
}

/** Looks at effects' own results within one reconcile are bounded; the queue brings the rest. */
const MAX_ROUNDS = 8;
/** Something undoes what we do as fast as we do it: no reason to do it faster. */
const RESTLESS_INTERVAL_MS = 1_000;

/** What one round works on; nothing is kept between rounds that is not in here or in the cluster. */
interface Round {
  readonly rollout: Rollout;
  readonly record: RolloutRecord;
}

/**
 * Brings one Rollout a bit further: look, decide, write the decision down, act, look again. The decision is stored before it is acted
 * upon, guarded by the version that was read, so two workers cannot act on different decisions and a killed one leaves its intention behind.
 */
export async function reconcileRollout(
  ports: RolloutReconcilerPorts,
  namespace: string,
  name: string,
): Promise<ReconcileResult> {
  const found = await readRollout(ports.kube, namespace, name);
  if (found === undefined) {
    forget(ports, `${namespace}/${name}`);
    return { nextLookAt: null };
  }
  try {
    return await bringOn(ports, found);
  } catch (error) {
    const isMissing = isAppError(error) && error.code === 'NOT_FOUND';
    if (!isMissing || (await readRollout(ports.kube, namespace, name)) !== undefined) throw error;
    // It was deleted under our hands: there is nothing left that could go wrong.
    forget(ports, `${namespace}/${name}`);
    return { nextLookAt: null };
  }
}

async function bringOn(ports: RolloutReconcilerPorts, found: Rollout): Promise<ReconcileResult> {
  const entered = enter(found);
  if ('unreadable' in entered) return await settleUnreadable(ports, found, entered.unreadable);
  let round: Round = { ...entered, rollout: await addFinalizer(ports.kube, entered.rollout) };
  for (let count = 0; count < MAX_ROUNDS; count += 1) {
    const outcome = await runRound(ports, round);
    if (outcome.isSettled) return { nextLookAt: outcome.nextLookAt };
    round = outcome.round;
  }
  return { nextLookAt: ports.clock.now() + RESTLESS_INTERVAL_MS };
}

/**
 * What this controller can work with, or why it cannot read the Rollout. A release in progress goes on by the spec that it began with,
 * whatever was done to the object since: the way back must not depend on it.
 */
function enter(found: Rollout): Round | { readonly unreadable: Obstacle } {
  try {
    const record = recordOf(found.status);
    const parsed = parseRollout(found);
    if (parsed.ok) return { rollout: parsed.rollout, record };
    if (record.spec !== null) return { rollout: { ...found, spec: record.spec }, record };
    const message = parsed.problems.map(({ path, message: what }) => `${path}: ${what}`).join('; ');
    return { unreadable: { isFinal: true, reason: 'InvalidSpec', message } };
  } catch (error) {
    const unreadable = obstacleOf(error);
    if (unreadable === null) throw error;
    return { unreadable };
  }
}

/** Says in status what is wrong and leaves everything else in it as it is. */
async function settleUnreadable(
  ports: RolloutReconcilerPorts,
  rollout: Rollout,
  { reason, message }: Obstacle,
): Promise<ReconcileResult> {
  if (rollout.metadata.deletionTimestamp !== undefined) {
    // There is nothing that this version could put in order, and nobody may be kept from deleting.
    await removeFinalizer(ports.kube, rollout);
    return { nextLookAt: null };
  }
  const { generation = 0 } = rollout.metadata;
  const before = rollout.status?.conditions ?? [];
  const at = new Date(ports.clock.now()).toISOString();
  const conditions = (['Ready', 'Stalled'] as const).map((type) => {
    const status = type === 'Ready' ? ('False' as const) : ('True' as const);
    const old = before.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : at;
    return { type, status, reason, message, lastTransitionTime, observedGeneration: generation };
  });
  await writeStatus(ports.kube, kinds.rollout, rollout, {
    ...rollout.status,
    observedGeneration: generation,
    phase: 'Stalled',
    message,
    conditions,
  });
  return { nextLookAt: null };
}

type RoundOutcome =
  | { readonly isSettled: true; readonly nextLookAt: number | null }
  | { readonly isSettled: false; readonly round: Round };

async function runRound(ports: RolloutReconcilerPorts, { rollout, record }: Round): Promise<RoundOutcome> {
  const at = ports.clock.now();
  const planned = planRollout(record.spec ?? rollout.spec);
  const observation = await observe(ports, rollout, record, at);
  const isLeaving = rollout.metadata.deletionTimestamp !== undefined;
  const problem = claimOf(ports, { rollout, record }) ?? (planned.ok ? null : describe(planned.problems));
  if (problem !== null && !isLeaving) return await settleStalled(ports, observation, record, problem);
  const preflight = askPreflight(ports, observation, record);
  const facts = toFacts(observation, record, factOf(preflight));
  const look: Look = { at, plan: planned.ok ? planned.plan : NO_PLAN, facts };
  const isPassed = preflight?.state === 'passed';
  const next = isPassed ? pinnedBy(preflight) : { spec: rollout.spec, baselines: {} };
  const decided = decide(record, look, next);
  const { state, context } = decided.record;
  // A decision is stored before it is acted upon; what only changed in the telling is stored once, after the effects.
  const stored =
    decided.record === record
      ? rollout
      : await persist(ports.kube, observation, { record: decided.record, look, obstacle: null });
  announce(ports, rollout, decided.announcements);
  tellTrouble(ports, rollout, stored);
  if (isPassed && hasBegun(record, decided.record)) warn(ports, rollout, preflight.warnings);
  const commands = commandsFor(state, context, look);
  const acted = await act(ports, { ...observation, rollout: stored }, { record: decided.record, commands });
  // Without its finalizer a Rollout that is being deleted is no longer there to say anything.
  if (commands.some(({ kind }) => kind === 'LetGo') && acted.obstacle === null)
    return { isSettled: true, nextLookAt: null };
  const written = await persist(
    ports.kube,
    { ...observation, rollout: stored },
    { record: acted.record, look, obstacle: acted.obstacle },
  );
  tellTrouble(ports, stored, written);
  keepEvidence(ports.evidenceRecords, { observation, record: acted.record, at });
  if (acted.obstacle !== null) return { isSettled: true, nextLookAt: at + OBSTACLE_INTERVAL_MS };
  const isSettled = commands.length === 0 && acted.record === record;
  return isSettled
    ? { isSettled, nextLookAt: nextLook(record, look, preflight) }
    : { isSettled, round: { rollout: written, record: acted.record } };
}

function hasBegun({ context: before }: RolloutRecord, { context: after }: RolloutRecord): boolean {
  return after.release?.startedAt !== before.release?.startedAt;
}

function pinnedBy({ spec, baselines }: Extract<PreflightAnswer, { state: 'passed' }>): Next {
  return { spec, baselines };
}

function factOf(answer: PreflightAnswer | null): PreflightFact | undefined {
  if (answer === null) return undefined;
  return answer.state === 'passed' ? { state: 'passed', requestRate: answer.requestRate } : answer;
}

/** Asks whether the objectives of a release that is wanted can be judged; null where none is. */
function askPreflight(
  ports: RolloutReconcilerPorts,
  observation: RolloutObservation,
  record: RolloutRecord,
): PreflightAnswer | null {
  const { rollout } = observation;
  const { context } = record;
  const key = keyOf(rollout);
  const facts = toFacts(observation, record);
  const isOpen = context.release === null || context.release.outcome !== null;
  if (!isOpen || context.stable === null || facts.workload === null || !isReleaseWanted(context, facts)) {
    ports.preflight.forget(key);
    return null;
  }
  const namespace = rollout.metadata.namespace ?? 'default';
  const place = { namespace, stable: context.stable, canary: facts.workload.revision, since: null };
  return ports.preflight.ask(key, { spec: rollout.spec, place, named: ports.named(namespace) });
}

/** A release that must not begin yet is asked about again before anything else would be due. */
function nextLook(record: RolloutRecord, look: Look, preflight: PreflightAnswer | null): number | null {
  const { embargo } = look.facts;
  const due = earlier(nextLookAt(record, look), embargo?.until ?? null);
  return preflight === null || preflight.state === 'passed' || due === null
    ? due
    : Math.min(due, look.at + ASK_AGAIN_MS);
}

function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

function forget(ports: RolloutReconcilerPorts, key: string): void {
  ports.following.unfollow(key);
  ports.judging.forget(key);
  ports.preflight.forget(key);
  ports.evidenceRecords.forget(key);
}

interface Acted {
  readonly record: RolloutRecord;
  readonly obstacle: Obstacle | null;
}

/** Performs the commands in order. What the user can cure becomes an obstacle in status; everything else is thrown for the queue to retry. */
async function act(
  ports: RolloutReconcilerPorts,
  observation: RolloutObservation,
  { record, commands }: { readonly record: RolloutRecord; readonly commands: readonly Command[] },
): Promise<Acted> {
  let { original } = record;
  const { rollout, deployment, replicaSets, target, route } = observation;
  for (const command of commands) {
    try {
      const subject = { rollout, deployment, replicaSets, target, route, original, spec: record.spec };
      const result = await perform(ports, subject, command);
      if (result.original !== undefined) original = result.original;
    } catch (error) {
      const obstacle = obstacleOf(error);
      if (obstacle === null) throw error;
      ports.log.warn({ rollout: keyOf(rollout), command, err: error }, 'command refused');
      return { record: { ...record, original }, obstacle };
    }
    ports.log.debug({ rollout: keyOf(rollout), command }, 'command performed');
    if (command.kind === 'WriteRoute' && command.replacesForeign) warnReplaced(ports, rollout, command.route);
  }
  return { record: original === record.original ? record : { ...record, original }, obstacle: null };
}

/** How long an obstacle is left alone when nothing that is watched changes. */
const OBSTACLE_INTERVAL_MS = 15_000;

async function settleStalled(
  ports: RolloutReconcilerPorts,
  observation: RolloutObservation,
  record: RolloutRecord,
  problem: Pick<Obstacle, 'reason' | 'message'>,
): Promise<RoundOutcome> {
  const at = ports.clock.now();
  const look: Look = { at, plan: NO_PLAN, facts: toFacts(observation, record) };
  await persist(ports.kube, observation, { record, look, obstacle: { isFinal: true, ...problem } });
  return { isSettled: true, nextLookAt: at + OBSTACLE_INTERVAL_MS };
}

/** Once a release has begun the claim is settled: the way back must not depend on another object. */
function claimOf({ rollouts }: RolloutReconcilerPorts, { rollout, record }: Round): ReturnType<typeof claimProblem> {
  return record.context.release === null ? claimProblem(rollouts.list(rollout.metadata.namespace), rollout) : null;
}

function describe(
  problems: readonly { readonly path: string; readonly message: string }[],
): Pick<Obstacle, 'reason' | 'message'> {
  return { reason: 'InvalidSpec', message: problems.map(({ path, message }) => `${path}: ${message}`).join('; ') };
}

/** Only for showing the status of a Rollout whose spec gives no plan; nothing is decided with it. */
const NO_PLAN: Plan = {
  stepping: { kind: 'fixed', steps: [{ weightBp: 10_000, holdMs: 0 }] },
  gates: [],
  bakeMs: 0,
  progressDeadlineMs: Number.MAX_SAFE_INTEGER,
  deadlineMs: Number.MAX_SAFE_INTEGER,
  onInconclusive: 'Hold',
  propagationMs: 0,
  drainMs: 0,
};
