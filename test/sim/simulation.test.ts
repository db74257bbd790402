import { describe, expect, it } from 'vitest';
import { runScenario, runSeed } from './run.ts';
import { badScenario, crashScenario } from './scenario.ts';

const MODES = ['owned', 'adopted'] as const;
const DEFAULT_SEEDS = 60;
const env = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);
const only = process.env['SLUICE_SIM_SEED'];
const count = only === undefined ? env('SLUICE_SIM_SEEDS', DEFAULT_SEEDS) : 1;
const first = only === undefined ? env('SLUICE_SIM_FROM', 1) : Number(only);
const seeds = Array.from({ length: count }, (_, index) => first + index);

describe('a release under disturbance', () => {
  const ended = new Map<string, number>();

  it.each(seeds)('keeps every promise in the run of seed %i', async (seed) => {
    const { outcomes, isDisturbed } = await runSeed(seed);
    for (const outcome of outcomes) ended.set(outcome, (ended.get(outcome) ?? 0) + 1);
    if (!isDisturbed) expect(outcomes).toEqual(['Promoted']);
  });

  it.runIf(only === undefined)('ends in every common way in some run', () => {
    for (const outcome of ['Promoted', 'RolledBack']) expect(ended.get(outcome) ?? 0).toBeGreaterThan(count / 20);
  });
});

describe('a bad release', () => {
  /** Two failures a second at 5 %: the judge needs three, scrapes come every 5 s, a route takes 0.2 s. */
  const MOST_FAILURES = 40;

  it.runIf(only === undefined).each([1, 2, 3, 4])('is taken back after few failed requests (%i)', async (seed) => {
    const { outcomes, failedRequests } = await runScenario(badScenario(seed % 2 === 0 ? 'owned' : 'adopted'), seed);
    expect(outcomes).toEqual(['RolledBack']);
    expect(failedRequests).toBeGreaterThan(0);
    expect(failedRequests).toBeLessThan(MOST_FAILURES);
  });
});

describe('a good release whose controller is killed', () => {
  /** A release makes about so many writes; those after the last one kill nobody. */
  const writes = 60;
  const stride = count > DEFAULT_SEEDS ? 1 : 9;
  const places = Array.from({ length: Math.ceil(writes / stride) }, (_, index) => index * stride);
  const cases = places.flatMap((place, index) =>
    (['before', 'after'] as const).map((moment) => ({ place, moment, mode: MODES[index % 2] ?? 'owned' })),
  );

  it.runIf(only === undefined).each(cases)(
    '$moment write $place is promoted all the same ($mode route)',
    async (where) => {
      const { place, moment, mode } = where;
      const { outcomes } = await runScenario(crashScenario(mode, moment, place), place);
      expect(outcomes).toEqual(['Promoted']);
    },
  );
});
