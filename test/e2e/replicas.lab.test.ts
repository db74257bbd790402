import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControllerProcess, startController } from '../../lab/shop/controller-process.ts';
import { eventually } from '../../lab/shop/shop.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { figure } from './support/figures.ts';
import { logFileOf } from './support/lab-parts.ts';
import { ownMetrics } from './support/own-metrics.ts';
import { overlapsOf, readReconciles } from './support/reconcile-log.ts';
import {
  controllerKubeconfig,
  type EndedRelease,
  openStage,
  type RunningRelease,
  type Stage,
} from './support/stage.ts';

const SHOPS = ['one', 'two', 'three', 'four'].map((name) => `e2e-replicas-${name}`);
const RATE = 20;
/** A dead worker's key is free after 9 s; the rest is for a slow machine. */
const CARRIED_ON_WITHIN_MS = 60_000;

interface Replica {
  readonly name: string;
  readonly log: string;
  readonly process: ControllerProcess;
}

let stages: readonly Stage[];
let KUBECONFIG: string;
let logs = 0;
let left: Replica;
let right: Replica;
let openedAtMs: number;

/** All logs, with the time of death of those that were killed. */
const allLogs: { readonly log: string; killedAtMs?: number }[] = [];

beforeAll(async () => {
  KUBECONFIG = await controllerKubeconfig('e2e-replicas');
  stages = await Promise.all(SHOPS.map((namespace) => openStage({ namespace, rate: RATE, replicas: 1 })));
  // Earlier requests found a shop that was still opening.
  openedAtMs = Date.now();
  [left, right] = await Promise.all([startReplica('left', 9482), startReplica('right', 9483)]);
  for (const { shop } of stages) {
    await shop.addRollout({
      steps: [{ weight: 50, hold: '3s' }, { weight: 100 }],
      analysis: { bake: '4s', minRequests: 20 },
    });
  }
  await Promise.all(
    stages.map(({ shop }) => shop.until('the Deployment is adopted', ({ status }) => status?.phase === 'Idle')),
  );
});

afterAll(async () => {
  await Promise.all((stages ?? []).map((stage) => stage.close()));
  await Promise.all([left?.process.stop(), right?.process.stop()]);
});

describe('two controllers with one Redis', () => {
  it('share four releases, and when one is killed the other ends them all', async () => {
    const releases = await Promise.all([
      ...stages.slice(0, 3).map((stage) => stage.release('v2')),
      stages[3]?.release('v2', { ERROR_RATIO: '0.5' }),
    ]);
    const carriedOnAfterMs = await killWhenBothWork(left);
    const ends = await over(releases);
    expect(ends.map(({ outcome }) => outcome)).toEqual(['Promoted', 'Promoted', 'Promoted', 'RolledBack']);
    figure('replicas: left killed', { carriedOnAfterMs, seconds: ends.map(({ seconds }) => seconds) });
    left = await startReplica('left', 9482);
  });

  it('do the same when the other one is killed', async () => {
    const releases = await Promise.all(stages.map((stage) => stage.release('v3')));
    const carriedOnAfterMs = await killWhenBothWork(right);
    const ends = await over(releases);
    expect(ends.map(({ outcome }) => outcome)).toEqual(ends.map(() => 'Promoted'));
    figure('replicas: right killed', { carriedOnAfterMs, seconds: ends.map(({ seconds }) => seconds) });
    right = await startReplica('right', 9483);
  });

  it('cost no request but those that the bad version answered', async () => {
    for (const { shop } of stages) {
      const { failures } = await shop.report(openedAtMs);
      expect(failures.filter(({ failedHop }) => failedHop !== 'checkout=v2')).toEqual([]);
    }
  });

  it('never worked on one key at the same time', async () => {
    // Redis may still hold keys of shops that other tests have closed.
    const reconciles = allLogs
      .flatMap(({ log, killedAtMs }) => readReconciles(log, killedAtMs))
      .filter(({ key }) => SHOPS.includes(key.split('/')[0] ?? ''));
    const counts = allLogs.map(({ log }) => reconciles.filter((one) => one.log === log).length);
    expect(Math.min(...counts.slice(0, 2))).toBeGreaterThan(10);
    expect(new Set(reconciles.map(({ key }) => key)).size).toBe(SHOPS.length);
    expect(overlapsOf(reconciles)).toEqual([]);
    const metrics = await Promise.all([left, right].map(({ process }) => ownMetrics(process.address)));
    figure('replicas: reconciles', {
      counts,
      rssMiB: metrics.map((own) => own.sum('process_resident_memory_bytes') / 2 ** 20),
      latencyP50: metrics.map((own) => own.quantile('sluice_reconcile_latency_seconds', 0.5)),
      latencyP99: metrics.map((own) => own.quantile('sluice_reconcile_latency_seconds', 0.99)),
    });
  });
});

async function startReplica(name: string, port: number): Promise<Replica> {
  logs += 1;
  const log = logFileOf(`e2e-replicas-${logs}-${name}`);
  rmSync(log, { force: true });
  allLogs.push({ log });
  const process = await startController({ logFile: log, port, env: { KUBECONFIG, LOG_LEVEL: 'debug' } });
  return { name, log, process };
}

/** Kills a replica in the middle of the releases, once both have done work. Returns how long each release stood still then. */
async function killWhenBothWork({ log, process }: Replica): Promise<readonly number[]> {
  const reconcilesOf = async (replica: Replica) =>
    (await ownMetrics(replica.process.address)).sum('sluice_reconciles_total');
  const before = await Promise.all([left, right].map(reconcilesOf));
  await eventually('both controllers work on the releases, and one of these gives weight', 120_000, async () => {
    const after = await Promise.all([left, right].map(reconcilesOf));
    const haveWorked = after.every((count, index) => count > (before[index] ?? 0) + 5);
    const rollouts = await Promise.all(stages.map(({ shop }) => shop.rollout()));
    return (haveWorked && rollouts.some(({ status }) => (status?.weight?.applied ?? 0) > 0)) || undefined;
  });
  await process.kill();
  const killedAtMs = Date.now();
  const entry = allLogs.find((one) => one.log === log);
  if (entry !== undefined) entry.killedAtMs = killedAtMs;
  const isMoving = ({ status }: Rollout) => status?.phase !== 'Idle';
  return await Promise.all(
    stages.map(async ({ shop, chronicle }) => {
      if (!isMoving(await shop.rollout())) return 0;
      const change = await eventually(`the release in ${shop.namespace} goes on`, CARRIED_ON_WITHIN_MS, async () =>
        chronicle.changes().find(({ kind, atMs }) => kind === 'Rollout' && atMs > killedAtMs),
      );
      return change.atMs - killedAtMs;
    }),
  );
}

async function over(releases: readonly (RunningRelease | undefined)[]): Promise<readonly EndedRelease[]> {
  return await Promise.all(
    releases.map((release) => {
      if (release === undefined) throw new Error('a shop is missing');
      return release.over();
    }),
  );
}
