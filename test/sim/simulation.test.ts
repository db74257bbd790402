import { expect, test } from 'vitest';
import { runSeed } from './run.ts';

const only = process.env['SLUICE_SIM_SEED'];
const count = Number(process.env['SLUICE_SIM_SEEDS'] ?? 60);
const seeds = only === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(only)];

test.each(seeds)('the run of seed %i keeps every promise', async (seed) => {
  const { outcomes } = await runSeed(seed);
  expect(outcomes.length).toBeGreaterThanOrEqual(0);
});
