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
  /** The user's own route touches requests by this flag. */
  usersFlag: string | null;
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
/** Of the users' requests, in a run that passed an objective of 2 %. */
const MOST_FAILURES = 0.03;
const MOST_STATUS_BYTES = 32_000;

export function createFaultMonitor(world: World, callers: () => Callers): FaultMonitor {
  const { clock, kube, mesh } = world;
  const { fail, note } = world.monitor;
  const burnsAt = new Map<string, number>();
  const finished = new Map<string, number>();
  const unwantedSince = new Map<string, number>();
  const injectedAt = new Map<string, { readonly touched: number; readonly seen: Callers['seen'] }>();
  const excuses: ChaosExcuses = { hasLateWrites: false, isSlow: false, usersFlag: null };
  let touched = 0;
  let lastTouchedAt = 0;

  const experimentOf = (name: string | undefined) =>
    kube.all<Experiment>(kinds.chaosExperiment).find(({ metadata }) => metadata.name === name);
  const faultsNow = () =>
    kube
      .all<EnvoyFilter>(kinds.envoyFilter)
      .filter(({ metadata }) => metadata.labels?.[EXPERIMENT_LABEL] !== undefined);
  const isThere = (uid: string): boolean => kube.all<Job>(kinds.job).some(({ metadata }) => metadata.uid === uid);
  const contextOf = (experiment: Experiment | undefined) =>
    experiment?.status?.machine?.context as unknown as ExperimentContext | undefined;

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
    if (metadata.labels?.[EXPERIMENT_LABEL] === undefined) return;
    const owners = metadata.ownerReferences?.map(({ name }) => name);
    note(`EnvoyFilter ${metadata.name} ${type} ${metadata.annotations?.[DOSE]} ppm, owners ${owners}`);
    const isSame = isDeepStrictEqual(spec, (before as EnvoyFilter | undefined)?.spec);
    const isEdited = metadata.annotations?.['test/edited'] !== undefined;
    if (type !== 'DELETED' && !isSame && !isEdited) checkWrite(object as EnvoyFilter);
  };

  /** A fault that was just written. */
  const checkWrite = ({ metadata, spec }: EnvoyFilter): void => {
    for (const { applyTo = '', patch } of spec.configPatches ?? []) {
      const isGentle = ['HTTP_ROUTE', 'CLUSTER'].includes(applyTo) && patch?.operation === 'MERGE';
      if (!isGentle) fail(`I8: ${metadata.name} changes more than routes: ${applyTo} ${patch?.operation}`);
    }
    if (excuses.hasLateWrites) return;
    const isBurning = metadata.ownerReferences?.some(({ uid }) => isThere(uid)) === true;
    if (!isBurning) fail(`I1: ${metadata.name} was written without a fuse`);
    const found = experimentOf(metadata.labels?.[EXPERIMENT_LABEL]);
    const { state } = found?.status?.machine ?? {};
    const asked = contextOf(found)?.doses.at(-1)?.dosePpm;
    const dose = metadata.annotations?.[DOSE];
    if (state !== 'Injecting' || String(asked) !== dose)
      fail(`I1: dose ${dose} of ${metadata.name} was written in ${state} with ${asked} decided`);
  };

  const onExperiment = ({ type, object, before }: FakeCommit): void => {
    const [is, was] = [object as Experiment, before as Experiment | undefined];
    const { name } = is.metadata;
    if (type === 'DELETED') note(`ChaosExperiment ${name} is gone`);
    if (type === 'DELETED' || is.status === was?.status) return;
    const [state, old] = [is.status?.machine?.state, was?.status?.machine?.state];
    if (old === 'Finished') fail(`${name} was finished and went on`);
    if (JSON.stringify(is.status ?? {}).length > MOST_STATUS_BYTES) fail(`the status of ${name} is too large`);
    if (state !== old) onState(is);
  };

  const onState = (experiment: Experiment): void => {
    const { name } = experiment.metadata;
    const { machine, message } = experiment.status ?? {};
    note(`ChaosExperiment ${name} ${machine?.state}: ${message}`);
    if (machine?.state === 'Injecting') injectedAt.set(name, { touched, seen: { ...callers().seen } });
    if (machine?.state === 'Finished') checkFinished(experiment);
  };

  const checkFinished = (experiment: Experiment): void => {
    const { name } = experiment.metadata;
    finished.set(name, clock.now());
    for (const kind of [kinds.envoyFilter, kinds.job]) {
      const left = kube.all<KubeObject>(kind).filter(({ metadata }) => metadata.labels?.[EXPERIMENT_LABEL] === name);
      if (left.length > 0) fail(`I3: ${name} is finished, and ${left[0]?.metadata.name} is there`);
    }
    if (experiment.status?.verdict === 'Passed') checkPassed(experiment);
  };

  const checkPassed = ({ metadata: { name }, status }: Experiment): void => {
    const from = injectedAt.get(name) ?? { touched: 0, seen: { requests: 0, failures: 0 } };
    const counted = status?.seen?.touched ?? 0;
    const { requests, failures } = callers().seen;
    const ratio = (failures - from.seen.failures) / (requests - from.seen.requests);
    if (touched - from.touched < 10) fail(`I5: ${name} passed, and ${touched} requests were touched`);
    if (ratio > MOST_FAILURES) fail(`I5: ${name} passed, and ${ratio} of the users' requests failed`);
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
    if (code.split(' ')[1] === excuses.usersFlag) return;
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
