import type { Release } from '../../machines/rollout/context.ts';
import { routeFor } from '../../machines/rollout/desired.ts';
import type { Route } from '../../machines/rollout/facts.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { fixedSteps } from '../../src/api/strategy.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, KubeObject } from '../../src/kube/port.ts';
import { planRollout } from '../../src/plan/rollout-plan.ts';
import { type RolloutRecord, recordOf } from '../../src/reconcile/rollout/record.ts';
import type { VirtualService } from '../../src/routing/routers/istio-types.ts';
import type { Deployment, ReplicaSet } from '../../src/workloads/objects.ts';
import { HASH_LABEL } from '../../src/workloads/revision.ts';
import { brokenConditionRules } from '../support/conditions-check.ts';
import type { FakeCommit, FakeKube } from '../support/fake-kube.ts';
import { type Cluster, isControlledBy, NAME } from './cluster.ts';
import { type Answer, type Mesh, weightsOf } from './mesh.ts';
import { isInjected } from './route-faults.ts';
import type { SimClock } from './sim-clock.ts';

/** What may happen in a run, because something other than Sluice does it. */
export interface Excuses {
  /** Some version answers with errors. */
  hasBadVersions: boolean;
  /** Pods end by themselves. */
  hasCrashes: boolean;
  /** Somebody edits the route or un-pauses the Deployment. */
  hasInterference: boolean;
  /** Something other than Sluice changes the Deployment's size. */
  hasAutoscaler: boolean;
  /** An operator may ask for a promotion, which skips steps. */
  mayPromote: boolean;
}

export interface Monitor {
  readonly violations: string[];
  readonly trace: string[];
  readonly excuses: Excuses;
  readonly failed: number;
  onCommit(commit: FakeCommit): void;
  /** What the server answered to a write of Sluice's own. */
  onOwnWrite(object: KubeObject): void;
  onAnswers(answers: readonly Answer[]): void;
  note(line: string): void;
  fail(what: string): void;
}

const MOST_STATUS_BYTES = 16_000;

/** Watches every change and every request, and writes down what must not be. */
export function createMonitor(
  { kube, clock, cluster }: { kube: FakeKube; clock: SimClock; cluster: Cluster },
  meshOf: () => Mesh,
): Monitor {
  const startedAt = clock.now();
  const taken = new Map<number, { readonly weights: number[]; isWithdrawn: boolean }>();
  let failed = 0;

  let newest = '';

  /** The same line again says nothing new, and a hot loop would push out all that led to it. */
  const note = (line: string): void => {
    if (line === newest) return;
    newest = line;
    monitor.trace.push(`${((clock.now() - startedAt) / 1000).toFixed(2).padStart(7)} ${line}`);
  };
  const fail = (what: string): void => {
    monitor.violations.push(what);
    note(`VIOLATION ${what}`);
  };

  const onRollout = (rollout: Rollout, before: Rollout | undefined): void => {
    if (rollout.status === undefined || before?.status === rollout.status) return;
    for (const rule of brokenConditionRules(rollout, before)) fail(`status conditions: ${rule}`);
    const bytes = JSON.stringify(rollout.status).length;
    if (bytes > MOST_STATUS_BYTES) fail(`the status has ${bytes} bytes`);
    const record = recordOf(rollout.status);
    const old = recordOf(before?.status);
    checkSteps(old, record, monitor.excuses, fail);
    if (old.state !== record.state || old.context.release?.stepIndex !== record.context.release?.stepIndex) {
      const { release } = record.context;
      note(`${record.state} step ${release?.stepIndex ?? '-'} ${release?.revision ?? ''} ${rollout.status.message}`);
    }
  };

  const onRolloutCommit = ({ type, object, before }: FakeCommit): void => {
    if (type === 'DELETED') note('Rollout is gone');
    else onRollout(object as unknown as Rollout, before as unknown as Rollout | undefined);
  };

  const onRoute = ({ type, object }: FakeCommit): void => {
    const { spec } = object as VirtualService;
    const weights = weightsOf(type === 'DELETED' ? undefined : spec);
    const text = [...weights].map(([host, weight]) => `${host} ${weight}`).join(', ');
    note(`route ${type} ${object.metadata.name}: ${text}`);
  };

  const onOwnWrite = (object: KubeObject): void => {
    if (object.kind !== kinds.virtualService.kind) return;
    const { spec } = object as VirtualService;
    const destinations = spec.http?.at(-1)?.route ?? [];
    const sum = destinations.reduce((total, { weight = 0 }) => total + weight, 0);
    if (destinations.length > 1 && ![100, 10_000].includes(sum)) fail(`the weights sum to ${sum}`);
    checkDecided(weightsOf(spec));
  };

  /** Whatever Sluice writes must have been decided, which means stored, before. */
  const checkDecided = (weights: ReadonlyMap<string, number>): void => {
    const rollout = kube.all<Rollout & KubeObject>(kinds.rollout)[0];
    if (rollout === undefined || weights.has(NAME)) return;
    const record = recordOf(rollout.status);
    const decided = [...record.expected, wantedBy(record, rollout)].filter((route) => route !== null);
    const isDecided = decided.some((route) => route.kind === 'revisions' && isSame(hostsOf(route), weights));
    if (!isDecided) fail(`a route was written that no stored decision asks for: ${JSON.stringify([...weights])}`);
    if (record.context.release !== null) checkRelease(record.context.release, weights, rollout);
  };

  const checkRelease = (release: Release, weights: ReadonlyMap<string, number>, rollout: Rollout): void => {
    const canary = weights.get(`${NAME}-${release.revision}`) ?? 0;
    const own = taken.get(release.startedAt) ?? { weights: [], isWithdrawn: false };
    taken.set(release.startedAt, own);
    if (canary === 0) own.isWithdrawn ||= own.weights.length > 0 && release.outcome !== null;
    else if (own.isWithdrawn && !monitor.excuses.hasInterference)
      fail('a release got weight again after it was taken back');
    else if (own.weights.at(-1) !== canary) own.weights.push(canary);
    checkOrder(own.weights, rollout);
  };

  const checkOrder = (weights: readonly number[], rollout: Rollout): void => {
    if (monitor.excuses.hasInterference || monitor.excuses.mayPromote) return;
    const { strategy } = rollout.spec;
    const asked = fixedSteps(strategy).map(({ weight }) => weight);
    const isNext = strategy.canary?.adaptive === undefined ? nextOf(asked) : isNextByEvidence;
    const isInOrder = weights.every((weight, index) => isNext(weight, weights[index - 1]));
    if (!isInOrder) fail(`steps were skipped or repeated: weights ${weights.join(', ')} of ${asked.join(', ')}`);
  };

  const onService = ({ type, object: { metadata } }: FakeCommit): void => {
    if (type !== 'MODIFIED') note(`Service ${metadata.name} ${type}`);
    if (type !== 'DELETED') return;
    if (!metadata.name.startsWith(`${NAME}-`)) return;
    const stored = kube
      .all<VirtualService>(kinds.virtualService)
      .filter(({ spec }) => weightsOf(spec).has(metadata.name));
    for (const { metadata: route } of stored) fail(`Service ${metadata.name} was deleted while ${route.name} names it`);
    for (const { name, route } of meshOf().proxies) {
      if (weightsOf(route).has(metadata.name)) fail(`Service ${metadata.name} was deleted while ${name} routes to it`);
    }
  };

  const onReplicaSet = ({ type, object, before }: FakeCommit): void => {
    const [is, was] = [object as ReplicaSet, before as ReplicaSet | undefined];
    const owner = ownerKind(is);
    if (type !== 'MODIFIED' || is.spec.replicas !== was?.spec.replicas || owner !== ownerKind(was)) {
      note(`ReplicaSet ${is.metadata.name} ${type} ${is.spec.replicas} of ${owner}`);
    }
    const revision = is.metadata.labels?.[HASH_LABEL] ?? '';
    if (type === 'DELETED' || (is.spec.replicas === 0 && was?.spec.replicas !== 0)) checkUnused(revision);
    if (type === 'MODIFIED' && owner === 'Deployment') checkStableSize(is, revision);
  };

  const checkUnused = (revision: string): void => {
    if (monitor.excuses.hasInterference) return;
    for (const { name, route } of meshOf().proxies) {
      const weight = weightsOf(route).get(`${NAME}-${revision}`) ?? 0;
      if (weight > 0) fail(`the pods of ${revision} were removed while ${name} sends them ${weight} %`);
    }
  };

  const checkStableSize = ({ spec }: ReplicaSet, revision: string): void => {
    const { excuses } = monitor;
    const rollout = kube.all<Rollout & KubeObject>(kinds.rollout)[0];
    const { stable, release } = recordOf(rollout?.status).context;
    if (excuses.hasInterference || excuses.hasAutoscaler || release === null || revision !== stable) return;
    const isUsed = meshOf().proxies.some(({ route }) => (weightsOf(route).get(`${NAME}-${revision}`) ?? 0) > 0);
    if (isUsed && (spec.replicas ?? 1) < release.replicas)
      fail(`stable has ${spec.replicas} of ${release.replicas} pods while it has traffic`);
  };

  const onDeployment = (is: Deployment, was: Deployment | undefined): void => {
    const text = ({ spec }: Deployment) => `${spec.replicas} replicas${spec.paused ? ', paused' : ''}`;
    if (was === undefined || text(is) !== text(was)) note(`Deployment ${text(is)}`);
  };

  const onAnswer = (answer: Answer): void => {
    const { excuses } = monitor;
    const what = `${answer.proxy} asked ${answer.host} and got ${answer.code}`;
    // What a fault answered, no version did.
    if (isInjected(answer)) return;
    if (answer.code.startsWith('500')) failed += 1;
    if (answer.code.startsWith('500') && !excuses.hasBadVersions) fail(what);
    if (answer.code.startsWith('503') && !excuses.hasCrashes && !excuses.hasInterference) fail(what);
    if (answer.host !== NAME || answer.pod === null || excuses.hasInterference) return;
    const set = cluster.replicaSets().find(({ metadata }) => answer.pod?.startsWith(`${metadata.name}-p`));
    if (ownerKind(set) === 'Rollout') fail(`${answer.proxy} reached the canary pod ${answer.pod} by the plain route`);
  };

  const watched = new Map<Kind, (commit: FakeCommit) => void>([
    [kinds.rollout, onRolloutCommit],
    [kinds.virtualService, onRoute],
    [kinds.service, onService],
    [kinds.destinationRule, ({ type, object }) => note(`DestinationRule ${object.metadata.name} ${type}`)],
    [kinds.replicaSet, onReplicaSet],
    [kinds.deployment, ({ object, before }) => onDeployment(object as Deployment, before as Deployment | undefined)],
  ]);

  const monitor: Monitor = {
    violations: [],
    trace: [],
    excuses: {
      hasBadVersions: false,
      hasCrashes: false,
      hasInterference: false,
      hasAutoscaler: false,
      mayPromote: false,
    },
    get failed() {
      return failed;
    },
    onCommit(commit) {
      watched.get(commit.kind)?.(commit);
    },
    onOwnWrite,
    onAnswers(answers) {
      for (const answer of answers) onAnswer(answer);
    },
    note,
    fail,
  };

  return monitor;

  function ownerKind(set: ReplicaSet | undefined): string {
    const own = cluster.deployment();
    if (set === undefined) return 'nobody';
    return own !== undefined && isControlledBy(set, own)
      ? 'Deployment'
      : (set.metadata.ownerReferences?.[0]?.kind ?? '');
  }
}

type IsNext = (weight: number, before: number | undefined) => boolean;

/** One planned weight after the other; from 100 % back to the largest of at most 10 %. */
function nextOf(asked: readonly number[]): IsNext {
  const compared = asked.findLast((weight) => weight <= 10) ?? asked[0];
  return (weight, before) =>
    weight === asked[before === undefined ? 0 : asked.indexOf(before) + 1] || (before === 100 && weight === compared);
}

/** From 5 % at most, by 2.5 times at most; from 100 % back to 10 %. */
const isNextByEvidence: IsNext = (weight, before) =>
  before === 100 ? weight === 10 : weight > (before ?? 0) && weight <= (before === undefined ? 5 : before * 2.5 + 0.01);

/** The stored step index moves by one, or jumps to the end on request; it goes back from 100 % only. */
function checkSteps(
  { context: { release: old } }: RolloutRecord,
  { context: { release } }: RolloutRecord,
  { mayPromote }: Excuses,
  fail: (what: string) => void,
): void {
  if (old === null || release === null || old.startedAt !== release.startedAt) return;
  const by = release.stepIndex - old.stepIndex;
  const isBack = by < 0 && old.targetBp < 10_000;
  if (isBack || (by > 1 && !mayPromote)) fail(`the step went from ${old.stepIndex} to ${release.stepIndex}`);
}

function wantedBy(record: RolloutRecord, rollout: Rollout): Route | null {
  const planned = planRollout(record.spec ?? rollout.spec);
  return planned.ok ? routeFor(record.state, record.context) : null;
}

function hostsOf({ stable, canary, canaryBp }: Extract<Route, { kind: 'revisions' }>): ReadonlyMap<string, number> {
  const shares: (readonly [string, number])[] = [[`${NAME}-${stable}`, 100 - canaryBp / 100]];
  if (canary !== null) shares.push([`${NAME}-${canary}`, canaryBp / 100]);
  return new Map(shares.filter(([, weight]) => weight > 0));
}

function isSame(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([host, weight]) => Math.abs((b.get(host) ?? -1) - weight) < 0.001);
}
