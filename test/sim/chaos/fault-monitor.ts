import { isDeepStrictEqual } from 'node:util';
import type { ExperimentContext } from '../../../machines/experiment/context.ts';
import type { ChaosExperiment } from '../../../src/api/chaos-experiment.ts';
import { kinds } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/port.ts';
import type { EnvoyFilter } from '../../../src/routing/faults/envoy-filter.ts';
import type { FakeCommit } from '../../support/fake-kube.ts';
import type { Answer } from '../mesh.ts';
import { isTouched } from '../route-faults.ts';
import type { World } from '../world.ts';
import { CALLER, type Callers } from './callers.ts';
import { BURNING_MS, type Job } from './jobs.ts';

type Experiment = ChaosExperiment & KubeObject;

/** What may happen because something other than the controller does it. */
export interface ChaosExcuses {
  /** A write that was on its way when its sender died, or when the experiment was deleted, arrives late. */
  hasLateWrites: boolean;
  /** The API server gives no answers, or proxies get no news. */
  isSlow: boolean;
}

/** Watches faults, fuses and touched requests, and writes down what peers-chaos 6.1 (I1–I8) forbids. */
export interface FaultMonitor {
  readonly excuses: ChaosExcuses;
  /** Requests that a fault touched. */
  readonly touched: number;
  readonly lastTouchedAt: number;
  readonly finished: ReadonlyMap<string, number>;
  onAnswers(answers: readonly Answer[]): void;
  tick(): void;
}

const EXPERIMENT_LABEL = 'sluice.dev/experiment';
const DOSE = 'sluice.dev/dose-ppm';
/** A removed fault reaches the proxies so late at most, in a calm mesh. */
const PUSH_MS = 600;
/** A fault that nothing asks for any more goes within this time where a controller lives. */
const REMOVAL_MS = 6_000;
/** The longest interval of looks is 5 s; a look may be slow and the server too. */
const LOOK_MS = 12_000;
const MOST_STATUS_BYTES = 32_000;

export function createFaultMonitor(world: World, callers: () => Callers): FaultMonitor {
  const { clock, kube, mesh } = world;
  const { fail, note } = world.monitor;
  const burnsAt = new Map<string, number>();
  const finished = new Map<string, number>();
  const unwantedSince = new Map<string, number>();
  const injectedAt = new Map<string, { readonly touched: number; readonly seen: Callers['seen'] }>();
  const excuses: ChaosExcuses = { hasLateWrites: false, isSlow: false };
  let touched = 0;
  let lastTouchedAt = 0;

  const experimentOf = (name: string | undefined) =>
    kube.all<Experiment>(kinds.chaosExperiment).find(({ metadata }) => metadata.name === name);
  const faultsNow = () =>
    kube
      .all<EnvoyFilter>(kinds.envoyFilter)
      .filter(({ metadata }) => metadata.labels?.[EXPERIMENT_LABEL] !== undefined);
  const isBurning = (uid: string): boolean => kube.all<Job>(kinds.job).some(({ metadata }) => metadata.uid === uid);
  const contextOf = ({ status }: Experiment) => status?.machine?.context as unknown as ExperimentContext | undefined;

  const onFuse = ({ type, object }: FakeCommit): void => {
    const { metadata, spec, status } = object as Job;
    if (metadata.labels?.[EXPERIMENT_LABEL] === undefined) return;
    if (type !== 'MODIFIED') note(`Job ${metadata.name} ${type}`);
    const begin = Date.parse(status?.startTime ?? metadata.creationTimestamp ?? '');
    // The Job controller begins to count when it sees the Job.
    if (type !== 'DELETED') burnsAt.set(metadata.uid ?? '', begin + spec.activeDeadlineSeconds * 1000 + 1_000);
  };

  const onFault = ({ type, object, before }: FakeCommit): void => {
    const { metadata, spec } = object as EnvoyFilter;
    const experiment = metadata.labels?.[EXPERIMENT_LABEL];
    if (experiment === undefined) return;
    const dose = metadata.annotations?.[DOSE];
    const isSame = isDeepStrictEqual(spec, (before as EnvoyFilter | undefined)?.spec);
    note(
      `EnvoyFilter ${metadata.name} ${type} ${dose} ppm, owners ${metadata.ownerReferences?.map(({ name }) => name)}`,
    );
    if (type === 'DELETED' || isSame || metadata.annotations?.['test/edited'] !== undefined) return;
    const owners = metadata.ownerReferences ?? [];
    if (!owners.some(({ uid }) => isBurning(uid)) && !excuses.hasLateWrites)
      fail(`I1: ${metadata.name} was written without a fuse`);
    for (const { applyTo, patch } of spec.configPatches ?? []) {
      const isGentle = ['HTTP_ROUTE', 'CLUSTER'].includes(applyTo ?? '') && patch?.operation === 'MERGE';
      if (!isGentle) fail(`I8: ${metadata.name} changes more than routes: ${applyTo} ${patch?.operation}`);
    }
    const found = experimentOf(experiment);
    const asked = found === undefined ? undefined : contextOf(found)?.doses.at(-1)?.dosePpm;
    const isDecided = found?.status?.machine?.state === 'Injecting' && String(asked) === dose;
    if (isDecided || excuses.hasLateWrites) return;
    fail(`I1: dose ${dose} of ${experiment} was written in ${found?.status?.machine?.state} with ${asked} decided`);
  };

  const onExperiment = ({ type, object, before }: FakeCommit): void => {
    const [is, was] = [object as Experiment, before as Experiment | undefined];
    const { name } = is.metadata;
    const [state, old] = [is.status?.machine?.state, was?.status?.machine?.state];
    if (type === 'DELETED') note(`ChaosExperiment ${name} is gone`);
    else if (state !== old) note(`ChaosExperiment ${name} ${state}: ${is.status?.message}`);
    if (old === 'Finished' && (state !== 'Finished' || is.status?.verdict !== was?.status?.verdict))
      fail(`${name} was finished and went on`);
    if (JSON.stringify(is.status ?? {}).length > MOST_STATUS_BYTES) fail(`the status of ${name} is too large`);
    if (state === 'Injecting' && old !== 'Injecting') injectedAt.set(name, { touched, seen: { ...callers().seen } });
    if (state === 'Finished' && old !== 'Finished') checkFinished(is);
  };

  const checkFinished = ({ metadata: { name }, status }: Experiment): void => {
    finished.set(name, clock.now());
    const isLeft = (kind: typeof kinds.job) =>
      kube.all<KubeObject>(kind).some(({ metadata }) => metadata.labels?.[EXPERIMENT_LABEL] === name);
    if (isLeft(kinds.envoyFilter)) fail(`I3: ${name} is finished, and its fault is there`);
    if (isLeft(kinds.job)) fail(`${name} is finished, and a fuse of it is there`);
    if (status?.verdict !== 'Passed') return;
    const from = injectedAt.get(name);
    const failures = callers().seen.failures - (from?.seen.failures ?? 0);
    const requests = callers().seen.requests - (from?.seen.requests ?? 0);
    if (touched - (from?.touched ?? 0) < 10) fail(`I5: ${name} passed, and ${touched} requests were touched`);
    if (failures > 0.03 * requests) fail(`I5: ${name} passed, and ${failures} of ${requests} requests failed`);
    const counted = status.seen?.touched ?? 0;
    if (counted > touched) fail(`I5: ${name} counted ${counted} touched requests of ${touched}`);
  };

  /** A fault that lives has a fuse that burns, and an experiment that asks for it. */
  const checkFault = ({ metadata }: EnvoyFilter): void => {
    const { name, labels, ownerReferences: owners = [] } = metadata;
    faultAt.set(labels?.[EXPERIMENT_LABEL] ?? '', clock.now());
    const burnt = Math.max(...owners.map(({ uid }) => burnsAt.get(uid) ?? 0));
    if (clock.now() > burnt + BURNING_MS) fail(`I1: ${name} outlives its fuse`);
    const state = experimentOf(labels?.[EXPERIMENT_LABEL])?.status?.machine?.state;
    if (state === 'Injecting' || world.controllers.every(({ isDead }) => isDead)) unwantedSince.delete(name);
    else if (!unwantedSince.has(name)) unwantedSince.set(name, clock.now());
    const since = unwantedSince.get(name) ?? clock.now();
    if (!excuses.isSlow && clock.now() > since + REMOVAL_MS)
      fail(`I2: ${name} is not removed although nothing asks for it`);
  };

  /** When the fault of each experiment was last there. */
  const faultAt = new Map<string, number>();
  const aliveSince = new Map<string, number>();
  /** Nobody sleeps for ever. */
  const checkLooks = ({ metadata: { name, namespace = '' }, status }: Experiment): void => {
    const key = `${namespace}/${name}`;
    const isAwake = !excuses.isSlow && world.controllers.some(({ isDead }) => !isDead) && status?.phase !== 'Finished';
    if (!isAwake) return void aliveSince.delete(key);
    aliveSince.set(key, aliveSince.get(key) ?? clock.now());
    const last = Math.max(world.lookedAt.get(key) ?? 0, aliveSince.get(key) ?? 0);
    if (clock.now() > last + LOOK_MS) fail(`I7: nobody looks at ${key} any more`);
  };

  const onTouched = ({ proxy, code }: Answer): void => {
    touched += 1;
    lastTouchedAt = clock.now();
    const { labels } = mesh.proxies.find(({ name }) => name === proxy) ?? {};
    if (labels?.['app'] !== CALLER) fail(`${proxy} is no caller and got ${code}`);
    const latest = Math.max(...burnsAt.values()) + BURNING_MS + PUSH_MS;
    if (!excuses.isSlow && clock.now() > latest) fail(`I1: ${proxy} got ${code} after every fuse`);
    for (const [name, at] of finished) {
      const isUnseen = experimentOf(name)?.status?.message?.includes('nobody could see') === true;
      const isAnothers = [...faultAt].some(([other, seenAt]) => other !== name && clock.now() <= seenAt + PUSH_MS);
      if (!isUnseen && !isAnothers && clock.now() > at) fail(`I3: ${proxy} got ${code} after ${name} was finished`);
    }
  };

  world.listeners.push((commit) => {
    if (commit.kind === kinds.job) onFuse(commit);
    if (commit.kind === kinds.envoyFilter) onFault(commit);
    if (commit.kind === kinds.chaosExperiment) onExperiment(commit);
  });

  return {
    excuses,
    finished,
    get touched() {
      return touched;
    },
    get lastTouchedAt() {
      return lastTouchedAt;
    },
    onAnswers(answers) {
      for (const answer of answers) if (isTouched(answer)) onTouched(answer);
    },
    tick() {
      for (const fault of faultsNow()) checkFault(fault);
      for (const experiment of kube.all<Experiment>(kinds.chaosExperiment)) checkLooks(experiment);
    },
  };
}
