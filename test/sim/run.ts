import { isDeepStrictEqual } from 'node:util';
import { kinds } from '../../src/kube/kinds.ts';
import type { KubeObject } from '../../src/kube/port.ts';
import { recordOf } from '../../src/reconcile/rollout/record.ts';
import { GOOD, imageOf, NAME } from './cluster.ts';
import { createDice } from './dice.ts';
import { act, calm, happen } from './incidents.ts';
import { QUIET_AT_MS, type Scenario, scenarioOf } from './scenario.ts';
import { createWorld, templateOf, USER_ROUTE, type World } from './world.ts';

/** How long a world that is left alone may take to come to rest: the deadline of a release, and the way back. */
const REST_LIMIT_MS = 420_000;
/** Longer than the latest watch event and the longest back-off of a calm network. */
const REST_LASTS_MS = 10_000;
const LOOK_MS = 500;
/** Shown of the trace when something is wrong. */
const TRACE_LINES = 150;

/** What one run came to, for the tests' own statistics. */
export interface Finished {
  readonly outcomes: readonly string[];
  readonly failedRequests: number;
  readonly kills: number;
  /** False where nothing but one good release happened. */
  readonly isDisturbed: boolean;
}

/** Plays the scenario of one seed to its end. Throws what was violated, with the seed and what led to it. */
export async function runSeed(seed: number): Promise<Finished> {
  const dice = createDice(seed);
  return await runScenario(scenarioOf(dice.fork()), seed);
}

export async function runScenario(scenario: Scenario, seed: number): Promise<Finished> {
  const dice = createDice(seed + 1_000_000);
  const world = await createWorld({ ...scenario, dice: dice.fork() });
  try {
    await play(world, scenario, () => dice.int(200, 4_000));
    await comeToRest(world);
    checkRest(world);
  } catch (error) {
    throw new Error(report(seed, scenario, world, error), { cause: error });
  }
  const history = recordOf(world.rollout()?.status).context.history;
  return {
    outcomes: history.map(({ kind }) => kind),
    failedRequests: world.monitor.failed,
    kills: world.controllers.length - 1,
    isDisturbed: scenario.incidents.length > 1 || scenario.versions['v2'] !== GOOD,
  };
}

async function play(world: World, { versions, incidents }: Scenario, restartMs: () => number): Promise<void> {
  const { excuses } = world.monitor;
  for (const [image, behaviour] of Object.entries(versions)) {
    world.cluster.setBehaviour(image, behaviour);
    if (behaviour.errorRatio > 0) excuses.hasBadVersions = true;
    if (behaviour.crashAfterMs !== null) excuses.hasCrashes = true;
  }
  world.startController();
  const startedAt = world.clock.now();
  for (const incident of incidents) {
    await world.pass(Math.max(0, startedAt + incident.at - world.clock.now()));
    await happen(world, incident, restartMs);
  }
}

/** Ends all disturbances and lets an operator do what status asks for, until nothing is left to be done. */
async function comeToRest(world: World): Promise<void> {
  const { clock, monitor, source, mesh } = world;
  // What ends by itself may end first.
  await restWithin(world, QUIET_AT_MS / 2);
  for (const what of ['link', 'watches', 'routes'] as const) calm(world, what);
  mesh.isScraped = true;
  source.fails = undefined;
  world.onWrite = () => {};
  if (world.controllers.every(({ isDead }) => isDead)) world.startController();
  monitor.note('QUIET from now on');
  for (const quietAt = clock.now(); !(await restWithin(world, 30_000)); ) {
    if (clock.now() > quietAt + REST_LIMIT_MS) throw new Error(`not at rest: ${notAtRest(world).join('; ')}`);
    await operate(world);
  }
  // Rest is only rest if it lasts, also for a controller that knows nothing.
  for (const controller of world.controllers) controller.kill();
  world.startController();
  await world.pass(15_000);
}

/** Whether the world came to rest within the time and stayed there long enough for everybody to have looked. */
async function restWithin(world: World, limitMs: number): Promise<boolean> {
  const { clock } = world;
  let restSince: number | null = null;
  for (const end = clock.now() + limitMs; clock.now() < end; await world.pass(LOOK_MS)) {
    restSince = isAtRest(world) ? (restSince ?? clock.now()) : null;
    if (restSince !== null && clock.now() - restSince >= REST_LASTS_MS) return true;
  }
  return false;
}

/** What a person does who reads the status. */
async function operate(world: World): Promise<void> {
  const { status } = world.rollout() ?? {};
  if (status?.phase === 'Paused' || status?.waiting?.reason === 'RouteChanged') {
    world.monitor.note('an operator resumes');
    return act(world, 'Resume');
  }
  // Rolled by hand, without us or before we came, a version whose pods never become ready has to be replaced by hand as well.
  const image = imageOf(world.deployment().spec.template);
  const { readyAfterMs, crashAfterMs } = world.cluster.behaviourOf(image);
  if (status?.canary !== undefined || (readyAfterMs !== null && crashAfterMs === null)) return;
  world.monitor.note('an operator rolls the template back by hand');
  world.monitor.excuses.hasInterference = true;
  await world.patch(kinds.deployment, NAME, { spec: { paused: false, template: templateOf('v1') } });
}

const isAtRest = (world: World): boolean => notAtRest(world).length === 0;

/** What keeps the world from being at rest, in words. */
function notAtRest(world: World): readonly string[] {
  const { kube, cluster } = world;
  const rollout = world.rollout();
  const deployment = world.deployment();
  const leftovers = [kinds.service, kinds.destinationRule, kinds.virtualService].flatMap((kind) =>
    kube.all<KubeObject>(kind).filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'sluice'),
  );
  const active = cluster.replicaSets().filter(({ spec }) => (spec.replicas ?? 1) > 0);
  const [only] = active;
  const isGone = rollout === undefined;
  return [
    !isGone && rollout.status?.phase !== 'Idle' && `phase ${rollout.status?.phase}: ${rollout.status?.message}`,
    ...leftovers.map(({ kind, metadata }) => `${kind} ${metadata.name} is left`),
    active.length !== 1 && `${active.length} ReplicaSets have pods`,
    only?.metadata.ownerReferences?.[0]?.kind !== 'Deployment' && `${only?.metadata.name} has the wrong owner`,
    only?.spec.replicas !== deployment.spec.replicas && 'the ReplicaSet has not the size of the Deployment',
    only?.status?.availableReplicas !== deployment.spec.replicas && 'not every pod is available',
    !isGone && deployment.spec.paused !== true && 'the Deployment is not paused',
  ].filter((reason) => reason !== false);
}

/** What must be true of a world at rest, beyond being at rest. */
function checkRest(world: World): void {
  const { mode, monitor } = world;
  const reasons = notAtRest(world);
  if (reasons.length > 0) throw new Error(`did not stay at rest: ${reasons.join('; ')}`);
  checkVersion(world);
  const route = world.route();
  if (mode === 'owned' && route !== undefined) throw new Error(`VirtualService ${route.metadata.name} is left`);
  if (mode === 'owned' || monitor.excuses.hasInterference) return;
  if (!isDeepStrictEqual(route?.spec, USER_ROUTE))
    throw new Error(`the user's route is not as it was: ${JSON.stringify(route?.spec)}`);
  const owners = JSON.stringify(route?.metadata.managedFields);
  if (owners.includes('"sluice"')) throw new Error(`Sluice still owns fields of the user's route: ${owners}`);
}

/** A version that fails, or has no ready pods, is stable only where a person made it so. */
function checkVersion({ cluster, deployment, monitor: { excuses } }: World): void {
  const active = cluster.replicaSets().find(({ spec }) => (spec.replicas ?? 1) > 0);
  if (active === undefined || excuses.hasInterference || excuses.mayPromote || deployment().spec.paused !== true)
    return;
  const image = imageOf(active.spec.template);
  const { errorRatio, readyAfterMs } = cluster.behaviourOf(image);
  if (errorRatio > 0.1 || readyAfterMs === null) throw new Error(`${image} was promoted`);
}

function report(seed: number, scenario: Scenario, { monitor, mode }: World, error: unknown): string {
  const { versions, incidents, replicas } = scenario;
  const what = error instanceof Error ? (error.cause === undefined ? error.message : error.stack) : String(error);
  return [
    `seed ${seed}: ${what}`,
    `replay: SLUICE_SIM_SEED=${seed} npx vitest run --project simulation`,
    `${mode} route, ${replicas} replicas of ${NAME}; ${JSON.stringify(versions)}`,
    ...incidents.map((incident) => `  ${JSON.stringify(incident)}`),
    ...monitor.trace.slice(-TRACE_LINES),
  ].join('\n');
}
