import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startController } from '../lab/shop/controller-process.ts';
import { restrictedKubeconfig } from '../lab/shop/service-account.ts';
import { createShop, type Shop } from '../lab/shop/shop.ts';
import type { Rollout } from '../src/api/rollout.ts';
import { createKube } from '../src/kube/client.ts';
import { narrate } from './narrate.ts';
import { type Chapter, renderTable } from './table.ts';

/** Requests per second at the shop's door. */
const RATE = 200;
const NAMESPACE = 'shop';
/** The whole demo has to be over long before anybody gives up on it. */
const CHAPTER_TIMEOUT_MS = 240_000;

const state = process.env['DEMO_STATE'] ?? '.';
const lab = process.env['DEMO_LAB'] ?? 'demo';
const isKept = process.env['DEMO_KEEP'] === '1';

async function tell(): Promise<boolean> {
  const admin = process.env['KUBECONFIG'] ?? '';
  const kube = createKube({ kubeconfigPath: admin });
  const rbac = fileURLToPath(new URL('../deploy/rbac.yaml', import.meta.url));
  const kubeconfig = await restrictedKubeconfig(kube, { admin, rbac, to: join(state, 'controller.kubeconfig') });
  const controller = await startController({
    logFile: join(state, 'logs', 'controller.log'),
    port: 9464,
    env: { KUBECONFIG: kubeconfig },
    outlivesCaller: isKept,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void controller.stop().then(() => process.exit(1)));
  try {
    const shop = createShop(kube, { namespace: NAMESPACE, rate: RATE });
    say(`opens a shop: load (${RATE} requests/s) → web → checkout`);
    await shop.open();
    await shop.addRollout();
    await shop.until('the Deployment is adopted', ({ status }) => status?.phase === 'Idle');
    const good = await chapter(shop, { version: 'v2', title: 'good release', expected: 'Promoted' });
    const bad = await chapter(shop, {
      version: 'v3',
      title: 'bad release (30 % of its answers are 500)',
      behaviour: { ERROR_RATIO: '0.3' },
      expected: 'RolledBack',
    });
    process.stdout.write(`\n${renderTable([good, bad])}\n`);
    if (isKept) process.stdout.write(howToLookAround());
    return good.isAsExpected && bad.isAsExpected;
  } finally {
    if (!isKept) await controller.stop();
  }
}

interface ChapterPlan {
  readonly version: string;
  readonly title: string;
  readonly behaviour?: Readonly<Record<string, string>>;
  readonly expected: 'Promoted' | 'RolledBack';
}

async function chapter(shop: Shop, { version, title, behaviour, expected }: ChapterPlan): Promise<Chapter> {
  say(`${title}: checkout ${version}`);
  const before = await shop.report();
  const startedAtMs = Date.now();
  const releases = (await shop.rollout()).status?.history?.length ?? 0;
  await shop.release(version, behaviour);
  const isOver = ({ status }: Rollout) => (status?.history?.length ?? 0) > releases && status?.phase === 'Idle';
  const narrator = narrate(shop);
  const rollout = await shop.until(`the ${title} is over`, isOver, CHAPTER_TIMEOUT_MS).finally(narrator.end);
  const after = await shop.report(startedAtMs);
  const last = rollout.status?.history?.at(-1);
  const answered = after.versions[`checkout=${version}`];
  return {
    title,
    outcome: `${last?.outcome}`,
    isAsExpected: last?.outcome === expected && (expected === 'RolledBack' || after.failed === before.failed),
    seconds: (Date.now() - startedAtMs) / 1000,
    requests: after.done - before.done,
    failed: after.failed - before.failed,
    failures: after.failures,
    exposureSeconds: answered === undefined ? null : (answered.lastAtMs - answered.firstAtMs) / 1000,
    message: last?.message ?? '',
  };
}

function say(text: string): void {
  process.stdout.write(`\n▸ ${text}\n`);
}

function howToLookAround(): string {
  const run = `npm run lab -- --name ${lab}`;
  return [
    '\nEverything is still running. Look around:',
    `  ${run} exec -- bin/sluice get -n ${NAMESPACE}`,
    `  ${run} kubectl get pods,rollouts -n ${NAMESPACE}`,
    `  ${run} kubectl set env deployment/checkout -n ${NAMESPACE} VERSION=v4 ERROR_RATIO-`,
    `  ${run} exec -- bin/sluice watch checkout -n ${NAMESPACE}`,
    `Stop it:  ${run} down\n`,
  ].join('\n');
}

process.exitCode = (await tell()) ? 0 : 1;
