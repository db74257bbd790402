import { describe, expect, it } from 'vitest';
import { careful, fragile } from './callers.ts';
import { createChaosWorld, experiment, verdictOf } from './chaos-world.ts';

describe('an experiment', () => {
  it.each([1, 2])('passes where users notice nothing (%i)', async (seed) => {
    const world = await createChaosWorld(seed, { callers: { conduct: careful } });
    world.startController();
    await experiment(world);
    const status = await verdictOf(world);
    if (process.env['SHOW']) console.log(world.monitor.trace.join('\n'));
    expect(status).toMatchObject({ verdict: 'Passed', reason: 'Completed', tolerance: 50 });
  });

  it.each([1, 2])('fails where they do (%i)', async (seed) => {
    const world = await createChaosWorld(seed, { callers: { conduct: fragile } });
    world.startController();
    await experiment(world);
    expect(await verdictOf(world)).toMatchObject({ verdict: 'Failed', reason: 'Breached' });
  });
});
