import type { ChaosExperiment } from '../../api/chaos-experiment.ts';
import { type ChaosSchedule, type ChaosScheduleStatus, parseChaosSchedule } from '../../api/chaos-schedule.ts';
import { kinds } from '../../kube/kinds.ts';
import type { Kube, KubeObject } from '../../kube/port.ts';
import type { Clock } from '../../lib/clock.ts';
import { parseDuration } from '../../lib/duration.ts';
import { AppError, isAppError } from '../../lib/errors.ts';
import { decideSchedule, type Schedule, type ScheduleDecision, type ScheduledRun } from '../../plan/schedule.ts';
import { createTicks } from '../../plan/ticks.ts';
import { MANAGER } from '../../routing/own-object.ts';
import type { EventRecorder } from '../../telemetry/events.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ReconcileResult } from '../result.ts';
import { writeStatus } from '../write-status.ts';

export interface ScheduleReconcilerPorts {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly log: Log;
}

type Found = ChaosSchedule & KubeObject;
type Experiment = ChaosExperiment & KubeObject;

/** Of an experiment that a schedule made: the tick, in ms since the epoch. */
const TICK_ANNOTATION = 'sluice.dev/tick';
const WRITER = { fieldManager: MANAGER } as const;

/** One reconcile. Every way through it gives a next look, so that no schedule sleeps for ever. */
export async function reconcileSchedule(
  ports: ScheduleReconcilerPorts,
  namespace: string,
  name: string,
): Promise<ReconcileResult> {
  const { kube, clock } = ports;
  const found = await kube.get<Found>({ kind: kinds.chaosSchedule, namespace, name });
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) return { nextLookAt: null };
  const parsed = parseChaosSchedule(found);
  if (!parsed.ok) {
    const problems = parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new AppError('ConfigError', 'SCHEDULE_INVALID', problems);
  }
  const schedule = parsed.value;
  // From the server: a copy that lags would not show the run that the last look has made.
  const { items } = await kube.list<Experiment>(kinds.chaosExperiment, { namespace });
  const runs = items.flatMap((experiment) => runOf(found, experiment) ?? []);
  const decision = decideSchedule(readable(schedule), runs, clock.now());
  await carryOut(ports, found, schedule, decision);
  await writeStatus(kube, kinds.chaosSchedule, found, statusOf(schedule, decision, clock.now()));
  return { nextLookAt: decision.nextLookAt };
}

/** An experiment as a run of the schedule; undefined for another's, also for that of one with the same name that was deleted. */
function runOf({ metadata: { uid } }: Found, { metadata, status }: Experiment): ScheduledRun | undefined {
  const tick = Number(metadata.annotations?.[TICK_ANNOTATION] ?? Number.NaN);
  const isOwn = metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.controller === true) === true;
  return isOwn && Number.isFinite(tick) ? { name: metadata.name, tick, verdict: status?.verdict ?? null } : undefined;
}

/** A cron expression may pass its form and still name nothing, such as a range of months that goes backwards. */
function readable(schedule: ChaosSchedule): Schedule {
  try {
    return inputOf(schedule);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError('ConfigError', 'SCHEDULE_INVALID', `spec.schedule: ${why}: correct it`);
  }
}

function inputOf({ metadata, spec, status }: ChaosSchedule): Schedule {
  const createdAt = Date.parse(metadata.creationTimestamp ?? '');
  const { schedule, timeZone, windows = [], startingDeadlineSeconds, historyLimits } = spec;
  return {
    ...{ name: metadata.name, uid: metadata.uid ?? '', createdAt },
    ticks: createTicks({ schedule, timeZone, anchorMs: createdAt, windows }),
    jitterMs: parseDuration(spec.jitter) ?? 0,
    concurrency: spec.concurrencyPolicy,
    startingDeadlineMs: startingDeadlineSeconds === undefined ? null : startingDeadlineSeconds * 1000,
    suspend: spec.suspend,
    history: historyLimits,
    lastTick: status?.lastTick === undefined ? null : Date.parse(status.lastTick),
  };
}

/** Runs before status: one that was made is found again by its owner and tick, a tick that status calls dealt with is not. */
async function carryOut(
  { kube, events, log }: ScheduleReconcilerPorts,
  found: Found,
  { spec }: ChaosSchedule,
  { create, stop, remove }: ScheduleDecision,
): Promise<void> {
  const { namespace = 'default', name, uid = '' } = found.metadata;
  const refOf = (run: string) => ({ kind: kinds.chaosExperiment, namespace, name: run });
  for (const run of stop) await kube.mergePatch(refOf(run), { spec: { stop: true } }, WRITER);
  for (const run of remove) await kube.delete(refOf(run));
  if (create === null) return;
  const { labels = {}, annotations = {} } = spec.template.metadata ?? {};
  const experiment = {
    ...{ apiVersion: kinds.chaosExperiment.apiVersion, kind: kinds.chaosExperiment.kind },
    metadata: {
      ...{ name: create.name, namespace, labels },
      annotations: { ...annotations, [TICK_ANNOTATION]: String(create.tick) },
      ownerReferences: [{ apiVersion: found.apiVersion, kind: found.kind, name, uid, controller: true }],
    },
    spec: spec.template.spec,
  };
  try {
    await kube.create<KubeObject>(kinds.chaosExperiment, experiment, WRITER);
    events.record(found, { type: 'Normal', reason: 'Created', message: `${create.name} was created` });
    log.info({ schedule: `${namespace}/${name}`, run: create.name }, 'run created');
  } catch (error) {
    if (!isAppError(error) || error.code !== 'ALREADY_EXISTS') throw error;
    const there = await kube.get<Experiment>(refOf(create.name));
    if (there !== undefined && runOf(found, there) !== undefined) return;
    const message = `an experiment ${create.name} that is not of this schedule is in the way: delete or rename it`;
    throw new AppError('ConfigError', 'RUN_NAME_TAKEN', message);
  }
}

const WORDS: Readonly<Record<ScheduleDecision['reason'], string>> = {
  Waiting: 'waits for its next tick',
  Suspended: 'is suspended: ticks are left out',
  Jitter: 'a run begins soon, after its jitter',
  Active: 'waits until the run before is finished',
  TooLate: 'the newest tick was left out, because its run would have begun too late',
  Created: 'a run was created',
};

function statusOf({ metadata, status }: ChaosSchedule, decision: ScheduleDecision, now: number): ChaosScheduleStatus {
  const { create, lastTick, nextTick, missed, active, reason } = decision;
  const message = WORDS[reason];
  const before = status?.conditions?.find(({ type }) => type === 'Ready');
  const changedAt = before?.status === 'True' ? before.lastTransitionTime : timeOf(now);
  const lastRun = create?.name ?? status?.lastRun;
  return {
    observedGeneration: metadata.generation ?? 0,
    message,
    ...(lastTick !== null && { lastTick: timeOf(lastTick) }),
    ...(nextTick !== null && { nextTick: timeOf(nextTick) }),
    ...(lastRun !== undefined && { lastRun }),
    active: [...active, ...(create === null ? [] : [create.name])],
    missed: (status?.missed ?? 0) + missed.count,
    conditions: [{ type: 'Ready', status: 'True', reason, message, lastTransitionTime: changedAt }],
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
