import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControllerProcess, startController } from '../../lab/shop/controller-process.ts';
import { RELEASED } from '../../lab/shop/manifests.ts';
import type { Rollout } from '../../src/api/rollout.ts';
import { eventually } from '../support/eventually.ts';
import { FaultyProxy, type SourceFault } from '../support/faulty-proxy.ts';
import { changesBody, clockOffBy, says, slowBy } from '../support/source-faults.ts';
import { placeOf } from './support/chronicle.ts';
import { figure } from './support/figures.ts';
import { logFileOf } from './support/lab-parts.ts';
import { ownMetrics } from './support/own-metrics.ts';
import { controllerKubeconfig, openStage, type RunningRelease, type Stage } from './support/stage.ts';

const NAMESPACE = 'e2e-sources';
const WITHIN_MS = 90_000;

let stage: Stage;
let controller: ControllerProcess;
let proxy: FaultyProxy;
let startTime: number;

beforeAll(async () => {
  const KUBECONFIG = await controllerKubeconfig(NAMESPACE);
  proxy = await FaultyProxy.start(process.env['PROMETHEUS_URL'] ?? '');
  stage = await openStage({ namespace: NAMESPACE, rate: 80, replicas: 2 });
  controller = await startController({
    logFile: logFileOf(NAMESPACE),
    port: 9487,
    env: { KUBECONFIG, WATCH_NAMESPACE: NAMESPACE, PROMETHEUS_URL: proxy.url },
  });
  await stage.shop.addRollout({
    // The hold is longer than it takes to see the hold and then to notice that the source is silent, 20 s.
    steps: [{ weight: 20, hold: '60s' }, { weight: 100 }],
    analysis: { bake: '4s', minRequests: 20 },
  });
  await stage.shop.until('the Deployment is adopted', ({ status }) => status?.phase === 'Idle');
  startTime = await controllerStart();
});

afterAll(async () => {
  if (proxy !== undefined) proxy.fault = undefined;
  await proxy?.revive();
  await stage?.close();
  await controller?.stop();
  await proxy?.kill();
});

const empty = changesBody((body) => ({ ...body, data: { resultType: 'matrix', result: [] } }));
const refusal = JSON.stringify({ status: 'error', errorType: 'internal', error: 'out of memory' });
/** One after the other, without recovery in between. */
const faults: readonly (readonly [string, SourceFault])[] = [
  ['answers 500', says(500, refusal)],
  ['answers 429 and asks to wait 2 s', says(429, '{}', { 'retry-after': '2' })],
  ['answers garbage', says(200, '<html>Login</html>')],
  ['takes 30 s', slowBy(30_000)],
  ['has no series', empty],
  ['has a clock 5 min ahead', clockOffBy(300_000)],
  ['has a clock 5 min behind', clockOffBy(-300_000)],
];

describe('a good release', () => {
  let release: RunningRelease;
  let failedBefore: number;

  it('begins', async () => {
    failedBefore = (await stage.shop.report()).failed;
    release = await stage.release('v2');
    await stage.shop.until('the first hold', (rollout) => placeOf(rollout) === 'Holding 1', WITHIN_MS);
  });

  it('holds and says why when its source is killed', async () => {
    await proxy.kill();
    const holding = await stage.shop.until('the status says so', isAway(/connection refused/), WITHIN_MS);
    expect(placeOf(holding)).toBe('Holding 1');
  });

  it.each(faults)('goes on to hold when its source %s', async (_, fault) => {
    proxy.fault = fault;
    await proxy.revive();
    const from = proxy.requests;
    await eventually('two questions', () => proxy.requests >= from + 2, { withinMs: WITHIN_MS });
    const rollout = await stage.shop.rollout();
    expect(placeOf(rollout)).toBe('Holding 1');
    expect(isAway(/./)(rollout)).toBe(true);
  });

  it('is promoted once the source is well, with the same controller and without a failed request', async () => {
    proxy.fault = undefined;
    const wellAt = Date.now();
    const end = await release.over();
    expect(end).toMatchObject({ outcome: 'Promoted' });
    expect(stage.chronicle.sharesOf(end.revision)).toEqual([0, 20, 100, null]);
    expect((await stage.shop.report()).failed).toBe(failedBefore);
    expect(await controllerStart()).toBe(startTime);
    figure('sources: good release', { seconds: end.seconds, secondsAfterRecovery: (Date.now() - wellAt) / 1000 });
  });
});

describe('a bad release', () => {
  it('is not taken back for an outage of the source, but for its failures after it', async () => {
    const release = await stage.release('v3', { ERROR_RATIO: '0.3' });
    await stage.shop.until('a canary without weight', (rollout) => placeOf(rollout) === 'Scaling 1', WITHIN_MS);
    proxy.fault = says(500, refusal);
    const holding = await stage.shop.until('the status says so', isAway(/HTTP 500/), WITHIN_MS);
    expect(placeOf(holding)).not.toMatch(/^(Withdrawing|RemovingCanary|Returning|Closing)/);
    proxy.fault = undefined;
    const wellAt = Date.now();
    const end = await release.over();
    // Beside stable, or against the objective that stable keeps: whichever is proved first.
    expect(end).toMatchObject({
      outcome: 'RolledBack',
      reason: expect.stringMatching(/^(HarmAgainstStable|SloBreach)$/),
    });
    const { failures } = await stage.shop.report(release.startedAtMs);
    expect([...new Set(failures.map(({ failedHop }) => failedHop))]).toEqual([`${RELEASED}=v3`]);
    figure('sources: bad release', { seconds: end.seconds, secondsAfterRecovery: (Date.now() - wellAt) / 1000 });
  });
});

/** The release waits for its metrics, and says this of them. */
function isAway(message: RegExp): (rollout: Rollout) => boolean {
  return ({ status }) => status?.waiting?.reason === 'MetricsUnavailable' && message.test(status.message ?? '');
}

async function controllerStart(): Promise<number> {
  return (await ownMetrics(controller.address)).sum('process_start_time_seconds');
}
