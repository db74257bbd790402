import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControllerProcess, startController } from '../../lab/shop/controller-process.ts';
import { RELEASED } from '../../lab/shop/manifests.ts';
import { eventually } from '../../lab/shop/shop.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import type { KubeObject } from '../../src/kube/port.ts';
import { placeOf } from './support/chronicle.ts';
import { figure } from './support/figures.ts';
import { goodPath, straysFrom } from './support/forward.ts';
import { labParts, logFileOf } from './support/lab-parts.ts';
import { ownMetrics } from './support/own-metrics.ts';
import { controllerKubeconfig, openStage, type RunningRelease, type Stage, watchFor } from './support/stage.ts';

const NAMESPACE = 'e2e-outages';
/** So long a watch over what must not move; longer than two scrapes. */
const WATCH_MS = 12_000;
/** Metrics count as away after 20 s, a proxy that was late is forgotten after 60 s; the rest is for a slow machine. */
const WITHIN_MS = 120_000;

const lab = labParts();
let stage: Stage;
let controller: ControllerProcess;

beforeAll(async () => {
  const KUBECONFIG = await controllerKubeconfig(NAMESPACE);
  stage = await openStage({ namespace: NAMESPACE, rate: 80, replicas: 2 });
  controller = await startController({
    logFile: logFileOf(NAMESPACE),
    port: 9481,
    env: { KUBECONFIG, WATCH_NAMESPACE: NAMESPACE },
  });
  await stage.shop.addRollout({
    // The first hold is longer than it takes to notice that the metrics are away.
    steps: [{ weight: 20, hold: '60s' }, { weight: 50, hold: '3s' }, { weight: 100 }],
    analysis: { bake: '30s', minRequests: 20 },
  });
  await stage.shop.until('the Deployment is adopted', ({ status }) => status?.phase === 'Idle');
});

afterAll(async () => {
  for (const part of ['kube-apiserver', 'prometheus', 'redis', 'istiod'] as const) await lab.start(part);
  await stage?.close();
  await controller?.stop();
});

describe('a good release through one outage after the other', () => {
  let release: RunningRelease;
  let failedBefore: number;
  let startTime: number;
  const hasReached = (place: string) => rolloutsSince(0).some((rollout) => placeOf(rollout) === place);
  const reaches = (place: string) =>
    eventually(`the release reaches ${place}`, WITHIN_MS, async () => {
      if (hasReached(place)) return true;
      throw new Error(`it is at ${rolloutsSince(0).slice(-1).map(placeOf)}`);
    });
  const shares = async () => stage.chronicle.sharesOf((await stage.shop.rollout()).status?.canary?.revision ?? '');

  it('holds while Prometheus is away, and says so', async () => {
    failedBefore = (await stage.shop.report()).failed;
    startTime = await startTimeOf(controller);
    release = await stage.release('v2');
    await reaches('Holding 1');
    await lab.stop('prometheus');
    const holding = await stage.shop.until(
      'the status says that the metrics are away',
      ({ status }) =>
        status?.waiting?.reason === 'MetricsUnavailable' &&
        /^holds: Prometheus .*not answered/.test(status.message ?? ''),
      WITHIN_MS,
    );
    expect(placeOf(holding)).toBe('Holding 1');
    expect(conditionOf(holding, 'AnalysisHealthy')).toMatchObject({ status: 'Unknown', reason: 'MetricsUnavailable' });
    await watchFor(WATCH_MS);
    expect(placeOf(await stage.shop.rollout())).toBe('Holding 1');
    expect(await shares()).toEqual([0, 20]);
  });

  it('does not count a step as applied while istiod is away', async () => {
    await lab.stop('istiod');
    await lab.start('prometheus');
    await reaches('Shifting 2');
    await eventually('the route says 50 %', WITHIN_MS, async () => (await shares()).at(-1) === 50 || undefined);
    const marker = stage.chronicle.changes().length;
    const fromMs = Date.now() + 1_000;
    await watchFor(WATCH_MS);
    const seen = [...rolloutsSince(marker), await stage.shop.rollout()];
    expect([...new Set(seen.map(placeOf))]).toEqual(['Shifting 2']);
    expect(seen.map((rollout) => conditionOf(rollout, 'TrafficVerified')?.status)).not.toContain('True');
    // The proof that the proxies really had the old weight: requests.
    const { seconds } = await stage.shop.report(fromMs);
    const count = (version: string) =>
      seconds.reduce((sum, { byVersion }) => sum + (byVersion[`${RELEASED}=${version}`] ?? 0), 0);
    const [canary, total] = [count('v2'), count('v1') + count('v2')];
    expect(total).toBeGreaterThan(0);
    expect(Math.abs(canary - total * 0.2)).toBeLessThanOrEqual(4 * Math.sqrt(total * 0.2 * 0.8));
  });

  it('counts the step once istiod is back, and goes on although Redis is away', async () => {
    await lab.stop('redis');
    await eventually('the queue works without Redis', WITHIN_MS, async () => (await isQueueDegraded()) || undefined);
    await lab.start('istiod');
    const backAtMs = Date.now();
    // The hold, counted from the writing of the route, is over by now: Holding 2 may be passed within one look.
    await reaches('Shifting 3');
    figure('outages: step counted after istiod was back', { afterMs: Date.now() - backAtMs });
    await reaches('Baking 3');
    expect(await isQueueDegraded()).toBe(true);
    await lab.start('redis');
    await eventually('Redis is used again', WITHIN_MS, async () => !(await isQueueDegraded()) || undefined);
  });

  it('loses nothing when Redis forgets everything', async () => {
    const before = await reconciles();
    await promisify(execFile)('redis-cli', ['-u', process.env['REDIS_URL'] ?? '', 'FLUSHALL']);
    await eventually('a further look', WITHIN_MS, async () => (await reconciles()) > before || undefined);
  });

  it('survives a restart of the API server', async () => {
    await lab.restart('kube-apiserver');
    expect(await startTimeOf(controller)).toBe(startTime);
  });

  it('is promoted in the end, no step twice, without one failed request', async () => {
    const end = await release.over();
    const report = await stage.shop.report(release.startedAtMs);
    expect(end).toMatchObject({ outcome: 'Promoted' });
    expect(straysFrom(goodPath(3), stage.chronicle.placesOf(end.revision))).toEqual([]);
    expect(stage.chronicle.sharesOf(end.revision)).toEqual([0, 20, 50, 100, null]);
    expect(stage.chronicle.podsOf(end.revision)).toMatchObject({ restarts: 0, uids: { size: 2 } });
    expect(report.failures).toEqual([]);
    expect(report.failed).toBe(failedBefore);
    expect(await startTimeOf(controller)).toBe(startTime);
    const metrics = await ownMetrics(controller.address);
    figure('outages: good release', {
      seconds: end.seconds,
      reconciles: metrics.sum('sluice_reconciles_total'),
      latencyP50: metrics.quantile('sluice_reconcile_latency_seconds', 0.5),
      latencyP99: metrics.quantile('sluice_reconcile_latency_seconds', 0.99),
      rssMiB: metrics.sum('process_resident_memory_bytes') / 2 ** 20,
    });
  });
});

describe('a bad release while Redis is away', () => {
  it('is taken back', async () => {
    await lab.stop('redis');
    const release = await stage.release('v3', { ERROR_RATIO: '0.3' });
    const end = await release.over();
    expect(await isQueueDegraded()).toBe(true);
    await lab.start('redis');
    const { failures } = await stage.shop.report(release.startedAtMs);
    expect(end).toMatchObject({ outcome: 'RolledBack' });
    expect([...new Set(failures.map(({ failedHop }) => failedHop))]).toEqual([`${RELEASED}=v3`]);
    figure('outages: bad release without Redis', { seconds: end.seconds, failed: failures.length });
  });
});

function conditionOf({ status }: Rollout, type: string) {
  return status?.conditions?.find((condition) => condition.type === type);
}

function rolloutsSince(marker: number): readonly Rollout[] {
  return stage.chronicle
    .changes()
    .slice(marker)
    .flatMap(({ kind, after }) => (kind === 'Rollout' && after !== undefined ? [after as Rollout & KubeObject] : []));
}

async function isQueueDegraded(): Promise<boolean> {
  return (await ownMetrics(controller.address)).sum('sluice_queue_degraded') === 1;
}

async function reconciles(): Promise<number> {
  return (await ownMetrics(controller.address)).sum('sluice_reconciles_total');
}

/** Differs when the process was started anew. */
async function startTimeOf({ address }: ControllerProcess): Promise<number> {
  return (await ownMetrics(address)).sum('process_start_time_seconds');
}
