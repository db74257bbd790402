import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControllerProcess, startController } from '../../lab/shop/controller-process.ts';
import { restrictedKubeconfig } from '../../lab/shop/service-account.ts';
import type { ChaosExperiment } from '../../src/api/chaos-experiment.ts';
import { createKube } from '../../src/kube/client.ts';
import { kinds } from '../../src/kube/kinds.ts';
import type { Kind, Kube, KubeObject } from '../../src/kube/port.ts';
import { type CatalogueEntry, catalogue, chosen, type ExpectedOutcome, shortened } from '../support/catalogue.ts';
import { eventually } from '../support/eventually.ts';
import { type Chain, createChain, layoutOf } from './support/catalogue-chain.ts';
import { figure } from './support/figures.ts';

const NAMESPACE = 'e2e-catalogue';
const namespaces: Kind = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const USER = { fieldManager: 'tester' } as const;
const RBAC = fileURLToPath(new URL('../../deploy/rbac.yaml', import.meta.url));
const MINUTE_MS = 60_000;

/** So many shops at a time, each for one experiment: what one has failed in an hour would be held against the next. */
const MOST_CHAINS = 4;

type Status = NonNullable<ChaosExperiment['status']>;

interface Run {
  readonly entry: CatalogueEntry;
  readonly manners: 'well' | 'badly';
}

/** The lab of every commit runs a third, another one each day; `npm run bench:catalogue` runs all. */
const entries = chosen(catalogue(), { wanted: process.env['SLUICE_CATALOGUE'], nowMs: Date.now() });
const runs: readonly Run[] = entries.flatMap((entry) =>
  (['well', 'badly'] as const).map((manners) => ({ entry, manners })),
);
const titleOf = ({ entry, manners }: Run) => `${entry.name}-${manners}`;

let kube: Kube;
let controller: ControllerProcess;
/** How each run ended, by its title. */
const results = new Map(runs.map((run) => [titleOf(run), Promise.withResolvers<Status>()]));

function settle(title: string, ended: Promise<Status>): void {
  const result = results.get(title);
  ended.then(result?.resolve, result?.reject);
}

beforeAll(async () => {
  // Each is awaited by its own test; until then it is no unhandled rejection.
  for (const { promise } of results.values()) promise.catch(() => {});
  kube = createKube();
  const state = process.env['LAB_STATE_DIR'] ?? tmpdir();
  const kubeconfig = join(state, `sluice-${NAMESPACE}.kubeconfig`);
  await restrictedKubeconfig(kube, { admin: process.env['KUBECONFIG'] ?? '', rbac: RBAC, to: kubeconfig });
  await kube.apply(
    namespaces,
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { ...USER, force: true },
  );
  controller = await startController({
    logFile: join(state, `controller-${NAMESPACE}.log`),
    port: 9483,
    env: { KUBECONFIG: kubeconfig, WATCH_NAMESPACE: NAMESPACE, REDIS_URL: undefined, LOG_LEVEL: 'info' },
  });
  const waiting = [...entries.entries()];
  for (let lane = 0; lane < MOST_CHAINS; lane += 1) void workOff(waiting);
}, 3 * MINUTE_MS);

afterAll(async () => {
  await controller?.stop();
  const ref = { kind: namespaces, name: NAMESPACE };
  await kube?.delete(ref, { propagation: 'Foreground' });
  await eventually('the namespace to be gone', async () => (await kube.get(ref)) === undefined, {
    withinMs: MINUTE_MS,
  });
}, 5 * MINUTE_MS);

/** Runs one experiment after the other, first with callers that behave well, as long as there are any. */
async function workOff(waiting: [number, CatalogueEntry][]): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [index, entry] = next;
    const chain = createChain(kube, { namespace: NAMESPACE, suffix: String(index), layout: layoutOf(entry) });
    const open = chain.open();
    const well = open.then(() => runOne(chain, { entry, manners: 'well' }));
    const badly = well.catch(() => {}).then(() => runOne(chain, { entry, manners: 'badly' }));
    settle(titleOf({ entry, manners: 'well' }), well);
    settle(titleOf({ entry, manners: 'badly' }), badly);
    await badly.catch(() => {});
    await chain.close().catch(() => {});
  }
}

async function runOne(chain: Chain, run: Run): Promise<Status> {
  const { entry, manners } = run;
  const { callers } = entry.expected[manners];
  await chain.behave(callers, entry.expected.shop.payments);
  const { apiVersion, kind } = kinds.chaosExperiment;
  const name = titleOf(run);
  const object = { apiVersion, kind, metadata: { name, namespace: NAMESPACE }, spec: chain.named(shortened(entry)) };
  await kube.create<KubeObject>(kinds.chaosExperiment, object as KubeObject, USER);
  let last: Status | undefined;
  await eventually(
    `${name} to finish`,
    async () => {
      const ref = { kind: kinds.chaosExperiment, namespace: NAMESPACE, name };
      last = (await kube.get<ChaosExperiment & KubeObject>(ref))?.status;
      return last?.phase === 'Finished';
    },
    { withinMs: 4 * MINUTE_MS, lastSeen: () => ({ ...last, machine: undefined }) },
  );
  if (last === undefined) throw new Error(`${name} has no status`);
  return last;
}

function check(status: Status, { verdict, reason, objective }: ExpectedOutcome): void {
  expect(status, status.message).toMatchObject({ verdict, ...(reason !== undefined && { reason }) });
  if (objective !== undefined) expect(status.message).toContain(`${objective}: breached`);
}

describe('the catalogue', () => {
  it.each(runs.map((run) => ({ title: titleOf(run), run })))(
    '$title ends as its folder says',
    async ({ title, run }) => {
      const status = await results.get(title)?.promise;
      if (status === undefined) throw new Error(`${title} did not run`);
      const { verdict, reason, seen, message, tolerance } = status;
      figure(`catalogue: ${title}`, { verdict, reason, seen, tolerance, message });
      check(status, run.entry.expected[run.manners]);
    },
  );
});
