import { isDeepStrictEqual } from 'node:util';
import { type Command, commandsFor } from '../../../machines/experiment/commands.ts';
import type { Cause } from '../../../machines/experiment/context.ts';
import type { Look } from '../../../machines/experiment/look.ts';
import { type Standing, settle } from '../../../machines/experiment/settle.ts';
import { wakeAt } from '../../../machines/experiment/wake.ts';
import { type ChaosExperiment, parseChaosExperiment } from '../../api/chaos-experiment.ts';
import { kinds } from '../../kube/kinds.ts';
import type { KubeObject } from '../../kube/port.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError } from '../../lib/errors.ts';
import type { FaultPlan, FaultReading, Faults } from '../../routing/faults/port.ts';
import type { EventRecorder } from '../../telemetry/events.ts';
import type { Log } from '../../telemetry/log.ts';
import { keyOf } from '../key.ts';
import type { ReconcileResult } from '../result.ts';
import { policyNow } from '../safety-policy.ts';
import { writeStatus } from '../write-status.ts';
import { type ObserveSources, observe } from './observe.ts';
import { project } from './project.ts';
import { scopeOf, standingOf } from './record.ts';

export interface ExperimentReconcilerPorts extends ObserveSources {
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly log: Log;
}

/** Each round sees what the one before has written. */
const MAX_ROUNDS = 6;

/** One reconcile: look, decide, store, act; until nothing is to be done. An experiment that is gone leaves nothing behind. */
export async function reconcileExperiment(
  ports: ExperimentReconcilerPorts,
  namespace: string,
  name: string,
): Promise<ReconcileResult> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const found = await ports.kube.get<ChaosExperiment & KubeObject>({ kind: kinds.chaosExperiment, namespace, name });
    if (found === undefined) {
      await ports.faults.remove({ experiment: name, namespace });
      ports.following.unfollow(`${namespace}/${name}`);
      return { nextLookAt: null };
    }
    const { isSettled, nextLookAt } = await lookOnce(ports, found);
    if (isSettled) return { nextLookAt };
  }
  return { nextLookAt: ports.clock.now() + 1_000 };
}

async function lookOnce(
  ports: ExperimentReconcilerPorts,
  found: ChaosExperiment & KubeObject,
): Promise<{ readonly isSettled: boolean; readonly nextLookAt: number | null }> {
  const parsed = parseChaosExperiment(found);
  if (!parsed.ok) {
    // What the API server took from an older or newer definition; a fault of it has to go all the same.
    await ports.faults.remove(placeOf(found));
    const problems = parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new AppError('ConfigError', 'EXPERIMENT_INVALID', problems);
  }
  const experiment = parsed.value;
  const before = standingOf(experiment.status);
  if (before.state === 'Finished') {
    ports.following.unfollow(keyOf(experiment));
    return { isSettled: true, nextLookAt: null };
  }
  const kept = scopeOf(experiment.status);
  const { planned, scope, reading, neighbours, coverage, facts } = await observe(ports, experiment, {
    ...before,
    scope: kept,
  }).catch(async (error: unknown) => {
    if (before.state === 'Recovering' || isUnwanted(ports, experiment)) await ports.faults.remove(placeOf(experiment));
    throw error;
  });
  const look: Look = { at: ports.clock.now(), plan: planned.plan, facts };
  const { announcements, ...settled } = settle(before, look);
  // What was admitted is what the experiment is about, whatever is in progress later.
  const standing = { ...settled, neighbours, coverage, scope: settled.context.startedAt === null ? null : scope };
  const commands = commandsFor(standing.state, standing.context, look);
  const act = async (): Promise<void> => {
    for (const command of commands) await perform(ports.faults, { plan: planned.fault, reading }, command);
  };
  const store = async (): Promise<void> => {
    await writeStatus(ports.kube, kinds.chaosExperiment, found, project(experiment, standing, look));
    for (const { severity, reason, message } of announcements) {
      ports.log.info({ experiment: keyOf(experiment), reason, detail: message }, 'experiment changed');
      ports.events.record(found, { type: severity, reason, message });
    }
  };
  await inOrder({ act, store }, orderOf(before, standing, commands));
  if (standing.state === 'Finished') ports.following.unfollow(keyOf(experiment));
  const isSettled = commands.length === 0 && isSame(before, standing);
  return { isSettled, nextLookAt: wakeAt(standing.state, standing.context, look) };
}

type Order = 'act, store' | 'store, act' | 'act, store anyway';

/** Ends that nobody waits for. Once their fault is gone, only the record tells that it was not lost. */
const PLANNED: readonly (Cause | undefined)[] = ['Completed', 'DoseNotSeen'];

/** A decision is stored before it is acted upon, so that it is not forgotten. Only a fault that has to go at once waits for no record. */
function orderOf(before: Standing, { state, context }: Standing, commands: readonly Command[]): Order {
  if (state === before.state && context.doses.length === before.context.doses.length) return 'act, store';
  const isAtOnce = commands.some(({ kind }) => kind === 'RemoveFault') && !PLANNED.includes(context.ended?.cause);
  return isAtOnce ? 'act, store anyway' : 'store, act';
}

async function inOrder(
  { act, store }: { readonly act: () => Promise<void>; readonly store: () => Promise<void> },
  order: Order,
): Promise<void> {
  if (order === 'store, act') await store();
  // What could not be removed is still decided: the reason may be gone at the next look.
  await (order === 'act, store anyway' ? act().finally(store) : act());
  if (order === 'act, store') await store();
}

/** What can be told without a look at the world: its fault has to go. */
function isUnwanted({ copies }: ExperimentReconcilerPorts, { metadata, spec }: ChaosExperiment): boolean {
  const isAsked = spec.stop === true || metadata.deletionTimestamp !== undefined;
  return isAsked || policyNow(copies.safetyPolicies).policy?.halt === true;
}

function placeOf({ metadata }: ChaosExperiment): Pick<FaultPlan, 'experiment' | 'namespace'> {
  return { experiment: metadata.name, namespace: metadata.namespace ?? 'default' };
}

/** Counts change at every look; what asks for another round is only another state or dose. */
function isSame(before: Standing, after: Standing): boolean {
  const shape = ({ state, context }: Standing) => [state, context.doses.map(({ dosePpm, since }) => [dosePpm, since])];
  return isDeepStrictEqual(shape(before), shape(after));
}

async function perform(
  faults: Faults,
  { plan, reading }: { readonly plan: FaultPlan; readonly reading: FaultReading },
  command: Command,
): Promise<void> {
  switch (command.kind) {
    case 'LightFuse':
      return await faults.lightFuse(plan, command);
    case 'WriteFault':
      return await faults.write(plan, command.dosePpm, command.fuses, reading);
    case 'RemoveFault':
      return await faults.remove(plan);
  }
}
