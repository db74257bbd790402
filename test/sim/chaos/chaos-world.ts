import { type ChaosExperiment, parseChaosExperiment } from '../../../src/api/chaos-experiment.ts';
import { kinds } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/port.ts';
import { renderArming } from '../../../src/routing/faults/arming.ts';
import { NAMESPACE } from '../cluster.ts';
import { createDice, type Dice } from '../dice.ts';
import { createWorld, type World, type WorldOptions } from '../world.ts';
import { CALLER, type Callers, type CallersOptions, careful, createCallers } from './callers.ts';
import { createFaultMonitor, type FaultMonitor } from './fault-monitor.ts';
import { createJobs } from './jobs.ts';

export interface ChaosWorld extends World {
  readonly callers: Callers;
  readonly faults: FaultMonitor;
  readonly dice: Dice;
}

type Options = Partial<Omit<WorldOptions, 'dice'>> & { readonly callers?: Partial<CallersOptions> };

/** Of the three callers that are no target of any experiment. */
const OTHERS_RATE = 2;
const CALLERS: CallersOptions = { replicas: 3, isMeshed: true, conduct: careful, rate: 8 };

/** A service, its callers with users of their own, and all that experiments need, before the first controller. */
export async function createChaosWorld(seed: number, { callers, ...options }: Options = {}): Promise<ChaosWorld> {
  const dice = createDice(seed);
  const world = await createWorld({
    ...{ mode: 'owned', replicas: 2, onInconclusive: 'RollBack' },
    ...options,
    dice: dice.fork(),
  });
  const { kube, mesh, monitor } = world;
  mesh.rate = OTHERS_RATE;
  const jobs = createJobs(kube, world.clock, dice.fork());
  const faults: FaultMonitor = createFaultMonitor(world, () => app);
  const app: Callers = await createCallers(world, { ...CALLERS, ...callers }, dice.fork());
  const { onAnswers } = monitor;
  monitor.onAnswers = (answers) => {
    onAnswers(answers);
    faults.onAnswers(answers);
  };
  world.actors.push(jobs.tick, () => monitor.onAnswers(app.tick()), faults.tick);
  await kube.create<KubeObject>(kinds.envoyFilter, renderArming(), { fieldManager: 'kubectl' });
  await world.pass(5_000);
  return Object.assign(world, { callers: app, faults, dice });
}

/** Errors for a tenth, then a half of the callers' requests, while their users are watched. */
export const SPEC = {
  target: { service: { name: 'ord', port: 80 } },
  callers: { matchLabels: { app: CALLER } },
  fault: { abort: { httpStatus: 503 } },
  ramp: [
    { percentage: 10, for: '16s' },
    { percentage: 50, for: '16s' },
  ],
  steadyState: { service: CALLER, objectives: [{ name: 'availability', requests: { successRatio: 98 } }] },
  limits: { requestShare: 60 },
  baseline: '10s',
  fuse: '20s',
  startWithin: '1m',
} as const;

export const NAMED = 'late';

/** Creates an experiment as a user would; throws where the manifest is wrong. */
export async function experiment(world: World, change: object = {}, name = NAMED): Promise<void> {
  const { apiVersion, kind } = kinds.chaosExperiment;
  const spec = JSON.parse(JSON.stringify({ ...SPEC, ...change })) as object;
  const object = { apiVersion, kind, metadata: { name, namespace: NAMESPACE }, spec };
  const parsed = parseChaosExperiment(object);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  await world.kube.create<KubeObject>(kinds.chaosExperiment, object, { fieldManager: 'kubectl' });
}

export const refOf = (name = NAMED) => ({ kind: kinds.chaosExperiment, namespace: NAMESPACE, name });

export function experimentNamed(world: World, name = NAMED): (ChaosExperiment & KubeObject) | undefined {
  return world.kube
    .all<ChaosExperiment & KubeObject>(kinds.chaosExperiment)
    .find(({ metadata }) => metadata.name === name);
}

export const statusOf = (world: World, name = NAMED) => experimentNamed(world, name)?.status;

/** Lets time pass until it holds; throws with the trace when it has not within `limitMs`. */
export async function untilHolds(world: World, holds: () => boolean, limitMs = 180_000): Promise<void> {
  for (const end = world.clock.now() + limitMs; !holds(); await world.pass(250))
    if (world.clock.now() > end) throw new Error(`still ${statusOf(world)?.phase}: ${statusOf(world)?.message}`);
}

export async function untilInjecting(world: World, name = NAMED): Promise<void> {
  await untilHolds(world, () => statusOf(world, name)?.phase === 'Injecting');
}

/** Waits for the verdict, and long enough after it for what must not happen any more. */
export async function verdictOf(world: World, name = NAMED): Promise<ChaosExperiment['status']> {
  await untilHolds(world, () => statusOf(world, name)?.verdict !== undefined, 300_000);
  await world.pass(3_000);
  return statusOf(world, name);
}
