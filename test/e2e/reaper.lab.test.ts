import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControllerProcess, startController } from '../../lab/shop/controller-process.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import { createFaults } from '../../src/routing/faults/faults.ts';
import type { FaultPlan } from '../../src/routing/faults/port.ts';
import { eventually } from '../support/eventually.ts';
import { SHARES } from './support/fault-cases.ts';
import { type FaultScene, openFaultScene } from './support/fault-scene.ts';
import { figure } from './support/figures.ts';
import { labParts, logFileOf } from './support/lab-parts.ts';
import { controllerKubeconfig, reaperKubeconfig } from './support/stage.ts';

const NAMESPACE = 'e2e-reaper';
const PORT = 9471;
const FUSE_S = 8;
/** Acceptance: a fault that nobody ends is gone so long after its fuse. */
const GRACE_MS = 3_000;
const ASK_EVERY_MS = 50;

const kube = createKube();
const lab = labParts();
let scene: FaultScene;
let reaper: ControllerProcess | undefined;
let killed: ReturnType<typeof createFaults>;
let KUBECONFIG: string;

beforeAll(async () => {
  // Stands for a controller that was killed right after its last write: no process of it runs here.
  killed = createFaults(createKube({ kubeconfigPath: await controllerKubeconfig(`${NAMESPACE}-controller`) }));
  KUBECONFIG = await reaperKubeconfig(NAMESPACE);
  scene = await openFaultScene(kube, NAMESPACE);
  for (const name of ['short', 'late', 'long']) await scene.addService(name, [scene.first]);
  await lab.stop('kube-controller-manager');
});
afterAll(async () => {
  await reaper?.stop();
  await lab.start('kube-controller-manager');
  await scene?.close();
});

/** Writes the fault of the experiment on the Service of the same name; says when its fuse is over. */
async function inject(name: string, seconds: number): Promise<number> {
  const { fault } = SHARES['abort'] ?? { fault: { kind: 'abort', httpStatus: 555 } as const };
  const target = { namespace: NAMESPACE, service: name, port: 80 };
  const plan: FaultPlan = {
    experiment: name,
    namespace: NAMESPACE,
    target,
    callers: { app: 'web' },
    headers: [],
    fault,
  };
  await killed.lightFuse(plan, { number: 1, seconds });
  await killed.write(plan, 1_000_000, [1], await killed.read(plan));
  await eventually('the fault in the proxy', async () => await isFaulted(name));
  return (await killed.read(plan)).fuses[0]?.expiresAt ?? Number.NaN;
}

const isFaulted = async (service: string) => (await scene.web.ask({ service })).status === 555;

/** Asks until so long after `fromMs`; when the last touched answer came, or -Infinity. */
async function lastFaulted(service: string, untilMs: number): Promise<number> {
  let last = Number.NEGATIVE_INFINITY;
  while (Date.now() < untilMs) {
    const { status, endedAtMs } = await scene.web.ask({ service });
    if (status === 555) last = endedAtMs;
    await sleep(ASK_EVERY_MS);
  }
  return last;
}

const names = async () => {
  const objects = [...(await scene.all(kinds.envoyFilter)), ...(await scene.all(kinds.job))];
  return objects.map(({ metadata }) => metadata.name).toSorted();
};

it('ends what outlived its fuse when it starts, and later each fault by its deadline, where the cluster does neither', async () => {
  const deadline = await inject('short', FUSE_S);
  await inject('long', 600);
  // The Job controller is away: without a reaper the fault stays.
  expect(await lastFaulted('short', deadline + GRACE_MS + 1_000)).toBeGreaterThan(deadline + GRACE_MS);

  const env = { KUBECONFIG, PROMETHEUS_URL: undefined, REDIS_URL: undefined };
  reaper = await startController({ program: 'reaper.ts', logFile: logFileOf(NAMESPACE), port: PORT, env });
  const startedAt = Date.now();
  const last = await lastFaulted('short', startedAt + 2 * GRACE_MS);
  expect(last).toBeLessThanOrEqual(startedAt + GRACE_MS);

  const later = await inject('late', FUSE_S);
  const lastLater = await lastFaulted('late', later + 2 * GRACE_MS);
  figure('reaper: fuse held up', { lastAfterDeadlineMs: lastLater - later });
  expect(lastLater).toBeLessThanOrEqual(later + GRACE_MS);
  expect(lastLater).toBeGreaterThan(later - GRACE_MS);

  // What is not over stays, and the Job that holds it.
  expect(await names()).toEqual(['long-fuse-1', 'sluice-long']);
  expect(await isFaulted('long')).toBe(true);
  const metrics = await (await fetch(`http://${reaper.address}/metrics`)).text();
  expect(metrics).toContain('sluice_reaper_deleted_total{kind="EnvoyFilter"} 2');
  expect(await reaper.stop()).toBe(0);
}, 90_000);
