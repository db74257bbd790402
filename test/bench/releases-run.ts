import { setTimeout as sleep } from 'node:timers/promises';
import { type Behaviour, environmentFor, PLAIN } from '../../lab/echo/behaviour.ts';
import { setBehaviour } from '../../lab/echo/control.ts';
import { type ControllerProcess, startController } from '../../lab/shop/controller-process.ts';
import { DEPENDENCY, RELEASED } from '../../lab/shop/manifests.ts';
import { eventually } from '../../lab/shop/shop.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { isReady } from '../../src/workloads/pods.ts';
import { placeOf } from '../e2e/support/chronicle.ts';
import { logFileOf } from '../e2e/support/lab-parts.ts';
import { controllerKubeconfig, openStage, type RunningRelease, type Stage } from '../e2e/support/stage.ts';
import type { ReleaseCase } from './releases-cases.ts';
import { measure, type Run } from './releases-measure.ts';

const DEFAULT_RATE = 200;
const REPLICAS = 2;
const SCRAPE_INTERVAL_MS = 5_000;
/** The new version has answered before its dependency fails, so that the outage is not taken for its doing. */
const BEFORE_OUTAGE_MS = 18_000;

/** One run of a case: the first has the number 1. */
export interface Task {
  readonly name: string;
  readonly plan: ReleaseCase;
  readonly run: number;
  /** How many runs of this case there are. */
  readonly of: number;
}

/** A shop with a controller of its own, for one run after the other. */
export interface ReleaseBench {
  /** Runs a release to its end, with the route at rest before and after. */
  run(task: Task): Promise<Run>;
  close(): Promise<void>;
}

export interface ReleaseBenchOptions {
  readonly namespace: string;
  /** Of the controller; each that runs at the same time needs its own. */
  readonly port: number;
  readonly withDependency: boolean;
  /** Requests per second. Default 200. */
  readonly rate?: number;
}

export async function openReleaseBench(options: ReleaseBenchOptions): Promise<ReleaseBench> {
  const { namespace, port, withDependency, rate = DEFAULT_RATE } = options;
  const KUBECONFIG = await controllerKubeconfig(namespace);
  const env = { KUBECONFIG, WATCH_NAMESPACE: namespace, REDIS_URL: undefined, LOG_LEVEL: 'debug' };
  const controller = await startController({ logFile: logFileOf(namespace), port, env });
  const stage = await openStage({ namespace, rate, replicas: REPLICAS, withDependency }).catch(
    async (error: unknown) => {
      await controller.stop();
      throw error;
    },
  );
  return {
    async run({ name, plan, run, of }) {
      await prepare(stage, plan);
      const version = `${name}-${run}`;
      // Each wait for proof ends soon after a scrape, so without a delay all versions would get their first requests at the same
      // moment between two scrapes. So the runs are spread evenly over it.
      const START_DELAY_MS = String(Math.round((SCRAPE_INTERVAL_MS * (run - 0.5)) / of));
      const release = await stage.release(version, { ...environmentFor(plan.canary ?? {}), START_DELAY_MS });
      const seen = plan.outageMs === undefined ? undefined : await outage(stage, plan.outageMs);
      const measured = await measure({ ...(await end(stage, plan, release)), version, chronicle: stage.chronicle });
      return { case: name, run, ...measured, ...(seen !== undefined && { seen }) };
    },
    close: () => close(stage, controller),
  };
}

async function close(stage: Stage, controller: ControllerProcess): Promise<void> {
  await stage.close().finally(() => controller.stop());
}

async function prepare({ shop }: Stage, { rollout, stable = {} }: ReleaseCase): Promise<void> {
  await behave({ shop }, RELEASED, { ...PLAIN, ...stable });
  await shop.addRollout(rollout);
  await shop.until('the Rollout is at rest', ({ status }) => status?.phase === 'Idle');
}

async function behave({ shop }: Pick<Stage, 'shop'>, app: string, behaviour: Partial<Behaviour>): Promise<void> {
  const pods = (await shop.pods(app)).filter(isReady);
  const addresses = pods.map(({ status }) => (status as { readonly podIP?: string }).podIP ?? '');
  await Promise.all(addresses.map((address) => setBehaviour(address, behaviour)));
}

async function end({ shop }: Stage, { withinMs }: ReleaseCase, release: RunningRelease) {
  const ended = await release.over(withinMs);
  return { ended, report: await shop.report(release.startedAtMs) };
}

/** Lets the dependency fail while the new version is held, and says what the Rollout said of it at the end. */
async function outage(stage: Stage, outageMs: number): Promise<string> {
  const { shop } = stage;
  const held = 'Holding 1';
  await shop.until(`the release is at ${held}`, (rollout) => placeOf(rollout) === held);
  await sleep(BEFORE_OUTAGE_MS);
  await behave(stage, DEPENDENCY, { errorRatio: 1 });
  const places = await watch(stage, outageMs).finally(() => behave(stage, DEPENDENCY, { errorRatio: 0 }));
  const { status } = await shop.rollout();
  return `${places.join(', ')}: ${status?.message}`;
}

async function watch({ shop }: Stage, ms: number): Promise<readonly string[]> {
  const untilMs = Date.now() + ms;
  const places = new Set<string>();
  await eventually('the outage is over', 2 * ms, async () => {
    const rollout: Rollout = await shop.rollout();
    places.add(placeOf(rollout));
    return Date.now() >= untilMs || undefined;
  });
  return [...places];
}
