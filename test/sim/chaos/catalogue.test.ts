import { describe, expect, it } from 'vitest';
import type { ChaosExperiment } from '../../../src/api/chaos-experiment.ts';
import { parseDuration } from '../../../src/lib/duration.ts';
import { type CatalogueEntry, catalogue, shortened } from '../../support/catalogue.ts';
import { NAME } from '../cluster.ts';
import { CALLER } from './callers.ts';
import { createChaosWorld, experiment, verdictOf } from './chaos-world.ts';
import { conductOf } from './conduct.ts';

/** What only the lab has: a release that holds at a step, and answers with a length. */
const LAB_ONLY = ['canary-only-delay', 'bandwidth-pinch'];
const TICKS_PER_SECOND = 10;

type Spec = ChaosExperiment['spec'];
type Objective = NonNullable<Spec['steadyState']>['objectives'][number];

const entries = catalogue().filter(({ name }) => !LAB_ONLY.includes(name));
const runs = entries.flatMap((entry) =>
  (['well', 'badly'] as const).map((manners) => ({
    entry,
    manners,
    title: `${entry.name} with callers that behave ${manners}`,
  })),
);

/** The manifest in the names of the simulated world, whose callers are one group. */
function specOf(entry: CatalogueEntry): object {
  const named = JSON.stringify(shortened(entry))
    .replace(/(?<=")payments(?=\\?")/g, NAME)
    .replace(/(?<=")checkout(?=\\?")/g, CALLER);
  const { steadyState, ...spec } = { ramp: undefined, ...(JSON.parse(named) as Spec) };
  const { objectives = [], service = '' } = steadyState ?? {};
  return {
    ...spec,
    callers: { matchLabels: { app: CALLER } },
    steadyState: { service, objectives: countable(objectives) },
  };
}

const isLatency = ({ requests }: Objective) => requests?.under !== undefined;

/** The simulated mesh counts no durations: users who wait too long are failures, and the same share of them is allowed. */
function countable(objectives: readonly Objective[]): Objective[] {
  const slow = objectives.filter(isLatency);
  if (slow.length === 0) return [...objectives];
  return slow.map(({ name, requests }) => ({ name, requests: { successRatio: requests?.ratio ?? 0 } }));
}

function patienceOf({ object }: CatalogueEntry): number {
  const { steadyState } = object.spec as Spec;
  const under = steadyState?.objectives.find(isLatency)?.requests?.under;
  return under === undefined ? Number.POSITIVE_INFINITY : (parseDuration(under) ?? 0);
}

function retryAfterOf({ object }: CatalogueEntry): number | null {
  const { throttle, shed } = (object.spec as Spec).fault;
  const after = throttle?.retryAfter ?? shed?.retryAfter;
  return after === undefined ? null : (parseDuration(after) ?? 0) / 1000;
}

describe('the catalogue', () => {
  it.each(runs)('$title', async ({ entry, manners }) => {
    const { shop, [manners]: expected } = entry.expected;
    const world = await createChaosWorld(1, { callers: { replicas: 1, rate: shop.rate / TICKS_PER_SECOND } });
    world.callers.conduct = conductOf({
      policy: expected.callers,
      now: () => world.clock.now(),
      retryAfterS: retryAfterOf(entry),
      patienceMs: patienceOf(entry),
      marked: shop.marked,
    });
    world.startController();
    await experiment(world, specOf(entry));
    const status = await verdictOf(world);
    const { verdict, reason, objective } = expected;
    expect(status, status?.message).toMatchObject({ verdict, ...(reason !== undefined && { reason }) });
    if (objective !== undefined) expect(status?.message).toContain(`${objective}: breached`);
  });
});
