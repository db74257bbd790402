import { isDeepStrictEqual } from 'node:util';
import { step } from '../../../machines/kernel/step.ts';
import type { AnnounceCommand } from '../../../machines/rollout/announcements.ts';
import { type Command, commandsFor } from '../../../machines/rollout/commands.ts';
import type { RolloutState } from '../../../machines/rollout/desired.ts';
import { routeFor } from '../../../machines/rollout/desired.ts';
import type { Route } from '../../../machines/rollout/facts.ts';
import type { Look } from '../../../machines/rollout/guards.ts';
import { rolloutMachine } from '../../../machines/rollout/machine.ts';
import type { Plan } from '../../../machines/rollout/plan.ts';
import { parseRollout } from '../../api/parse-rollout.ts';
import type { Rollout, RolloutStatus } from '../../api/rollout.ts';
import {
  addFinalizer,
  type EffectPorts,
  FIELD_MANAGER,
  perform,
  removeFinalizer,
} from '../../effects/rollout-effects.ts';
import { kinds } from '../../kube/kinds.ts';
import type { KubeObject, Reflector } from '../../kube/port.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError } from '../../lib/errors.ts';
import { planRollout } from '../../plan/rollout-plan.ts';
import type { EventRecorder } from '../../telemetry/events.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ReconcileResult } from '../result.ts';
import type { RolloutObservation } from './observation.ts';
import { keyOf, type ObserveSources, observe, readRollout } from './observe.ts';
import { type Obstacle, obstacleOf } from './obstacle.ts';
import { nextLookAt, project } from './project.ts';
import { type RolloutRecord, recordOf } from './record.ts';
import { toFacts } from './to-facts.ts';

export interface RolloutReconcilerPorts extends ObserveSources, EffectPorts {
  /** For finding other Rollouts that want the same workload. */
  readonly rollouts: Pick<Reflector<Rollout & KubeObject>, 'list'>;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly log: Log;
}

/** Looks at effects' own results within one reconcile are bounded; the queue brings the rest. */
const MAX_ROUNDS = 8;
/** Something undoes what we do as fast as we do it: no reason to do it faster. */
const RESTLESS_INTERVAL_MS = 1_000;
/** Transitions that one look can cause; more than this would be a cycle in the machine. */
const MAX_TRANSITIONS = 16;

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
    ports.sampler.unfollow(`${namespace}/${name}`);
    ports.judging.forget(`${namespace}/${name}`);
    return { nextLookAt: null };
  }
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
  await writeStatus(ports, rollout, {
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
  const problem = claimProblem(ports, rollout, record) ?? (planned.ok ? null : describe(planned.problems));
  if (problem !== null && !isLeaving) return await settleStalled(ports, observation, record, problem);
  const look: Look = { at, plan: planned.ok ? planned.plan : NO_PLAN, facts: toFacts(observation, record) };
  const decided = decide(record, look, rollout);
  const { state, context } = decided.record;
  // A decision is stored before it is acted upon; what only changed in the telling is stored once, after the effects.
  const stored =
    decided.record === record
      ? rollout
      : await persist(ports, observation, { record: decided.record, look, obstacle: null });
  announce(ports, rollout, decided.announcements);
  const commands = commandsFor(state, context, look);
  const acted = await act(ports, { ...observation, rollout: stored }, { record: decided.record, commands });
  const written = await persist(
    ports,
    { ...observation, rollout: stored },
    { record: acted.record, look, obstacle: acted.obstacle },
  );
  if (acted.obstacle !== null) return { isSettled: true, nextLookAt: at + OBSTACLE_INTERVAL_MS };
  const isSettled = commands.length === 0 && acted.record === record;
  return isSettled
    ? { isSettled, nextLookAt: nextLookAt(record, look) }
    : { isSettled, round: { rollout: written, record: acted.record } };
}

/** Takes the machine as far as this one look leads. Pure. */
function decide(
  record: RolloutRecord,
  look: Look,
  rollout: Rollout,
): { readonly record: RolloutRecord; readonly announcements: readonly AnnounceCommand[] } {
  let snapshot = rolloutMachine.resolveState({ value: record.state, context: record.context });
  const announcements: AnnounceCommand[] = [];
  for (let count = 0; count < MAX_TRANSITIONS; count += 1) {
    const { next, commands } = step<typeof rolloutMachine, AnnounceCommand>(rolloutMachine, snapshot, {
      type: 'LOOKED',
      ...look,
    });
    announcements.push(...commands);
    const isSame = next.value === snapshot.value && isDeepStrictEqual(next.context, snapshot.context);
    snapshot = next;
    if (isSame) return { record: decidedRecord(record, next, look, rollout), announcements };
  }
  throw new AppError('InvariantError', 'MACHINE_CYCLE', 'the rollout machine does not come to rest');
}

function decidedRecord(
  record: RolloutRecord,
  snapshot: ReturnType<typeof rolloutMachine.resolveState>,
  look: Look,
  rollout: Rollout,
): RolloutRecord {
  const state = snapshot.value as RolloutState;
  const { context } = snapshot;
  const atRest = context.release === null && state !== 'Gone';
  const decided: RolloutRecord = {
    state,
    context,
    spec: atRest ? null : isSameRelease(record.context, context) ? (record.spec ?? rollout.spec) : rollout.spec,
    original: atRest ? null : record.original,
    expected: expectedRoutes(state, record, look, context),
  };
  return isDeepStrictEqual(decided, record) ? record : decided;
}

function isSameRelease(before: RolloutRecord['context'], after: RolloutRecord['context']): boolean {
  return before.release?.startedAt === after.release?.startedAt;
}

/** What the route may hold from now on: what it holds (if that is known to be ours) and what is about to be written. */
function expectedRoutes(
  state: RolloutState,
  record: RolloutRecord,
  { plan, facts }: Look,
  context: RolloutRecord['context'],
): readonly Route[] {
  if (context.release === null) return [];
  const wanted = routeFor(state, context, plan);
  // Over a foreign route the present one is nobody's of ours, but what was ours before may come back.
  const known = facts.route.kind === 'foreign' ? record.expected : [facts.route];
  if (wanted === null) return known;
  return [...known.filter((route) => !isDeepStrictEqual(route, wanted)), wanted];
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
      const result = await perform(ports, { rollout, deployment, replicaSets, target, route, original }, command);
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
  await persist(ports, observation, { record, look, obstacle: { isFinal: true, ...problem } });
  return { isSettled: true, nextLookAt: at + OBSTACLE_INTERVAL_MS };
}

function describe(
  problems: readonly { readonly path: string; readonly message: string }[],
): Pick<Obstacle, 'reason' | 'message'> {
  return { reason: 'InvalidSpec', message: problems.map(({ path, message }) => `${path}: ${message}`).join('; ') };
}

/** Two Rollouts that moved the same pods or the same route would undo each other: the older one has them. */
function claimProblem(
  { rollouts }: RolloutReconcilerPorts,
  rollout: Rollout,
  { context }: RolloutRecord,
): Pick<Obstacle, 'reason' | 'message'> | null {
  if (context.release !== null) return null;
  const { workloadRef, service } = rollout.spec;
  const holder = rollouts
    .list(rollout.metadata.namespace)
    .filter(({ metadata }) => metadata.uid !== rollout.metadata.uid && isOlder(metadata, rollout.metadata))
    .find(({ spec }) => spec.workloadRef.name === workloadRef.name || spec.service.name === service.name);
  if (holder === undefined) return null;
  const [field, name] =
    holder.spec.workloadRef.name === workloadRef.name
      ? ['spec.workloadRef.name', `Deployment ${workloadRef.name}`]
      : ['spec.service.name', `Service ${service.name}`];
  const message = `${field}: ${name} belongs to the older Rollout ${holder.metadata.name}: delete one of the two`;
  return { reason: 'AlreadyClaimed', message };
}

function isOlder(a: Rollout['metadata'], b: Rollout['metadata']): boolean {
  const [first, second] = [a, b].map(({ creationTimestamp = '', uid = '' }) => `${creationTimestamp}/${uid}`);
  return (first ?? '') < (second ?? '');
}

/** Only for showing the status of a Rollout whose spec gives no plan; nothing is decided with it. */
const NO_PLAN: Plan = {
  steps: [{ weightBp: 10_000, holdMs: 0 }],
  bakeMs: 0,
  progressDeadlineMs: Number.MAX_SAFE_INTEGER,
  deadlineMs: Number.MAX_SAFE_INTEGER,
  onInconclusive: 'Hold',
  propagationMs: 0,
  drainMs: 0,
};

/** Writes the status where it differs, guarded by the version that the decision was made from. */
async function persist(
  ports: RolloutReconcilerPorts,
  observation: RolloutObservation,
  {
    record,
    look,
    obstacle,
  }: { readonly record: RolloutRecord; readonly look: Look; readonly obstacle: Obstacle | null },
): Promise<Rollout> {
  return await writeStatus(ports, observation.rollout, project({ record, observation, look, obstacle }));
}

async function writeStatus(ports: RolloutReconcilerPorts, rollout: Rollout, status: RolloutStatus): Promise<Rollout> {
  if (isDeepStrictEqual(plain(status), plain(rollout.status))) return rollout;
  const { name, namespace = 'default', resourceVersion } = rollout.metadata;
  const metadata = { name, namespace, ...(resourceVersion !== undefined && { resourceVersion }) };
  const body = { apiVersion: rollout.apiVersion, kind: rollout.kind, metadata, status } as unknown as Rollout;
  return await ports.kube.apply<Rollout>(kinds.rollout, body, {
    fieldManager: FIELD_MANAGER,
    subresource: 'status',
    force: true,
  });
}

/** As the API server would give it back: without undefined fields. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function announce(ports: RolloutReconcilerPorts, rollout: Rollout, announcements: readonly AnnounceCommand[]): void {
  for (const { severity, reason, message } of announcements) {
    ports.log.info({ rollout: keyOf(rollout), reason, detail: message }, 'rollout changed');
    ports.events.record(rollout, { type: severity, reason, message });
  }
}

function warnReplaced(ports: RolloutReconcilerPorts, rollout: Rollout, route: Route): void {
  const message = `a route changed by somebody else was replaced: ${JSON.stringify(route)}`;
  ports.log.warn({ rollout: keyOf(rollout), route }, 'foreign route replaced');
  ports.events.record(rollout, { type: 'Warning', reason: 'ForeignRouteReplaced', message });
}
