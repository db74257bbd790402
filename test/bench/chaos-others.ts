import { setTimeout as sleep } from 'node:timers/promises';
import { createShop } from '../../lab/shop/shop.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { KubeObject } from '../../src/kube/port.ts';
import type { FaultScene } from '../e2e/support/fault-scene.ts';
import { eventually } from '../support/eventually.ts';
import { ABORT } from './chaos-kinds.ts';
import { GRACE_MS, type Run } from './chaos-report.ts';
import type { ChaosStage } from './chaos-stage.ts';
import { watchService } from './chaos-watch.ts';

const MINUTE_MS = 60_000;
const SCRAPE_MS = 5_000;
const PER_SECOND = 20;

/** One experiment that is renewed for a long time, then the controller is killed. */
export async function runRenewal(stage: ChaosStage, scene: FaultScene, minutes: number): Promise<Run> {
  await scene.addService('renewal', [scene.first]);
  await stage.startController();
  const watch = watchService(scene.web, 'renewal', ABORT, 2 * PER_SECOND);
  try {
    const ramp = [{ percentage: 50, for: `${minutes + 5}m` }];
    await stage.create('renewal', 'renewal', { ...ABORT.spec, ramp, fuse: '60s' });
    await stage.until('renewal', 'injects', ({ phase }) => phase === 'Injecting');
    const isTouched = () => watch.firstTouchedSince(0) < Number.POSITIVE_INFINITY;
    await eventually('a touched answer', isTouched, { withinMs: 30_000 });
    const first = watch.firstTouchedSince(0);
    await sleep(first + minutes * MINUTE_MS - Date.now());
    const killedAt = Date.now();
    await stage.controller().kill();
    const gaps = watch.gaps(first + 1_000, killedAt);
    const isGone = async () => {
      await sleep(200);
      return (await stage.leftovers()).length === 0;
    };
    const problems: string[] = gaps.length === 0 ? [] : [`${gaps.length} s without a touched answer`];
    await eventually('no object', isGone, { withinMs: 2 * MINUTE_MS }).catch(() => problems.push('objects are left'));
    await sleep(3 * GRACE_MS);
    const lastAfterMs = watch.lastTouched() - killedAt;
    return {
      ...{ case: 'renewal', by: `${minutes} min under a 60 s fuse, then kill -9, from the kill on`, kind: 'abort' },
      ...{ lastAfterMs, boundMs: MINUTE_MS + GRACE_MS, problems },
    };
  } finally {
    await watch.stop();
    await stage.clear();
  }
}

/** Ten at once, and the lever. */
export async function runHalt(stage: ChaosStage, scene: FaultScene): Promise<readonly Run[]> {
  const names = Array.from({ length: 10 }, (_, index) => `halt-${index + 1}`);
  for (const name of [...names, 'halt-late']) await scene.addService(name, [scene.first]);
  await stage.startController();
  const watches = names.map((name) => [name, watchService(scene.web, name, ABORT, PER_SECOND)] as const);
  const begun = Date.now();
  try {
    for (const name of names) await stage.create(name, name, ABORT.spec);
    for (const [name, watch] of watches) {
      await stage.until(name, 'injects', ({ phase }) => phase === 'Injecting');
      const isTouched = () => watch.firstTouchedSince(begun) < Number.POSITIVE_INFINITY;
      await eventually(`a touched answer of ${name}`, isTouched, { withinMs: 30_000 });
    }
    const haltedAt = Date.now();
    await setHalt(stage, true);
    for (const name of names) await stage.until(name, 'is finished', ({ phase }) => phase === 'Finished');
    const problems = await tryLever(stage, names);
    return watches.map(([, watch]) => ({
      ...{ case: 'halt', by: 'the lever, with ten at once', kind: 'abort' },
      ...{ lastAfterMs: watch.lastTouched() - haltedAt, boundMs: GRACE_MS, problems },
    }));
  } finally {
    await stage.kube.delete({ kind: kinds.safetyPolicy, name: 'default' });
    await Promise.all(watches.map(([, watch]) => watch.stop()));
    await stage.clear();
    await stage.controller().kill();
  }
}

/** A new one is denied with the reason, and nothing begins by itself when the lever is taken back. */
async function tryLever(stage: ChaosStage, names: readonly string[]): Promise<readonly string[]> {
  const problems: string[] = [];
  await stage.create('halt-late', 'halt-late', ABORT.spec);
  const { reason, message = '' } = await stage.until('halt-late', 'is finished', ({ phase }) => phase === 'Finished');
  if (reason !== 'Denied' || !message.includes('a bench')) problems.push(`a new one: ${reason}: ${message}`);
  await setHalt(stage, false);
  const until = Date.now() + 15_000;
  while (Date.now() < until) {
    const left = await stage.leftovers();
    if (left.length > 0) problems.push(`after unhalt: ${left.join()}`);
    await sleep(500);
  }
  for (const name of [...names, 'halt-late']) {
    const { phase } = await stage.until(name, 'has a status', () => true);
    if (phase !== 'Finished') problems.push(`after unhalt ${name} is ${phase}`);
  }
  return problems;
}

async function setHalt({ kube }: ChaosStage, halt: boolean): Promise<void> {
  const { apiVersion, kind } = kinds.safetyPolicy;
  const policy = { apiVersion, kind, metadata: { name: 'default' }, spec: { halt, reason: 'a bench' } };
  await kube.apply<KubeObject>(kinds.safetyPolicy, policy as KubeObject, { fieldManager: 'bench', force: true });
}

/** Aborts that the callers' users see: from the first touched answer to the last. */
export async function runBreach(stage: ChaosStage): Promise<Run> {
  const shop = createShop(stage.kube, { namespace: stage.namespace, rate: 100 });
  try {
    await shop.open();
    await stage.startController();
    const createdAt = Date.now();
    await stage.create('breach', 'checkout', {
      fault: { abort: { httpStatus: 503 } },
      ramp: [{ percentage: 20, for: '3m' }],
      fuse: '60s',
      steadyState: { service: 'web', objectives: [{ name: 'availability', requests: { successRatio: 99 } }] },
    });
    const { verdict, reason, message } = await stage.until(
      'breach',
      'is finished',
      ({ phase }) => phase === 'Finished',
    );
    const ends = (await shop.report(createdAt)).failures.map(({ endedAtMs }) => endedAtMs);
    const isFailed = verdict === 'Failed' && reason === 'Breached';
    return {
      ...{ case: 'breach', by: 'SLO breach, from the first touched answer on', kind: 'abort' },
      lastAfterMs: Math.max(...ends) - Math.min(...ends),
      boundMs: 2 * SCRAPE_MS + GRACE_MS,
      problems: isFailed ? [] : [`${verdict}, ${reason}: ${message}`],
    };
  } finally {
    await stage.clear();
    await shop.close();
  }
}
