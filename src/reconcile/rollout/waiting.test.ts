import { describe, expect, it } from 'vitest';
import { MachineWorld } from '../../../test/support/machine-world.ts';
import type { RolloutRecord } from './record.ts';
import { isUnsecured, waitOf } from './waiting.ts';

/** The record of a Rollout at rest. */
function restOf(world: MachineWorld): RolloutRecord {
  const { state, context } = world.machine;
  return { state, context, spec: null, baselines: {}, comparedWith: null, original: null, expected: [] };
}

describe('a Rollout that has just adopted its Deployment', () => {
  it('is not at rest before the Deployment is paused, because a new template would roll out unjudged', () => {
    const world = new MachineWorld();
    world.passUntil('Idle');
    world.paused = false;
    expect(isUnsecured(restOf(world), world.look())).toBe(true);
    expect(waitOf(restOf(world), world.look())).toMatchObject({ reason: 'PausingDeployment' });
  });

  it('is at rest once it is', () => {
    const world = new MachineWorld();
    world.passUntil('Idle');
    world.paused = true;
    expect(isUnsecured(restOf(world), world.look())).toBe(false);
    expect(waitOf(restOf(world), world.look())).toMatchObject({ reason: 'AtRest' });
  });
});
