import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControllerProcess } from '../../lab/shop/controller-process.ts';
import { createKube } from '../../src/kube/client.ts';
import type { Kind, Kube } from '../../src/kube/port.ts';
import { type CatalogueEntry, catalogue, chosen, type ExpectedOutcome, shortened } from '../support/catalogue.ts';
import { eventually } from '../support/eventually.ts';
import { type Chain, createChain, layoutOf } from './support/catalogue-chain.ts';
import { controllerOf, type ExperimentStatus, type Experiments, experimentsIn } from './support/experiments.ts';
import { figure } from './support/figures.ts';

const NAMESPACE = 'e2e-catalogue';
const namespaces: Kind = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const USER = { fieldManager: 'tester' } as const;
const MINUTE_MS = 60_000;

/** So many shops at a time, each for one experiment: what one has failed in an hour would be held against the next. */
const MOST_CHAINS = 4;

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
let experiments: Experiments;
/** How each run ended, by its title. */
const results = new Map(runs.map((run) => [titleOf(run), Promise.withResolvers<ExperimentStatus>()]));

function settle(title: string, ended: Promise<ExperimentStatus>): void {
  const result = results.get(title);
  ended.then(result?.resolve, result?.reject);
}

beforeAll(async () => {
  // Each is awaited by its own test; until then it is no unhandled rejection.
  for (const { promise } of results.values()) promise.catch(() => {});
  kube = createKube();
  experiments = experimentsIn(kube, NAMESPACE);
  await kube.apply(
    namespaces,
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { ...USER, force: true },
  );
  controller = await controllerOf(NAMESPACE, { port: 9483, logLevel: 'info' });
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

async function runOne(chain: Chain, run: Run): Promise<ExperimentStatus> {
  const { entry, manners } = run;
  const { callers } = entry.expected[manners];
  await chain.behave(callers, entry.expected.shop.payments);
  const name = titleOf(run);
  await experiments.create(name, chain.named(shortened(entry)));
  return await experiments.toEnd(name, 4 * MINUTE_MS);
}

function check(status: ExperimentStatus, { verdict, reason, objective }: ExpectedOutcome): void {
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
